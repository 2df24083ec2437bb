"""How it is kept that somebody has proved the first factor and not yet the second.

An address's failures are locked before the user's row, and that before a challenge.
"""

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import MfaChallenge

INSERT_CHALLENGE = command(
    """
    INSERT INTO users.mfa_challenges (token_hash, user_id, methods, expires_at)
    VALUES ($1, $2, $3, now() + make_interval(secs => $4::float8))
    """
)
# One that was ended by wrong proofs included: whose account that locks is still told so.
FIND_USER = sql(
    """
    SELECT user_id FROM users.mfa_challenges WHERE token_hash = $1 AND expires_at > now()
    """,
    UUID,
)
LOCK_CHALLENGE = command(
    """
    SELECT user_id, methods, failures FROM users.mfa_challenges
    WHERE token_hash = $1 AND expires_at > now() AND failures < $2::integer FOR UPDATE
    """,
    MfaChallenge,
)
FAIL_CHALLENGE = command(
    "UPDATE users.mfa_challenges SET failures = failures + 1 WHERE token_hash = $1"
)
DELETE_CHALLENGE = command("DELETE FROM users.mfa_challenges WHERE token_hash = $1")
DELETE_CHALLENGES = command("DELETE FROM users.mfa_challenges WHERE user_id = $1")
