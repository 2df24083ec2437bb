"""How passkeys and their challenges are read and written. A user's row is locked before them.

Statements are put together from constants of this module alone.
"""

# ruff: noqa: S608 - for that reason

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import Factor, Passkey

_PASSKEY = """
    f.id AS factor_id, f.user_id, p.credential_id, p.public_key, p.sign_count, p.transports,
    p.flagged_at IS NOT NULL AS is_flagged
"""

INSERT_CHALLENGE = command(
    """
    INSERT INTO users.passkey_challenges (token_hash, purpose, bound_to, challenge, expires_at)
    VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5::float8))
    """
)
# Good once, for what it was made for, where it was made.
CLAIM_CHALLENGE = command(
    """
    DELETE FROM users.passkey_challenges
    WHERE token_hash = $1 AND purpose = $2 AND bound_to = $3 AND expires_at > now()
    RETURNING challenge
    """,
    bytes,
)
LIST_PASSKEYS = sql(
    f"""
    SELECT {_PASSKEY} FROM users.factors f JOIN users.passkeys p ON p.factor_id = f.id
    WHERE f.user_id = $1 ORDER BY f.created_at, f.id
    """,
    Passkey,
)
FIND_PASSKEY = sql(
    f"""
    SELECT {_PASSKEY} FROM users.passkeys p JOIN users.factors f ON f.id = p.factor_id
    WHERE p.credential_id = $1
    """,
    Passkey,
)
INSERT_FACTOR = command(
    """
    INSERT INTO users.factors (id, user_id, kind, name, confirmed_at)
    VALUES ($1, $2, 'passkey', $3, now())
    RETURNING id, kind, name, created_at, last_used_at
    """,
    Factor,
)
INSERT_PASSKEY = command(
    """
    INSERT INTO users.passkeys
        (factor_id, credential_id, public_key, sign_count, transports, is_backed_up)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
)
USE_PASSKEY = command(
    """
    WITH used AS (UPDATE users.passkeys SET sign_count = $2 WHERE factor_id = $1)
    UPDATE users.factors SET last_used_at = now() WHERE id = $1 RETURNING id
    """,
    UUID,
)
FLAG_PASSKEY = command("UPDATE users.passkeys SET flagged_at = now() WHERE factor_id = $1")
