"""Authoring at depth: review before publishing, prerequisites, where a copied lecture is from."""

from alembic import op

revision = "0017_authoring"
down_revision = "0016_service_keys"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE courses.courses
    -- Why a reviewer gave the course back, for its staff to read.
    ADD COLUMN review_note text NOT NULL DEFAULT '';

-- The lecture that this one was copied from, for whatever other domains keep of it.
ALTER TABLE courses.lectures ADD COLUMN copied_from_id uuid;

CREATE TABLE courses.course_prerequisites (
    course_id uuid NOT NULL REFERENCES courses.courses (id) ON DELETE CASCADE,
    -- What has to be completed first.
    required_id uuid NOT NULL REFERENCES courses.courses (id) ON DELETE CASCADE,
    position integer NOT NULL DEFAULT 0,
    PRIMARY KEY (course_id, required_id),
    CONSTRAINT course_prerequisites_other CHECK (course_id <> required_id)
);
-- The foreign key, and the courses that show this one among what they require.
CREATE INDEX course_prerequisites_required_id ON courses.course_prerequisites (required_id);
"""

DOWNGRADE = """
DROP TABLE courses.course_prerequisites;
ALTER TABLE courses.lectures DROP COLUMN copied_from_id;
ALTER TABLE courses.courses DROP COLUMN review_note;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute(DOWNGRADE)
