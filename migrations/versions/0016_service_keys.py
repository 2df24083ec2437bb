"""Keys by which other services sign their requests, and the nonces that they used."""

from alembic import op

revision = "0016_service_keys"
down_revision = "0015_second_factor"
branch_labels = None
depends_on = None

UPGRADE = """
-- Verifying a signature takes the secret itself, so it is sealed with a key derived from that of
-- the installation. A service has two places, so that two keys are good while one replaces the
-- other.
CREATE TABLE users.service_keys (
    id text PRIMARY KEY CONSTRAINT service_keys_id CHECK (id ~ '^sk_[0-9a-f]{16}$'),
    service text NOT NULL
        CONSTRAINT service_keys_service CHECK (service ~ '^[a-z][a-z0-9-]{1,49}$'),
    place smallint NOT NULL CONSTRAINT service_keys_place CHECK (place IN (1, 2)),
    sealed_secret bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    CONSTRAINT service_keys_two_at_most UNIQUE (service, place)
);

-- What was used is refused a second time; kept for longer than a timestamp is good.
CREATE TABLE users.service_nonces (
    key_id text NOT NULL REFERENCES users.service_keys (id) ON DELETE CASCADE,
    nonce text NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT service_nonces_once PRIMARY KEY (key_id, nonce)
);
-- The purge.
CREATE INDEX service_nonces_used_at ON users.service_nonces (used_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE users.service_nonces")
    op.execute("DROP TABLE users.service_keys")
