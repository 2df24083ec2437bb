"""Indexes for what the queues show, made while jobs go on."""

from alembic import op

revision = "0011_queue_indexes"
down_revision = "0010_queues"
branch_labels = None
depends_on = None

INDEXES = (
    # The rate and the latency of a queue in the last hour.
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_ended"
    " ON platform.jobs (queue, finished_at) INCLUDE (state) WHERE finished_at IS NOT NULL",
    # The list of jobs in one state, the newest first, and the counts by queue of those not over.
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_by_state"
    " ON platform.jobs (state, id) INCLUDE (queue)",
)


def upgrade() -> None:
    """Apply."""
    with op.get_context().autocommit_block():
        for index in INDEXES:
            op.execute(index)


def downgrade() -> None:
    """Take back."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS platform.jobs_by_state")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS platform.jobs_ended")
