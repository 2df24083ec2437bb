"""Statistics from the tallies that triggers keep, and records that may be duplicates."""

# ruff: noqa: S608 - constants of this module

from typing import Final

from lyceum.customers.queries.customers import COLUMNS
from lyceum.customers.records import Customer, DuplicateSet, Tally
from lyceum.platform.statements import Query, command, sql

READ_TALLIES = sql(
    """
    SELECT t.dimension, t.value, sum(t.amount)::int8 AS amount FROM customers.tallies t
    GROUP BY t.dimension, t.value HAVING sum(t.amount) > 0
    ORDER BY amount DESC, t.value
    """,
    Tally,
)
# A reader sees the rows of before or of after, never both: it is one statement.
SUM_UP_TALLIES = command(
    """
    WITH gone AS (DELETE FROM customers.tallies RETURNING dimension, value, amount)
    INSERT INTO customers.tallies (dimension, value, amount)
    SELECT g.dimension, g.value, sum(g.amount) FROM gone g
    GROUP BY g.dimension, g.value HAVING sum(g.amount) <> 0
    """
)

_KEYS: Final = {
    "email": "k.email", "phone": "k.phone_key", "taxId": "k.tax_key", "name": "k.name_key"
}  # fmt: skip
# Parameters: the key before, limit. One scan of the key's index, in its order.
LIST_DUPLICATES: Final[dict[str, Query[DuplicateSet]]] = {
    by: sql(
        f"""
        SELECT coalesce({key}, '') AS key,
            (array_agg(k.customer_id ORDER BY k.customer_id))[1:50] AS customer_ids
        FROM customers.keys k
        WHERE k.is_present AND {key} IS NOT NULL AND length({key}) > 3 AND {key} > $1
        GROUP BY {key} HAVING count(*) > 1 ORDER BY {key} LIMIT $2
        """,
        DuplicateSet,
    )
    for by, key in _KEYS.items()
}
# The likeliest first: each thing in common counts, a name for less.
LIST_LIKE = sql(
    f"""
    SELECT {COLUMNS} FROM customers.customers c
    JOIN customers.keys k ON k.customer_id = c.id
    CROSS JOIN (SELECT * FROM customers.keys WHERE customer_id = $1) o
    WHERE k.is_present AND c.id <> $1 AND c.id IN (
        SELECT e.customer_id FROM customers.keys e, customers.keys s
        WHERE s.customer_id = $1 AND e.email = s.email AND e.is_present
        UNION SELECT e.customer_id FROM customers.keys e, customers.keys s
        WHERE s.customer_id = $1 AND e.phone_key = s.phone_key AND e.is_present
        UNION SELECT e.customer_id FROM customers.keys e, customers.keys s
        WHERE s.customer_id = $1 AND e.tax_key = s.tax_key AND e.is_present
        UNION SELECT e.customer_id FROM customers.keys e, customers.keys s
        WHERE s.customer_id = $1 AND e.name_key = s.name_key AND e.is_present)
    ORDER BY coalesce((k.tax_key = o.tax_key)::int4 * 4, 0)
        + coalesce((k.email = o.email)::int4 * 4, 0)
        + coalesce((k.phone_key = o.phone_key)::int4 * 2, 0)
        + (k.name_key = o.name_key)::int4 DESC, c.created_at, c.id
    LIMIT 50
    """,
    Customer,
)
