"""How passwords are read and written, and what went wrong with them.

An address's failures are locked before a user's row. Statements are put together from constants of
this module alone.
"""

# ruff: noqa: S608 - for that reason

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import Credentials

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
