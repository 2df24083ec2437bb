"""Exports of personal data, consents, and who follows whom."""

from alembic import op

revision = "0024_privacy_and_profiles"
down_revision = "0023_enrolment_expiry"
branch_labels = None
depends_on = None

PRIVACY = """
-- An archive of everything held on a person. It is opened by a link that was made for nothing else;
-- of that only the hash is here.
CREATE TABLE users.data_exports (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.users (id),
    requested_at timestamptz NOT NULL DEFAULT now(),
    file_key text,
    size_bytes bigint CONSTRAINT data_exports_size CHECK (size_bytes >= 0),
    ready_at timestamptz,
    expires_at timestamptz,
    link_hash bytea CONSTRAINT data_exports_link_unique UNIQUE,
    link_expires_at timestamptz,
    CONSTRAINT data_exports_ready CHECK (
        num_nonnulls(file_key, size_bytes, ready_at, expires_at) IN (0, 4)),
    CONSTRAINT data_exports_link CHECK ((link_hash IS NULL) = (link_expires_at IS NULL))
);
-- The foreign key, and the exports of a person.
CREATE INDEX data_exports_user_id ON users.data_exports (user_id, requested_at);
-- The purge.
CREATE INDEX data_exports_expires_at ON users.data_exports (expires_at);

-- What somebody agreed to or refused, each time: the latest row of a purpose counts.
CREATE TABLE users.consents (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.users (id),
    purpose text NOT NULL
        CONSTRAINT consents_purpose CHECK (purpose ~ '^[a-z][a-z0-9-]{1,49}$'),
    is_given boolean NOT NULL,
    -- The wording that was shown.
    document_version text NOT NULL
        CONSTRAINT consents_document_version CHECK (length(document_version) <= 50),
    ip text NOT NULL CONSTRAINT consents_ip CHECK (length(ip) <= 45),
    decided_at timestamptz NOT NULL DEFAULT now()
);
-- The foreign key, and what counts now.
CREATE INDEX consents_user_id ON users.consents (user_id, purpose, decided_at DESC, id DESC);
"""

PROFILES = """
CREATE TABLE users.follows (
    follower_id uuid NOT NULL REFERENCES users.users (id),
    followed_id uuid NOT NULL REFERENCES users.users (id),
    followed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT follows_once PRIMARY KEY (follower_id, followed_id),
    CONSTRAINT follows_others CHECK (follower_id <> followed_id)
);
-- The foreign key, and the followers of a person.
CREATE INDEX follows_followed_id ON users.follows (followed_id, followed_at);

-- Of those who keep to themselves, what they wrote is signed and nothing more is shown.
CREATE OR REPLACE VIEW users.public_profiles AS
    SELECT id AS user_id,
           CASE WHEN status = 'erased' THEN 'Former member'
                ELSE trim(first_name || ' ' || last_name) END AS display_name,
           CASE WHEN status = 'erased' OR visibility = 'private' THEN NULL
                ELSE avatar_url END AS avatar_url,
           CASE WHEN status = 'erased' OR visibility = 'private' THEN '' ELSE bio END AS bio
    FROM users.users;
"""

DOWN = """
CREATE OR REPLACE VIEW users.public_profiles AS
    SELECT id AS user_id,
           CASE WHEN status = 'erased' THEN 'Former member'
                ELSE trim(first_name || ' ' || last_name) END AS display_name,
           CASE WHEN status = 'erased' THEN NULL ELSE avatar_url END AS avatar_url,
           CASE WHEN status = 'erased' THEN '' ELSE bio END AS bio
    FROM users.users;
DROP TABLE users.follows;
DROP TABLE users.consents;
DROP TABLE users.data_exports;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(PRIVACY)
    op.execute(PROFILES)


def downgrade() -> None:
    """Take back."""
    op.execute(DOWN)
