"""How custom roles are read and written.

Statements are put together from constants of this module alone.
"""

# ruff: noqa: S608 - for that reason

from collections.abc import Iterable

from lyceum.platform.database import Reader
from lyceum.platform.statements import command, sql
from lyceum.users.permissions import custom_roles
from lyceum.users.records import CustomRole

_ROLE = "r.name, r.description, r.permissions, r.version, r.created_at, r.updated_at"

LIST_ROLES = sql(f"SELECT {_ROLE} FROM users.roles r ORDER BY r.name", CustomRole)
FIND_ROLE = sql(f"SELECT {_ROLE} FROM users.roles r WHERE r.name = $1", CustomRole)
LOCK_ROLE = command(f"SELECT {_ROLE} FROM users.roles r WHERE r.name = $1 FOR UPDATE", CustomRole)
# Whoever gives a role: it stays until the end of the transaction.
HOLD_ROLES = command(
    f"SELECT {_ROLE} FROM users.roles r WHERE r.name = ANY ($1) ORDER BY r.name FOR KEY SHARE",
    CustomRole,
)
FIND_ROLES = sql(
    f"SELECT {_ROLE} FROM users.roles r WHERE r.name = ANY ($1) ORDER BY r.name", CustomRole
)
INSERT_ROLE = command(
    f"""
    INSERT INTO users.roles AS r (name, description, permissions) VALUES ($1, $2, $3)
    RETURNING {_ROLE}
    """,
    CustomRole,
)
UPDATE_ROLE = command(
    f"""
    UPDATE users.roles AS r SET
        description = $2, permissions = $3, version = version + 1, updated_at = now()
    WHERE name = $1
    RETURNING {_ROLE}
    """,
    CustomRole,
)
DELETE_ROLE = command("DELETE FROM users.roles WHERE name = $1")
COUNT_HOLDERS = sql("SELECT count(*) FROM users.users WHERE $1::text = ANY (roles)", int)


async def list_granted(tx: Reader, roles: Iterable[str]) -> frozenset[str]:
    """Return the permissions that the custom ones among `roles` grant."""
    wanted = custom_roles(roles)
    found = await tx.all(FIND_ROLES, list(wanted)) if wanted else []
    return frozenset(name for role in found for name in role.permissions)
