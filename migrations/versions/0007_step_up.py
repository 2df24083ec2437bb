"""When and how the person of a session last proved who they are."""

from alembic import op

revision = "0007_step_up"
down_revision = "0006_packages"
branch_labels = None
depends_on = None

FRESHNESS = """
ALTER TABLE users.sessions
    ADD COLUMN authenticated_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN authentication_methods text[] NOT NULL DEFAULT '{password}';

-- Whoever signed in before this revision did so when the session began.
UPDATE users.sessions SET authenticated_at = created_at;
"""

TAKE_BACK = """
ALTER TABLE users.sessions
    DROP COLUMN authenticated_at,
    DROP COLUMN authentication_methods;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(FRESHNESS)


def downgrade() -> None:
    """Take back."""
    op.execute(TAKE_BACK)
