"""How the keys that sign access tokens are read and written."""

from lyceum.platform.statements import command, sql
from lyceum.users.records import PublicKey, StoredKey

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
# Keys of another secret, which nobody can unseal any more, end as well.
RETIRE_SIGNING_KEYS = command(
    """
    UPDATE users.signing_keys SET
        signs_until = now(), verifies_until = now() + make_interval(secs => $2::float8)
    WHERE kid <> $1 AND coalesce(signs_until > now(), true)
    RETURNING kid
    """,
    str,
)
INSERT_SIGNING_KEY = command(
    """
    INSERT INTO users.signing_keys (kid, private_key, sealed_by, public_jwk)
    VALUES ($1, $2, $3, $4)
    """
)
