"""API keys of people."""

from alembic import op

revision = "0013_api_keys"
down_revision = "0012_discussions"
branch_labels = None
depends_on = None

UPGRADE = """
-- Of the secret only the hash is here, and the prefix by which its owner knows it. For a while
-- after a rotation the previous secret opens as well.
CREATE TABLE users.api_keys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.users (id),
    name text NOT NULL CONSTRAINT api_keys_name CHECK (length(name) BETWEEN 1 AND 100),
    prefix text NOT NULL,
    secret_hash bytea NOT NULL CONSTRAINT api_keys_secret_unique UNIQUE,
    previous_hash bytea CONSTRAINT api_keys_previous_unique UNIQUE,
    previous_until timestamptz,
    scopes text[] NOT NULL
        CONSTRAINT api_keys_scopes CHECK (cardinality(scopes) BETWEEN 1 AND 500),
    -- Addresses from which it may be used; none: from everywhere.
    networks text[] NOT NULL DEFAULT '{}'
        CONSTRAINT api_keys_networks CHECK (cardinality(networks) <= 50),
    ends_with_password boolean NOT NULL DEFAULT false,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    last_used_ip text NOT NULL DEFAULT ''
        CONSTRAINT api_keys_last_used_ip CHECK (length(last_used_ip) <= 45),
    revoked_at timestamptz,
    CONSTRAINT api_keys_previous CHECK ((previous_hash IS NULL) = (previous_until IS NULL))
);
-- The foreign key, and the keys of one person.
CREATE INDEX api_keys_user_id ON users.api_keys (user_id, created_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE users.api_keys")
