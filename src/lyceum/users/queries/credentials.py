"""How passwords are read and written. Not here: what went wrong with them (`attempts`)."""

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
