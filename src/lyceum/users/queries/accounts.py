"""How accounts are read and written.

A user's row is locked before the user's sessions. Times are the database's. Statements are put
together from constants of this module alone.
"""

# ruff: noqa: S608 - for that reason

from itertools import combinations
from typing import Final
from uuid import UUID

from lyceum.platform.statements import Query, command, sql
from lyceum.users.records import Account

_ACCOUNT = """
    u.id, u.email, u.first_name, u.last_name, u.avatar_url, u.bio, u.locale, u.time_zone,
    u.visibility, u.status, u.roles, u.permissions_version, u.email_verified_at, u.version,
    u.created_at, u.updated_at, u.deactivated_at
"""

FIND_ACCOUNT = sql(f"SELECT {_ACCOUNT} FROM users.users u WHERE u.id = $1", Account)
FIND_ACCOUNT_BY_EMAIL = sql(f"SELECT {_ACCOUNT} FROM users.users u WHERE u.email = $1", Account)
LIST_ACTIVE = sql(
    "SELECT u.id FROM users.users u WHERE u.id = ANY($1::uuid[]) AND u.status = 'active'", UUID
)
LOCK_ACCOUNT = command(
    f"SELECT {_ACCOUNT} FROM users.users u WHERE u.id = $1 FOR NO KEY UPDATE", Account
)
INSERT_ACCOUNT = command(
    f"""
    INSERT INTO users.users AS u
        (id, email, password_hash, first_name, last_name, roles, email_verified_at)
    VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7::boolean THEN now() END)
    RETURNING {_ACCOUNT}
    """,
    Account,
)
UPDATE_PROFILE = command(
    f"""
    UPDATE users.users AS u SET
        first_name = $2, last_name = $3, avatar_url = $4, bio = $5, locale = $6, time_zone = $7,
        visibility = $8, version = version + 1, updated_at = now()
    WHERE id = $1
    RETURNING {_ACCOUNT}
    """,
    Account,
)
UPDATE_ROLES = command(
    f"""
    UPDATE users.users AS u SET
        roles = $2, permissions_version = permissions_version + 1,
        version = version + 1, updated_at = now()
    WHERE id = $1
    RETURNING {_ACCOUNT}
    """,
    Account,
)
UPDATE_STATUS = command(
    f"""
    UPDATE users.users AS u SET
        status = $2, deactivated_at = NULL, permissions_version = permissions_version + 1,
        version = version + 1, updated_at = now()
    WHERE id = $1
    RETURNING {_ACCOUNT}
    """,
    Account,
)
VERIFY_EMAIL = command(
    f"""
    UPDATE users.users AS u SET
        email_verified_at = now(), version = version + 1, updated_at = now()
    WHERE id = $1 AND email = $2 AND email_verified_at IS NULL AND status <> 'erased'
    RETURNING {_ACCOUNT}
    """,
    Account,
)
UPDATE_EMAIL = command(
    f"""
    UPDATE users.users AS u SET
        email = $2, email_verified_at = now(), version = version + 1, updated_at = now()
    WHERE id = $1
    RETURNING {_ACCOUNT}
    """,
    Account,
)
DEACTIVATE = command(
    """
    UPDATE users.users SET
        status = 'suspended', deactivated_at = now(), version = version + 1, updated_at = now()
    WHERE id = $1
    """
)
REACTIVATE = command(
    f"""
    UPDATE users.users AS u SET
        status = 'active', deactivated_at = NULL, version = version + 1, updated_at = now()
    WHERE id = $1 AND status = 'suspended' AND deactivated_at IS NOT NULL
    RETURNING {_ACCOUNT}
    """,
    Account,
)
# Changes of rank are rare; one after the other, so that the last super admin stays.
LOCK_RANKS = command("SELECT true FROM pg_advisory_xact_lock(7306201188472)", bool)
COUNT_OTHER_SUPER_ADMINS = sql(
    """
    SELECT count(*) FROM users.users
    WHERE 'super_admin' = ANY (roles) AND status = 'active' AND id <> $1
    """,
    int,
)

# Lists: one statement for each set of filters, because all run under a generic plan. A search
# reads the whole table; administrators alone can ask for it.
_FILTERS: Final = {
    "search": "strpos(lower(u.email || ' ' || u.first_name || ' ' || u.last_name), ${}) > 0",
    "role": "${} = ANY (u.roles)",
    "status": "u.status = ${}",
}


def _where(names: tuple[str, ...]) -> str:
    conditions = [_FILTERS[name].format(number) for number, name in enumerate(names, start=1)]
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


_FILTER_SETS = [names for size in range(4) for names in combinations(_FILTERS, size)]
LIST_ACCOUNTS: Final[dict[tuple[str, ...], Query[Account]]] = {
    names: sql(
        f"""
        SELECT {_ACCOUNT} FROM users.users u {_where(names)}
        ORDER BY u.created_at DESC, u.id DESC
        LIMIT ${len(names) + 1} OFFSET ${len(names) + 2}
        """,
        Account,
    )
    for names in _FILTER_SETS
}
COUNT_ACCOUNTS: Final[dict[tuple[str, ...], Query[int]]] = {
    names: sql(f"SELECT count(*) FROM users.users u {_where(names)}", int) for names in _FILTER_SETS
}
