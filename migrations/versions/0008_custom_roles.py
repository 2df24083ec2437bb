"""Custom roles."""

from alembic import op

revision = "0008_custom_roles"
down_revision = "0007_step_up"
branch_labels = None
depends_on = None

UPGRADE = """
-- Roles beside the built-in ones; people have them by name, in users.users.roles. Whoever gives one
-- holds its row, so that it cannot go at the same moment.
CREATE TABLE users.roles (
    name text PRIMARY KEY
        CONSTRAINT roles_name CHECK (name ~ '^[a-z][a-z0-9-]{1,49}$')
        CONSTRAINT roles_not_built_in CHECK (name NOT IN (
            'student', 'user', 'instructor', 'teacher', 'manager', 'admin', 'super_admin')),
    description text NOT NULL DEFAULT ''
        CONSTRAINT roles_description CHECK (length(description) <= 500),
    permissions text[] NOT NULL
        CONSTRAINT roles_permissions CHECK (cardinality(permissions) <= 500),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE users.roles")
