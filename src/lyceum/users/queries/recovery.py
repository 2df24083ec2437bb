"""How requests for mails, links that set a password, and changes of address are read and written.

A user's row is locked before its links.
"""

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import EmailChange, FormerAddress, MailRequest

INSERT_MAIL_REQUEST = command(
    "INSERT INTO users.mail_requests (id, purpose, email) VALUES ($1, $2, $3)"
)
FIND_MAIL_REQUEST = sql("SELECT purpose, email FROM users.mail_requests WHERE id = $1", MailRequest)
PUT_RESET = command(
    """
    INSERT INTO users.password_resets (user_id, token_hash, expires_at)
    VALUES ($1, $2, now() + make_interval(mins => $3::integer))
    ON CONFLICT (user_id) DO UPDATE SET
        token_hash = excluded.token_hash, expires_at = excluded.expires_at
    """
)
FIND_RESET = sql(
    "SELECT user_id FROM users.password_resets WHERE token_hash = $1 AND expires_at > now()", UUID
)
CLAIM_RESET = command(
    """
    DELETE FROM users.password_resets
    WHERE token_hash = $1 AND user_id = $2 AND expires_at > now() RETURNING user_id
    """,
    UUID,
)
SET_PASSWORD = command(
    """
    UPDATE users.users SET
        password_hash = $2, email_verified_at = coalesce(email_verified_at, now()),
        version = version + 1, updated_at = now()
    WHERE id = $1
    """
)
# Links that were mailed before the password or the address changed are good for nothing after.
VOID_RESETS = command("DELETE FROM users.password_resets WHERE user_id = $1")
VOID_EMAIL_CHANGES = command("DELETE FROM users.email_changes WHERE user_id = $1")

PUT_EMAIL_CHANGE = command(
    """
    INSERT INTO users.email_changes (user_id, email, expires_at)
    VALUES ($1, $2, now() + make_interval(hours => $3::integer))
    ON CONFLICT (user_id) DO UPDATE SET
        email = excluded.email, token_hash = NULL, expires_at = excluded.expires_at
    """
)
FIND_EMAIL_CHANGE = sql(
    "SELECT user_id, email FROM users.email_changes WHERE user_id = $1 AND expires_at > now()",
    EmailChange,
)
SET_EMAIL_CHANGE_TOKEN = command(
    "UPDATE users.email_changes SET token_hash = $3 WHERE user_id = $1 AND email = $2"
)
FIND_EMAIL_CHANGE_BY_TOKEN = sql(
    "SELECT user_id, email FROM users.email_changes WHERE token_hash = $1 AND expires_at > now()",
    EmailChange,
)
CLAIM_EMAIL_CHANGE = command(
    """
    DELETE FROM users.email_changes
    WHERE token_hash = $1 AND user_id = $2 AND expires_at > now() RETURNING user_id, email
    """,
    EmailChange,
)
INSERT_FORMER_ADDRESS = command(
    "INSERT INTO users.former_addresses (id, user_id, email) VALUES ($1, $2, $3)"
)
FIND_FORMER_ADDRESS = sql(
    "SELECT user_id, email FROM users.former_addresses WHERE id = $1", FormerAddress
)
