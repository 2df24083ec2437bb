"""An index for what is past its time, made while entries are recorded."""

from alembic import op

revision = "0043_audit_expiry"
down_revision = "0042_audit_retention"
branch_labels = None
depends_on = None

# By class, chain and age, as removing looks for them.
INDEX = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS entries_retention"
    " ON audit.entries (retention_class, stream, recorded_at, sequence)"
)


def upgrade() -> None:
    """Apply."""
    with op.get_context().autocommit_block():
        op.execute(INDEX)


def downgrade() -> None:
    """Take back."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS audit.entries_retention")
