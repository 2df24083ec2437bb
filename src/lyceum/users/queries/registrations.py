"""How registrations and the links in mails are read and written."""

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import ClaimedLink, Registration

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
FIND_LAST_REGISTRATION = sql(
    "SELECT id FROM users.registrations WHERE email = $1 ORDER BY created_at DESC, id DESC LIMIT 1",
    UUID,
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
