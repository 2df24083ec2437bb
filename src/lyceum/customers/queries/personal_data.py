"""What the tables of `customers` hold about people (`platform.privacy`).

A person is the customer that their account is linked to, or that has their address. Erasing leaves
a record without a name, so that what was bought and counted still has something to point to; a
company loses the link alone.
"""

# ruff: noqa: S608 - constants of this module

from typing import Final

from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

_THEIRS: Final = "SELECT a.customer_id FROM customers.accounts a WHERE a.user_id = $1"
_PERSONS: Final = f"""
    SELECT p.id FROM customers.customers p WHERE p.kind = 'person' AND p.id IN ({_THEIRS})
"""
_ADDRESSED: Final = "SELECT k.customer_id FROM customers.keys k WHERE k.email = $1"
_FORGET: Final = """
    UPDATE customers.customers c SET
        name = 'Former customer', email = NULL, phone = NULL, tax_id = NULL, reference = NULL,
        tags = '{}', custom_fields = '{}', contacts = '[]', addresses = '[]', consents = '{}',
        version = c.version + 1, updated_at = now()
"""

# Erasing goes from the last to the first: the links are what finds the rest.
privacy.holds(
    "customers.accounts",
    "user_id",
    "customer_id",
    export=sql("SELECT to_jsonb(a) FROM customers.accounts a WHERE a.user_id = $1", Json),
    erase=command("DELETE FROM customers.accounts WHERE user_id = $1"),
)
privacy.holds(
    "customers.customers",
    "owner_id",
    export=sql(
        f"SELECT to_jsonb(c) - 'words' FROM customers.customers c WHERE c.id IN ({_THEIRS})", Json
    ),
    erase=command(f"{_FORGET} WHERE c.id IN ({_PERSONS})"),
)
privacy.holds(
    "customers.customers",
    "email",
    "phone",
    by="email",
    export=sql(
        f"SELECT to_jsonb(c) - 'words' FROM customers.customers c WHERE c.id IN ({_ADDRESSED})",
        Json,
    ),
    erase=command(f"{_FORGET} WHERE c.kind = 'person' AND c.id IN ({_ADDRESSED})"),
)
privacy.holds(
    "customers.keys",
    "customer_id",
    "email",
    export=sql(
        f"SELECT to_jsonb(k) - 'words' FROM customers.keys k WHERE k.customer_id IN ({_THEIRS})",
        Json,
    ),
    keeps="copies from customers.customers, which a trigger empties together with it",
)
privacy.holds(
    "customers.notes",
    "customer_id",
    "author_id",
    export=sql(
        f"SELECT to_jsonb(n) FROM customers.notes n WHERE n.customer_id IN ({_THEIRS})", Json
    ),
    erase=command(f"DELETE FROM customers.notes WHERE customer_id IN ({_PERSONS})"),
)
privacy.holds(
    "customers.timeline",
    "customer_id",
    export=sql(
        f"SELECT to_jsonb(t) FROM customers.timeline t WHERE t.customer_id IN ({_THEIRS})", Json
    ),
    erase=command(f"DELETE FROM customers.timeline WHERE customer_id IN ({_PERSONS})"),
)
privacy.holds(
    "customers.consents",
    "customer_id",
    "recorded_by",
    export=sql(
        f"SELECT to_jsonb(c) FROM customers.consents c WHERE c.customer_id IN ({_THEIRS})", Json
    ),
    keeps="proves what was consented to, by a record that names nobody any more",
)
privacy.holds(
    "customers.group_members",
    "customer_id",
    export=sql(
        f"""
        SELECT jsonb_build_object('group', g.name, 'added_at', m.added_at)
        FROM customers.group_members m JOIN customers.groups g ON g.id = m.group_id
        WHERE m.customer_id IN ({_THEIRS})
        """,
        Json,
    ),
    erase=command(f"DELETE FROM customers.group_members WHERE customer_id IN ({_PERSONS})"),
)
privacy.holds(
    "customers.transfers",
    "asked_by",
    export=sql(
        """
        SELECT jsonb_build_object('id', id, 'direction', direction, 'created_at', created_at)
        FROM customers.transfers WHERE asked_by = $1
        """,
        Json,
    ),
    keeps="who moved customers in and out is told by an id",
)
