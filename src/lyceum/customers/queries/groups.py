"""Reading and writing groups and their members."""

# ruff: noqa: S608 - constants of this module

from typing import Final
from uuid import UUID

from lyceum.customers.records import Group
from lyceum.platform.statements import command, sql

_GROUP: Final = "g.id, g.name, g.description, g.kind, g.rule, g.version, g.created_at, g.updated_at"

INSERT = command(
    """
    INSERT INTO customers.groups (id, name, description, kind, rule) VALUES ($1, $2, $3, $4, $5)
    """
)
UPDATE = command(
    """
    UPDATE customers.groups SET name = $2, description = $3, kind = $4, rule = $5,
        version = version + 1, updated_at = now()
    WHERE id = $1
    """
)
DELETE = command("DELETE FROM customers.groups WHERE id = $1")
FIND = sql(f"SELECT {_GROUP} FROM customers.groups g WHERE g.id = $1", Group)
LOCK = command(f"SELECT {_GROUP} FROM customers.groups g WHERE g.id = $1 FOR NO KEY UPDATE", Group)
LIST = sql(
    f"""
    SELECT {_GROUP} FROM customers.groups g WHERE strpos(lower(g.name), $1) > 0
    ORDER BY lower(g.name), g.id LIMIT $2 OFFSET $3
    """,
    Group,
)
COUNT = sql("SELECT count(*) FROM customers.groups WHERE strpos(lower(name), $1) > 0", int)
COUNT_MEMBERS = sql(
    """
    SELECT count(*) FROM customers.group_members m
    JOIN customers.customers c ON c.id = m.customer_id
    WHERE m.group_id = $1 AND c.deleted_at IS NULL
    """,
    int,
)
# Only who exists is added; locked, so that none is deleted or merged meanwhile.
ADD_MEMBERS = command(
    """
    INSERT INTO customers.group_members (group_id, customer_id)
    SELECT $1, c.id FROM (
        SELECT id FROM customers.customers
        WHERE id = ANY($2::uuid[]) AND deleted_at IS NULL ORDER BY id FOR KEY SHARE) c
    ON CONFLICT DO NOTHING RETURNING customer_id
    """,
    UUID,
)
LIST_PRESENT = sql(
    "SELECT id FROM customers.customers WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL", UUID
)
REMOVE_MEMBERS = command(
    """
    DELETE FROM customers.group_members WHERE group_id = $1 AND customer_id = ANY($2::uuid[])
    RETURNING customer_id
    """,
    UUID,
)
EMPTY = command("DELETE FROM customers.group_members WHERE group_id = $1")
IS_MEMBER = sql(
    """
    SELECT EXISTS (
        SELECT FROM customers.group_members m JOIN customers.customers c ON c.id = m.customer_id
        WHERE m.group_id = $1 AND m.customer_id = $2 AND c.deleted_at IS NULL)
    """,
    bool,
)
