"""Reading and writing the rows of customers and of what belongs to them."""

# ruff: noqa: S608 - constants of this module

from typing import Final
from uuid import UUID

from lyceum.customers.records import AccountOf, Consent, Customer, GroupName, LinkedAccount, Note
from lyceum.platform.statements import command, sql

COLUMNS: Final = """
    c.id, c.kind, c.name, c.email, c.phone, c.tax_id, c.reference, c.lifecycle, c.owner_id, c.tags,
    c.custom_fields, c.contacts, c.addresses, c.consents, c.version, c.created_at, c.updated_at,
    c.deleted_at, c.merged_into_id
"""

FIND = sql(f"SELECT {COLUMNS} FROM customers.customers c WHERE c.id = $1", Customer)
FIND_MANY = sql(
    f"""
    SELECT {COLUMNS} FROM customers.customers c WHERE c.id = ANY($1::uuid[])
    ORDER BY c.created_at, c.id
    """,
    Customer,
)
# In the order of ids, so that two who lock the same rows never wait for each other.
LOCK_MANY = command(
    f"""
    SELECT {COLUMNS} FROM customers.customers c WHERE c.id = ANY($1::uuid[])
    ORDER BY c.id FOR NO KEY UPDATE
    """,
    Customer,
)
# All rows or none; a reference that is taken breaks customers_reference_unique.
INSERT_MANY = command(
    """
    INSERT INTO customers.customers (
        id, kind, name, email, phone, tax_id, reference, lifecycle, owner_id, tags, custom_fields,
        contacts, addresses)
    SELECT n.id, n.kind, n.name, n.email, n.phone, n.tax_id, n.reference, n.lifecycle, n.owner_id,
        n.tags, n.custom_fields, n.contacts, n.addresses
    FROM jsonb_to_recordset($1) AS n (
        id uuid, kind text, name text, email text, phone text, tax_id text, reference text,
        lifecycle text, owner_id uuid, tags text[], custom_fields jsonb, contacts jsonb,
        addresses jsonb)
    """
)
# Only what needs no other column to be computed anew, and no key to be kept.
UPDATE_STANDINGS = command(
    """
    UPDATE customers.customers c SET
        lifecycle = n.lifecycle, owner_id = n.owner_id, tags = n.tags,
        custom_fields = n.custom_fields, version = c.version + 1, updated_at = now()
    FROM jsonb_to_recordset($1) AS n (
        id uuid, lifecycle text, owner_id uuid, tags text[], custom_fields jsonb)
    WHERE c.id = n.id
    """
)
UPDATE_MANY = command(
    """
    UPDATE customers.customers c SET
        kind = n.kind, name = n.name, email = n.email, phone = n.phone, tax_id = n.tax_id,
        reference = n.reference, lifecycle = n.lifecycle, owner_id = n.owner_id, tags = n.tags,
        custom_fields = n.custom_fields, contacts = n.contacts, addresses = n.addresses,
        version = c.version + 1, updated_at = now()
    FROM jsonb_to_recordset($1) AS n (
        id uuid, kind text, name text, email text, phone text, tax_id text, reference text,
        lifecycle text, owner_id uuid, tags text[], custom_fields jsonb, contacts jsonb,
        addresses jsonb)
    WHERE c.id = n.id
    """
)
TOUCH = command(
    "UPDATE customers.customers SET version = version + 1, updated_at = now() WHERE id = $1"
)
DELETE = command(
    """
    UPDATE customers.customers SET deleted_at = now(), version = version + 1, updated_at = now()
    WHERE id = $1
    """
)
RESTORE = command(
    """
    UPDATE customers.customers SET deleted_at = NULL, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)
LIST_TAKEN_REFERENCES = sql(
    """
    SELECT coalesce(reference, '') FROM customers.keys
    WHERE is_present AND reference = ANY($1::text[])
    """,
    str,
)

# Accounts. No row: the account is linked already, here or elsewhere.

LINK_ACCOUNT = command(
    """
    INSERT INTO customers.accounts (user_id, customer_id) VALUES ($1, $2)
    ON CONFLICT (user_id) DO NOTHING RETURNING user_id
    """,
    UUID,
)
UNLINK_ACCOUNT = command(
    """
    DELETE FROM customers.accounts WHERE user_id = $1 AND customer_id = $2 RETURNING user_id
    """,
    UUID,
)
FIND_CUSTOMER_OF_ACCOUNT = sql(
    "SELECT customer_id FROM customers.accounts WHERE user_id = $1", UUID
)
LIST_ACCOUNTS_OF = sql(
    "SELECT customer_id, user_id FROM customers.accounts WHERE customer_id = ANY($1::uuid[])",
    AccountOf,
)
LIST_ACCOUNTS = sql(
    """
    SELECT a.user_id, p.display_name, a.linked_at
    FROM customers.accounts a LEFT JOIN users.public_profiles p ON p.user_id = a.user_id
    WHERE a.customer_id = $1 ORDER BY a.linked_at, a.user_id
    """,
    LinkedAccount,
)
LIST_BY_EMAIL = sql(
    """
    SELECT customer_id FROM customers.keys WHERE email = $1 AND is_present
    ORDER BY customer_id LIMIT 2
    """,
    UUID,
)

# Notes.

_NOTE: Final = """
    SELECT n.id, n.customer_id, n.body, n.author_id, p.display_name AS author_name, n.created_at
    FROM customers.notes n LEFT JOIN users.public_profiles p ON p.user_id = n.author_id
"""
INSERT_NOTE = command(
    "INSERT INTO customers.notes (id, customer_id, body, author_id) VALUES ($1, $2, $3, $4)"
)
FIND_NOTE = sql(f"{_NOTE} WHERE n.id = $1 AND n.customer_id = $2", Note)
LIST_NOTES = sql(
    f"""
    {_NOTE} WHERE n.customer_id = $1
    ORDER BY n.created_at DESC, n.id DESC LIMIT $2 OFFSET $3
    """,
    Note,
)
COUNT_NOTES = sql("SELECT count(*) FROM customers.notes WHERE customer_id = $1", int)
DELETE_NOTE = command("DELETE FROM customers.notes WHERE id = $1")

# Consents.

RECORD_CONSENT = command(
    """
    INSERT INTO customers.consents (id, customer_id, purpose, is_given, source, recorded_by)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
)
SET_CONSENTS = command(
    """
    UPDATE customers.customers SET consents = $2, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)
LIST_CONSENTS = sql(
    """
    SELECT purpose, is_given, source, recorded_by, recorded_at FROM customers.consents
    WHERE customer_id = $1 ORDER BY recorded_at, id
    """,
    Consent,
)

LIST_GROUPS_OF = sql(
    """
    SELECT g.id, g.name FROM customers.group_members m JOIN customers.groups g ON g.id = m.group_id
    WHERE m.customer_id = $1 ORDER BY lower(g.name), g.id
    """,
    GroupName,
)

# A merge: what belonged to the duplicates belongs to the survivor.

MOVE_NOTES = command(
    "UPDATE customers.notes SET customer_id = $1 WHERE customer_id = ANY($2::uuid[])"
)
MOVE_TIMELINE = command(
    "UPDATE customers.timeline SET customer_id = $1 WHERE customer_id = ANY($2::uuid[])"
)
MOVE_ACCOUNTS = command(
    "UPDATE customers.accounts SET customer_id = $1 WHERE customer_id = ANY($2::uuid[])"
)
MOVE_CONSENTS = command(
    "UPDATE customers.consents SET customer_id = $1 WHERE customer_id = ANY($2::uuid[])"
)
COPY_MEMBERSHIPS = command(
    """
    INSERT INTO customers.group_members (group_id, customer_id)
    SELECT DISTINCT m.group_id, $1::uuid FROM customers.group_members m
    WHERE m.customer_id = ANY($2::uuid[])
    ON CONFLICT DO NOTHING
    """
)
DROP_MEMBERSHIPS = command(
    "DELETE FROM customers.group_members WHERE customer_id = ANY($1::uuid[])"
)
MARK_MERGED = command(
    """
    UPDATE customers.customers SET merged_into_id = $1, deleted_at = now(), version = version + 1,
        updated_at = now()
    WHERE id = ANY($2::uuid[])
    """
)
