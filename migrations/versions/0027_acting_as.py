"""Sessions in which an administrator sees the academy as somebody else does."""

from alembic import op

revision = "0027_acting_as"
down_revision = "0026_exports"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE users.acting_sessions (
    session_id uuid PRIMARY KEY REFERENCES users.sessions (id) ON DELETE CASCADE,
    impersonator_id uuid NOT NULL REFERENCES users.users (id),
    reason text NOT NULL
        CONSTRAINT acting_sessions_reason CHECK (length(reason) BETWEEN 1 AND 500)
);
-- The foreign key, and what is ended when the administrator stops.
CREATE INDEX acting_sessions_impersonator_id ON users.acting_sessions (impersonator_id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE users.acting_sessions")
