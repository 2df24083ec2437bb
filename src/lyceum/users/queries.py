"""How accounts, sessions and tokens are read and written.

Locks are taken in one order: an address's failures, a user's row, then the user's sessions. Times
are the database's. Statements are put together from constants of this module alone.
"""

# ruff: noqa: S608 - for that reason

from itertools import combinations
from typing import Final
from uuid import UUID

from lyceum.platform.statements import Query, command, sql
from lyceum.users.records import (
    Account,
    ClaimedLink,
    Credentials,
    PublicKey,
    RefreshState,
    Registration,
    Session,
    Standing,
    StoredKey,
)

_ACCOUNT = """
    u.id, u.email, u.first_name, u.last_name, u.avatar_url, u.bio, u.locale, u.time_zone,
    u.visibility, u.status, u.roles, u.permissions_version, u.email_verified_at, u.version,
    u.created_at, u.updated_at
"""

# Accounts.

FIND_ACCOUNT = sql(f"SELECT {_ACCOUNT} FROM users.users u WHERE u.id = $1", Account)
FIND_ACCOUNT_BY_EMAIL = sql(f"SELECT {_ACCOUNT} FROM users.users u WHERE u.email = $1", Account)
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
        status = $2, permissions_version = permissions_version + 1,
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

# Passwords and what went wrong with them.

FIND_CREDENTIALS_BY_EMAIL = sql(
    """
    SELECT id AS user_id, email, password_hash FROM users.users
    WHERE email = $1 AND status <> 'erased'
    """,
    Credentials,
)
FIND_CREDENTIALS = sql(
    "SELECT id AS user_id, email, password_hash FROM users.users WHERE id = $1", Credentials
)
REPLACE_PASSWORD = command(
    """
    UPDATE users.users SET password_hash = $2, updated_at = now()
    WHERE id = $1 AND password_hash = $3
    RETURNING id
    """,
    UUID,
)
# The oldest of the failures that count decides when there may be another try.
_SECONDS_LOCKED = """
    coalesce(ceil(greatest(0,
        extract(epoch FROM failed_at[$2::integer] - now()) + $3::integer)), 0)::integer
"""
FIND_LOCK = sql(f"SELECT {_SECONDS_LOCKED} FROM users.login_failures WHERE account_key = $1", int)
# Sign-ins with one address pass here one after the other, so that guesses made at the same time get
# no more answers than guesses made in turn.
CLAIM_ATTEMPT = command(
    f"""
    INSERT INTO users.login_failures AS f (account_key, failed_at, last_failed_at)
    VALUES ($1, '{{}}', now())
    ON CONFLICT (account_key) DO UPDATE SET last_failed_at = f.last_failed_at
    RETURNING {_SECONDS_LOCKED}
    """,
    int,
)
RECORD_FAILURE = command(
    """
    UPDATE users.login_failures SET
        failed_at = (array_prepend(now(), failed_at))[1:$2::integer], last_failed_at = now()
    WHERE account_key = $1
    """
)

# Sessions and refresh tokens.

INSERT_SESSION = command(
    """
    INSERT INTO users.sessions (id, user_id, expires_at, absolute_expires_at, ip, user_agent)
    VALUES ($1, $2, now() + make_interval(secs => least($3::float8, $4::float8)),
            now() + make_interval(secs => $4::float8), $5, $6)
    """
)
EXTEND_SESSION = command(
    """
    UPDATE users.sessions SET
        last_used_at = now(),
        expires_at = least(now() + make_interval(secs => $2::float8), absolute_expires_at)
    WHERE id = $1
    """
)
LIST_SESSIONS = sql(
    """
    SELECT id, created_at, last_used_at, expires_at, ip, user_agent FROM users.sessions
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()
    ORDER BY last_used_at DESC, id DESC
    """,
    Session,
)
REVOKE_SESSION = command(
    """
    UPDATE users.sessions SET revoked_at = now(), revoked_reason = $3
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > now()
    RETURNING id
    """,
    UUID,
)
REVOKE_OTHER_SESSIONS = command(
    """
    UPDATE users.sessions SET revoked_at = now(), revoked_reason = $3
    WHERE user_id = $1 AND id IS DISTINCT FROM $2 AND revoked_at IS NULL AND expires_at > now()
    RETURNING id
    """,
    UUID,
)
REVOKE_SURPLUS_SESSIONS = command(
    """
    UPDATE users.sessions SET revoked_at = now(), revoked_reason = 'too_many_sessions'
    WHERE id IN (
        SELECT id FROM users.sessions
        WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()
        ORDER BY last_used_at DESC, id DESC OFFSET $2
    )
    RETURNING id
    """,
    UUID,
)
FIND_STANDING = sql(
    """
    SELECT s.user_id, s.id AS session_id, u.roles
    FROM users.sessions s JOIN users.users u ON u.id = s.user_id
    WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > now()
      AND u.status = 'active'
    """,
    Standing,
)
INSERT_REFRESH_TOKEN = command(
    """
    INSERT INTO users.refresh_tokens (token_hash, session_id, expires_at)
    SELECT $1, s.id, least(now() + make_interval(secs => $3::float8), s.absolute_expires_at)
    FROM users.sessions s WHERE s.id = $2
    """
)
# The state is read by a second statement: one that waited for a lock still sees the tokens as they
# were before it waited.
LOCK_SESSION_OF_TOKEN = command(
    """
    SELECT s.id FROM users.sessions s
    WHERE s.id = (SELECT t.session_id FROM users.refresh_tokens t WHERE t.token_hash = $1)
    FOR NO KEY UPDATE
    """,
    UUID,
)
FIND_REFRESH_STATE = sql(
    """
    SELECT t.session_id, s.user_id,
           t.used_at IS NOT NULL AS is_used,
           coalesce(
               t.used_at > clock_timestamp() - make_interval(secs => $2::float8)
               AND n.used_at IS NULL AND n.token_hash IS NOT NULL, false) AS is_retry,
           t.successor_hash,
           t.expires_at <= now() OR s.expires_at <= now() AS is_expired,
           s.revoked_at IS NOT NULL AS is_revoked
    FROM users.refresh_tokens t
    JOIN users.sessions s ON s.id = t.session_id
    LEFT JOIN users.refresh_tokens n ON n.token_hash = t.successor_hash
    WHERE t.token_hash = $1
    """,
    RefreshState,
)
USE_REFRESH_TOKEN = command(
    """
    UPDATE users.refresh_tokens SET used_at = clock_timestamp(), successor_hash = $2
    WHERE token_hash = $1 AND used_at IS NULL
    """
)

# Signing keys.

LOCK_SIGNING_KEYS = command("SELECT true FROM pg_advisory_xact_lock(7306201188473)", bool)
FIND_SIGNING_KEY = sql(
    """
    SELECT kid, private_key FROM users.signing_keys
    WHERE sealed_by = $1 AND coalesce(signs_until > now(), true)
    ORDER BY created_at DESC, kid LIMIT 1
    """,
    StoredKey,
)
LIST_PUBLIC_KEYS = sql(
    """
    SELECT kid, public_jwk FROM users.signing_keys
    WHERE coalesce(verifies_until > now(), true) ORDER BY created_at DESC, kid
    """,
    PublicKey,
)
INSERT_SIGNING_KEY = command(
    """
    INSERT INTO users.signing_keys (kid, private_key, sealed_by, public_jwk)
    VALUES ($1, $2, $3, $4)
    """
)

# Registrations, and links in mails.

INSERT_REGISTRATION = command(
    """
    INSERT INTO users.registrations (id, email, password_hash, first_name, last_name)
    VALUES ($1, $2, $3, $4, $5)
    """
)
FIND_REGISTRATION = sql(
    """
    SELECT id, email, password_hash, first_name, last_name FROM users.registrations WHERE id = $1
    """,
    Registration,
)
COUNT_EARLIER_REGISTRATIONS = sql(
    """
    SELECT count(*) FROM users.registrations
    WHERE email = $1 AND created_at > now() - interval '1 hour' AND id < $2
    """,
    int,
)
DELETE_REGISTRATION = command("DELETE FROM users.registrations WHERE id = $1")
INSERT_LINK = command(
    """
    INSERT INTO users.link_tokens (token_hash, purpose, user_id, registration_id, email, expires_at)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(hours => $6::integer))
    """
)
CLAIM_LINK = command(
    """
    UPDATE users.link_tokens SET used_at = now()
    WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now()
      AND purpose IN ('verify-email', 'register')
    RETURNING user_id, registration_id, email
    """,
    ClaimedLink,
)

# What nobody needs any more.

PURGES = (
    command("DELETE FROM users.registrations WHERE created_at < now() - interval '1 day'"),
    command("DELETE FROM users.link_tokens WHERE expires_at < now() - interval '1 day'"),
    command("DELETE FROM users.login_failures WHERE last_failed_at < now() - interval '1 day'"),
    command("DELETE FROM users.sessions WHERE expires_at < now() - interval '30 days'"),
)
