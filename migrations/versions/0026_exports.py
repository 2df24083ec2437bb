"""Exports of courses as content packages."""

from alembic import op

revision = "0026_exports"
down_revision = "0025_identities"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE packages.exports (
    id uuid PRIMARY KEY,
    -- The courses domain answers for it.
    course_id uuid NOT NULL,
    -- Who asked, and so may fetch it.
    asked_by uuid,
    format text NOT NULL CONSTRAINT exports_format CHECK (format IN ('cc', 'lyceum')),
    job_id uuid,
    -- Where the package lies, once it is made; and what it is called when it is saved.
    file_key text,
    file_name text NOT NULL DEFAULT ''
        CONSTRAINT exports_file_name CHECK (length(file_name) <= 255),
    size_bytes bigint NOT NULL DEFAULT 0,
    -- How it ended: what the format could not hold, or why there is no package.
    notes jsonb,
    problem jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT exports_end CHECK (
        (finished_at IS NOT NULL) = (notes IS NOT NULL OR problem IS NOT NULL)
        AND (notes IS NULL) = (file_key IS NULL) AND (notes IS NULL OR problem IS NULL))
);
-- The purge of what nobody may fetch any more.
CREATE INDEX exports_expires_at ON packages.exports (expires_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE packages.exports")
