"""What the queues show and operators do: cancelling what runs, figures, workers, schedules."""

from alembic import op

revision = "0010_queues"
down_revision = "0009_package_files"
branch_labels = None
depends_on = None

UPGRADE = """
-- Somebody wants a job to stop that has begun: it does at its next step, or is not tried again.
ALTER TABLE platform.jobs ADD COLUMN cancel_asked_at timestamptz;

-- Which scheduled jobs the workers know, and their last run; the web processes know no jobs.
ALTER TABLE platform.schedules ADD COLUMN cron text NOT NULL DEFAULT '';
ALTER TABLE platform.schedules ADD COLUMN queue text NOT NULL DEFAULT 'default';
ALTER TABLE platform.schedules ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE platform.schedules ADD COLUMN last_job_id uuid;
ALTER TABLE platform.schedules ADD COLUMN last_started_at timestamptz;

-- The worker processes that live: each says so every few seconds.
CREATE TABLE platform.workers (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    process_id integer NOT NULL,
    services text NOT NULL,
    running smallint NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);
"""
DOWNGRADE = """
DROP TABLE platform.workers;
ALTER TABLE platform.schedules DROP COLUMN cron, DROP COLUMN queue, DROP COLUMN seen_at,
    DROP COLUMN last_job_id, DROP COLUMN last_started_at;
ALTER TABLE platform.jobs DROP COLUMN cancel_asked_at;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute(DOWNGRADE)
