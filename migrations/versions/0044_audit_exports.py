"""Exports of the audit trail: who asked for which entries, and where the file is for a day."""

from alembic import op

revision = "0044_audit_exports"
down_revision = "0043_audit_expiry"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE audit.exports (
    id uuid PRIMARY KEY,
    asked_by uuid,
    format text NOT NULL CONSTRAINT exports_format CHECK (format IN ('ndjson', 'csv')),
    -- As they came over the wire.
    filters jsonb NOT NULL,
    job_id uuid NOT NULL,
    file_key text,
    entries bigint,
    size_bytes bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT exports_end CHECK (
        num_nonnulls(file_key, entries, size_bytes, finished_at) IN (0, 4))
);
-- The purge of what nobody may fetch any more.
CREATE INDEX exports_expires_at ON audit.exports (expires_at);
-- What goes when a person is erased.
CREATE INDEX exports_asked_by ON audit.exports (asked_by);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE audit.exports")
