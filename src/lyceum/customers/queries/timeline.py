"""What happened with a customer."""

from lyceum.customers.records import TimelineEntry
from lyceum.platform.statements import command, sql

ADD = command(
    """
    INSERT INTO customers.timeline (id, customer_id, kind, facts)
    SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT FROM customers.customers WHERE id = $2)
    """
)
# A record that was merged has handed its timeline over: what comes late goes there, too.
ADD_FOR_ACCOUNT = command(
    """
    INSERT INTO customers.timeline (id, customer_id, kind, facts)
    SELECT $1, a.customer_id, $3, $4 FROM customers.accounts a WHERE a.user_id = $2
    """
)
# Parameters: customer id, limit; and of the entry before: when it happened, its id.
LIST = sql(
    """
    SELECT id, kind, facts, happened_at FROM customers.timeline
    WHERE customer_id = $1 ORDER BY happened_at DESC, id DESC LIMIT $2
    """,
    TimelineEntry,
)
LIST_AFTER = sql(
    """
    SELECT id, kind, facts, happened_at FROM customers.timeline
    WHERE customer_id = $1 AND (happened_at, id) < ($3, $4)
    ORDER BY happened_at DESC, id DESC LIMIT $2
    """,
    TimelineEntry,
)
