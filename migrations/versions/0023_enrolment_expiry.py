"""An index for enrolments that end by time, made while learning goes on."""

from alembic import op

revision = "0023_enrolment_expiry"
down_revision = "0022_enrolment_paths"
branch_labels = None
depends_on = None

# Enrolments whose time is over; of one that has no end there is no entry.
INDEX = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS enrolments_expires_at"
    " ON courses.enrolments (expires_at) WHERE expires_at IS NOT NULL"
)


def upgrade() -> None:
    """Apply."""
    with op.get_context().autocommit_block():
        op.execute(INDEX)


def downgrade() -> None:
    """Take back."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS courses.enrolments_expires_at")
