"""How identities at OpenID providers, and sign-ins under way there, are read and written.

A flow is locked before an address's failures, and a user's row before the identities.
"""

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import LinkedIdentity, OidcFlow, WaysIn

INSERT_FLOW = command(
    """
    INSERT INTO users.oidc_flows
        (state_hash, provider, browser_hash, code_challenge, return_path, user_id, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7::float8))
    """
)
# Once, and in the browser that began.
CLAIM_FLOW = command(
    """
    UPDATE users.oidc_flows SET claimed_at = now()
    WHERE state_hash = $1 AND provider = $2 AND browser_hash = $3
      AND claimed_at IS NULL AND expires_at > now()
    RETURNING provider, browser_hash, code_challenge, return_path, user_id, ''::bytea AS identity
    """,
    OidcFlow,
)
TELL_FLOW = command(
    """
    UPDATE users.oidc_flows SET
        identity = $2, code_hash = $3, expires_at = now() + make_interval(secs => $4::float8)
    WHERE state_hash = $1
    """
)
LOCK_FLOW = command(
    """
    SELECT provider, browser_hash, code_challenge, return_path, user_id,
           coalesce(identity, '') AS identity
    FROM users.oidc_flows WHERE code_hash = $1 AND expires_at > now() FOR UPDATE
    """,
    OidcFlow,
)
HOLD_FLOW_FOR = command("UPDATE users.oidc_flows SET user_id = $2 WHERE code_hash = $1")
DELETE_FLOW = command("DELETE FROM users.oidc_flows WHERE code_hash = $1")

FIND_USER = sql("SELECT user_id FROM users.identities WHERE issuer = $1 AND subject = $2", UUID)
INSERT_IDENTITY = command(
    """
    INSERT INTO users.identities (id, user_id, provider, issuer, subject, email)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING id, provider, issuer, email, created_at, last_used_at
    """,
    LinkedIdentity,
)
USE_IDENTITY = command(
    "UPDATE users.identities SET last_used_at = now() WHERE issuer = $1 AND subject = $2"
)
LIST_IDENTITIES = sql(
    """
    SELECT id, provider, issuer, email, created_at, last_used_at FROM users.identities
    WHERE user_id = $1 ORDER BY created_at, id
    """,
    LinkedIdentity,
)
FIND_IDENTITY = sql(
    """
    SELECT id, provider, issuer, email, created_at, last_used_at FROM users.identities
    WHERE id = $1 AND user_id = $2
    """,
    LinkedIdentity,
)
DELETE_IDENTITY = command("DELETE FROM users.identities WHERE id = $1")
# What opens an account without anything else: a passkey that was flagged does not.
FIND_WAYS_IN = sql(
    """
    SELECT u.password_hash IS NOT NULL AS has_password,
           (SELECT count(*) FROM users.identities i WHERE i.user_id = u.id) AS identities,
           (SELECT count(*) FROM users.factors f JOIN users.passkeys p ON p.factor_id = f.id
            WHERE f.user_id = u.id AND p.flagged_at IS NULL) AS passkeys
    FROM users.users u WHERE u.id = $1
    """,
    WaysIn,
)
