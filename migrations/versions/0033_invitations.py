"""Invitations of people, and files of people to make accounts of."""

from alembic import op

revision = "0033_invitations"
down_revision = "0032_customers"
branch_labels = None
depends_on = None

UPGRADE = """
-- The account of somebody who was invited is there, and has no password; whoever has the link of
-- the mail, of which the hash is here, sets it.
CREATE TABLE users.invitations (
    user_id uuid PRIMARY KEY REFERENCES users.users (id),
    invited_by uuid REFERENCES users.users (id),
    token_hash bytea CONSTRAINT invitations_token_unique UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
-- The foreign key.
CREATE INDEX invitations_invited_by ON users.invitations (invited_by);

-- content: the file, until it has been worked through.
CREATE TABLE users.people_imports (
    id uuid PRIMARY KEY,
    asked_by uuid NOT NULL REFERENCES users.users (id),
    job_id uuid NOT NULL,
    is_dry_run boolean NOT NULL,
    sends_invitations boolean NOT NULL,
    content text,
    report jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT people_imports_end CHECK ((finished_at IS NULL) = (report IS NULL))
);
-- The foreign key.
CREATE INDEX people_imports_asked_by ON users.people_imports (asked_by);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE users.people_imports")
    op.execute("DROP TABLE users.invitations")
