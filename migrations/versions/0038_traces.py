"""Events and jobs carry the trace of what caused them and the address that it came from."""

from alembic import op

revision = "0038_traces"
down_revision = "0037_customer_keys"
branch_labels = None
depends_on = None

UPGRADE = """
-- NULL in rows of a program that does not know them, and where there is no client.
ALTER TABLE platform.outbox ADD COLUMN trace text, ADD COLUMN origin text;
ALTER TABLE platform.jobs ADD COLUMN trace text, ADD COLUMN origin text;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("ALTER TABLE platform.outbox DROP COLUMN trace, DROP COLUMN origin")
    op.execute("ALTER TABLE platform.jobs DROP COLUMN trace, DROP COLUMN origin")
