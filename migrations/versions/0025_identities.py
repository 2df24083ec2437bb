"""Identities at OpenID providers, and sign-ins that are under way there."""

from alembic import op

revision = "0025_identities"
down_revision = "0024_privacy_and_profiles"
branch_labels = None
depends_on = None

IDENTITIES = """
CREATE TABLE users.identities (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.users (id),
    provider text NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL
        CONSTRAINT identities_subject CHECK (length(subject) BETWEEN 1 AND 255),
    -- As the provider told it, to be shown; it identifies nobody.
    email text,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    CONSTRAINT identities_once UNIQUE (issuer, subject)
);
-- The foreign key, and the identities of one person.
CREATE INDEX identities_user_id ON users.identities (user_id, created_at);
"""

FLOWS = """
CREATE TABLE users.oidc_flows (
    state_hash bytea PRIMARY KEY,
    provider text NOT NULL,
    -- By the hash of its cookie, the browser that began.
    browser_hash bytea NOT NULL,
    -- What the front end proves itself with at the end (RFC 7636, S256), if it keeps no cookies.
    code_challenge text,
    return_path text NOT NULL,
    -- Whose account the identity is to be linked with; unset for a sign-in.
    user_id uuid REFERENCES users.users (id),
    expires_at timestamptz NOT NULL,
    claimed_at timestamptz,
    -- Once the provider has said who it is: sealed, for whoever brings the code.
    identity bytea,
    code_hash bytea CONSTRAINT oidc_flows_code UNIQUE,
    CONSTRAINT oidc_flows_told CHECK ((identity IS NULL) = (code_hash IS NULL))
);
-- The foreign key.
CREATE INDEX oidc_flows_user_id ON users.oidc_flows (user_id);
-- The purge.
CREATE INDEX oidc_flows_expires_at ON users.oidc_flows (expires_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(IDENTITIES)
    op.execute(FLOWS)


def downgrade() -> None:
    """Take back."""
    for table in ("oidc_flows", "identities"):
        op.execute(f"DROP TABLE users.{table}")
