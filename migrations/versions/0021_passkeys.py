"""Passkeys, and the challenges that their holders sign."""

from alembic import op

revision = "0021_passkeys"
down_revision = "0020_consumers"
branch_labels = None
depends_on = None

PASSKEYS = """
CREATE TABLE users.passkeys (
    factor_id uuid PRIMARY KEY REFERENCES users.factors (id) ON DELETE CASCADE,
    -- Found by it at a sign-in that names nobody; it belongs to one account.
    credential_id bytea NOT NULL CONSTRAINT passkeys_credential UNIQUE
        CONSTRAINT passkeys_credential_length CHECK (length(credential_id) BETWEEN 1 AND 1023),
    -- COSE, as the authenticator gave it.
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL CONSTRAINT passkeys_sign_count CHECK (sign_count >= 0),
    transports text[] NOT NULL,
    is_backed_up boolean NOT NULL,
    -- Since its counter went back, which a copy of it would explain: it opens nothing any more.
    flagged_at timestamptz
);
"""

CHALLENGES = """
CREATE TABLE users.passkey_challenges (
    token_hash bytea PRIMARY KEY,
    purpose text NOT NULL CONSTRAINT passkey_challenges_purpose
        CHECK (purpose IN ('register', 'sign-in', 'second-factor', 'step-up')),
    -- The session, or the half-done sign-in, in which alone it is good; empty for a new sign-in.
    bound_to bytea NOT NULL,
    challenge bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
-- The purge.
CREATE INDEX passkey_challenges_expires_at ON users.passkey_challenges (expires_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(PASSKEYS)
    op.execute(CHALLENGES)


def downgrade() -> None:
    """Take back."""
    for table in ("passkey_challenges", "passkeys"):
        op.execute(f"DROP TABLE users.{table}")
