"""Imports of content packages and their reports."""

from alembic import op

revision = "0006_packages"
down_revision = "0005_assessments"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE SCHEMA packages;

CREATE TABLE packages.imports (
    id uuid PRIMARY KEY,
    -- Whose course it becomes; and who asked, unless it was the command line.
    owner_id uuid NOT NULL,
    asked_by uuid,
    file_name text NOT NULL CONSTRAINT imports_file_name CHECK (length(file_name) <= 255),
    -- Where the upload waits, and the job that takes it; of the command line there is neither.
    file_key text,
    job_id uuid,
    -- How it ended: the course with the report, or why there is none.
    course_id uuid,
    report jsonb,
    problem jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT imports_end CHECK (
        (finished_at IS NOT NULL) = (report IS NOT NULL OR problem IS NOT NULL)
        AND (report IS NULL) = (course_id IS NULL) AND (report IS NULL OR problem IS NULL))
);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP SCHEMA packages CASCADE")
