"""Recovery and change of addresses by mail, how many mails an address gets, deactivation."""

from alembic import op

revision = "0019_account_mails"
down_revision = "0018_ways_in"
branch_labels = None
depends_on = None

UPGRADE = """
-- Accounts that their owners have laid to rest are suspended, until the owner signs in again.
ALTER TABLE users.users ADD COLUMN deactivated_at timestamptz;

-- How many mails somebody without proof has had sent, by a hash of the address they went to, or of
-- the network that asked.
CREATE TABLE users.mail_counts (
    key bytea PRIMARY KEY,
    -- Newest first, at most as many as are allowed.
    sent_at timestamptz[] NOT NULL,
    last_sent_at timestamptz NOT NULL
);
-- The purge after a day.
CREATE INDEX mail_counts_last_sent_at ON users.mail_counts (last_sent_at);

-- Mails that somebody asked for by an address alone; whether it has an account is found out later,
-- where nobody waits for the answer.
CREATE TABLE users.mail_requests (
    id uuid PRIMARY KEY,
    purpose text NOT NULL CONSTRAINT mail_requests_purpose
        CHECK (purpose IN ('reset-password', 'verify-email')),
    email text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- The purge after a day.
CREATE INDEX mail_requests_created_at ON users.mail_requests (created_at);

-- The link that sets a new password: one a person, so that a newer one voids those before it.
CREATE TABLE users.password_resets (
    user_id uuid PRIMARY KEY REFERENCES users.users (id),
    token_hash bytea NOT NULL CONSTRAINT password_resets_token_unique UNIQUE,
    expires_at timestamptz NOT NULL
);

-- The address that a person wants to have, until its owner has proved it; one a person.
CREATE TABLE users.email_changes (
    user_id uuid PRIMARY KEY REFERENCES users.users (id),
    email text NOT NULL,
    -- Absent until the link is mailed.
    token_hash bytea CONSTRAINT email_changes_token_unique UNIQUE,
    expires_at timestamptz NOT NULL
);

-- Addresses that accounts had, for as long as their owners may wonder what became of them.
CREATE TABLE users.former_addresses (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.users (id),
    email text NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT now()
);
-- The foreign key.
CREATE INDEX former_addresses_user_id ON users.former_addresses (user_id);
-- The purge after 30 days.
CREATE INDEX former_addresses_replaced_at ON users.former_addresses (replaced_at);
"""

DOWNGRADE = """
DROP TABLE users.former_addresses;
DROP TABLE users.email_changes;
DROP TABLE users.password_resets;
DROP TABLE users.mail_requests;
DROP TABLE users.mail_counts;
ALTER TABLE users.users DROP COLUMN deactivated_at;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute(DOWNGRADE)
