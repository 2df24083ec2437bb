"""How second factors and recovery codes are read and written. A user's row is locked before them.

Statements are put together from constants of this module alone.
"""

# ruff: noqa: S608 - for that reason

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import Factor, StoredTotp

_FACTOR = "f.id, f.kind, f.name, f.created_at, f.last_used_at"

LIST_FACTORS = sql(
    f"""
    SELECT {_FACTOR} FROM users.factors f
    WHERE f.user_id = $1 AND f.confirmed_at IS NOT NULL ORDER BY f.created_at, f.id
    """,
    Factor,
)
LIST_KINDS = sql(
    """
    SELECT DISTINCT kind FROM users.factors
    WHERE user_id = $1 AND confirmed_at IS NOT NULL ORDER BY kind DESC
    """,
    str,
)
FIND_FACTOR = sql(
    f"""
    SELECT {_FACTOR} FROM users.factors f
    WHERE f.id = $1 AND f.user_id = $2 AND f.confirmed_at IS NOT NULL
    """,
    Factor,
)
RENAME_FACTOR = command(
    f"UPDATE users.factors AS f SET name = $2 WHERE f.id = $1 RETURNING {_FACTOR}", Factor
)
DELETE_FACTOR = command("DELETE FROM users.factors WHERE id = $1")
DELETE_FACTORS = command("DELETE FROM users.factors WHERE user_id = $1 RETURNING id", UUID)

# A TOTP that was begun and never confirmed gives way to the next.
DELETE_PENDING = command(
    "DELETE FROM users.factors WHERE user_id = $1 AND kind = 'totp' AND confirmed_at IS NULL"
)
INSERT_TOTP = command(
    """
    INSERT INTO users.factors (id, user_id, kind, name, totp_secret)
    VALUES ($1, $2, 'totp', $3, $4)
    """
)
FIND_PENDING = sql(
    """
    SELECT id, coalesce(totp_secret, '') AS secret FROM users.factors
    WHERE user_id = $1 AND kind = 'totp' AND confirmed_at IS NULL
      AND created_at > now() - interval '15 minutes'
    """,
    StoredTotp,
)
CONFIRM_TOTP = command(
    f"""
    UPDATE users.factors AS f SET confirmed_at = now(), totp_step = $2, last_used_at = now()
    WHERE f.id = $1 RETURNING {_FACTOR}
    """,
    Factor,
)
FIND_TOTP = sql(
    """
    SELECT id, coalesce(totp_secret, '') AS secret FROM users.factors
    WHERE user_id = $1 AND kind = 'totp' AND confirmed_at IS NOT NULL
    """,
    StoredTotp,
)
# Whoever takes the step first has it; an older one is not taken any more.
CLAIM_STEP = command(
    """
    UPDATE users.factors SET totp_step = $2, last_used_at = now()
    WHERE id = $1 AND totp_step < $2 RETURNING id
    """,
    UUID,
)

INSERT_RECOVERY_CODE = command(
    "INSERT INTO users.recovery_codes (user_id, code_hash) VALUES ($1, $2)"
)
DELETE_RECOVERY_CODES = command("DELETE FROM users.recovery_codes WHERE user_id = $1")
COUNT_RECOVERY_CODES = sql(
    "SELECT count(*) FROM users.recovery_codes WHERE user_id = $1 AND used_at IS NULL", int
)
CLAIM_RECOVERY_CODE = command(
    """
    UPDATE users.recovery_codes SET used_at = now()
    WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL RETURNING user_id
    """,
    UUID,
)
