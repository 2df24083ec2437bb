"""People, sessions, refresh tokens, registrations, login failures, signing keys."""

from alembic import op

revision = "0002_users"
down_revision = "0001_platform"
branch_labels = None
depends_on = None

PEOPLE = """
CREATE SCHEMA users;

CREATE TABLE users.users (
    id uuid PRIMARY KEY,
    -- Case-folded and NFC-normalised by the service; one account per address.
    email text NOT NULL CONSTRAINT users_email_unique UNIQUE
        CONSTRAINT users_email_length CHECK (length(email) BETWEEN 3 AND 320),
    password_hash text,
    first_name text NOT NULL
        CONSTRAINT users_first_name CHECK (length(first_name) BETWEEN 1 AND 100),
    last_name text NOT NULL CONSTRAINT users_last_name CHECK (length(last_name) <= 100),
    avatar_url text,
    bio text NOT NULL DEFAULT '' CONSTRAINT users_bio CHECK (length(bio) <= 5000),
    locale text NOT NULL DEFAULT 'en',
    time_zone text NOT NULL DEFAULT 'UTC',
    visibility text NOT NULL DEFAULT 'academy'
        CONSTRAINT users_visibility CHECK (visibility IN ('public', 'academy', 'private')),
    status text NOT NULL DEFAULT 'active'
        CONSTRAINT users_status CHECK (status IN ('active', 'suspended', 'erased')),
    roles text[] NOT NULL DEFAULT '{student}'
        CONSTRAINT users_roles CHECK (cardinality(roles) BETWEEN 1 AND 20),
    -- Raised by every change of rights; clients see it in their token.
    permissions_version integer NOT NULL DEFAULT 1,
    email_verified_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- The list of people, newest first.
CREATE INDEX users_created_at ON users.users (created_at, id);
-- Whether this is the last super admin.
CREATE INDEX users_super_admins ON users.users (id) WHERE 'super_admin' = ANY (roles);

-- What other domains may show of a person; they join it, and never read the table.
CREATE VIEW users.public_profiles AS
    SELECT id AS user_id,
           CASE WHEN status = 'erased' THEN 'Former member'
                ELSE trim(first_name || ' ' || last_name) END AS display_name,
           CASE WHEN status = 'erased' THEN NULL ELSE avatar_url END AS avatar_url,
           CASE WHEN status = 'erased' THEN '' ELSE bio END AS bio
    FROM users.users;
"""

SESSIONS = """
CREATE TABLE users.sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    absolute_expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text,
    ip text NOT NULL DEFAULT '' CONSTRAINT sessions_ip CHECK (length(ip) <= 45),
    user_agent text NOT NULL DEFAULT ''
        CONSTRAINT sessions_user_agent CHECK (length(user_agent) <= 400)
);
-- The foreign key, and the sessions of one person.
CREATE INDEX sessions_user_id ON users.sessions (user_id, created_at);
-- The purge of sessions that ended long ago.
CREATE INDEX sessions_expires_at ON users.sessions (expires_at);

CREATE TABLE users.refresh_tokens (
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES users.sessions (id) ON DELETE CASCADE,
    issued_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    successor_hash bytea
);
-- The foreign key, and the live token of a session.
CREATE INDEX refresh_tokens_session_id ON users.refresh_tokens (session_id, issued_at);
-- A session has one token that was not used yet.
CREATE UNIQUE INDEX refresh_tokens_one_live ON users.refresh_tokens (session_id)
    WHERE used_at IS NULL;

CREATE TABLE users.signing_keys (
    kid text PRIMARY KEY,
    -- Sealed with a key derived from the installation's secret, which sealed_by names.
    private_key bytea NOT NULL,
    sealed_by text NOT NULL,
    public_jwk jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    signs_until timestamptz,
    verifies_until timestamptz
);
"""

SIGNING_UP = """
-- Who wants an account where addresses are proved first. An address may be here several times:
-- whoever proves it gets the account, with the password of that registration.
CREATE TABLE users.registrations (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    password_hash text NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- The limit of mails to one address.
CREATE INDEX registrations_email ON users.registrations (email, created_at);
-- The purge after a day.
CREATE INDEX registrations_created_at ON users.registrations (created_at);

-- Links in mails: random, for one purpose, once. Only the hash is here.
CREATE TABLE users.link_tokens (
    token_hash bytea PRIMARY KEY,
    purpose text NOT NULL
        CONSTRAINT link_tokens_purpose CHECK (purpose IN ('verify-email', 'register')),
    user_id uuid REFERENCES users.users (id),
    registration_id uuid REFERENCES users.registrations (id) ON DELETE CASCADE,
    -- The address that the link proves.
    email text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT link_tokens_subject CHECK (num_nonnulls(user_id, registration_id) = 1)
);
-- The foreign keys.
CREATE INDEX link_tokens_user_id ON users.link_tokens (user_id);
CREATE INDEX link_tokens_registration_id ON users.link_tokens (registration_id);
-- The purge.
CREATE INDEX link_tokens_expires_at ON users.link_tokens (expires_at);

-- The last wrong passwords for an address, whether it has an account or not; by a hash of the
-- address, because what is typed there is at times a password.
CREATE TABLE users.login_failures (
    account_key bytea PRIMARY KEY,
    -- Newest first, at most as many as are allowed.
    failed_at timestamptz[] NOT NULL,
    last_failed_at timestamptz NOT NULL
);
-- The purge after a day.
CREATE INDEX login_failures_last_failed_at ON users.login_failures (last_failed_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(PEOPLE)
    op.execute(SESSIONS)
    op.execute(SIGNING_UP)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP SCHEMA users CASCADE")
