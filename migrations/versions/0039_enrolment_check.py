"""One check for each row of an enrolment: added without looking at what is there.

PostgreSQL reads the text of every CHECK anew for every statement that writes: three of them were a
tenth of what recording progress costs it. The next revision validates it and drops the three.
"""

from alembic import op

revision = "0039_enrolment_check"
down_revision = "0038_traces"
branch_labels = None
depends_on = None

UPGRADE = """
-- Not in SQL: that would be put in place of the call, and planned, for every write.
CREATE FUNCTION courses.is_sound_enrolment(
    status text, progress_percent smallint, completed_lectures integer
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN status IN ('active', 'completed', 'dropped', 'expired')
        AND progress_percent BETWEEN 0 AND 100 AND completed_lectures >= 0;
END
$$;
ALTER TABLE courses.enrolments ADD CONSTRAINT enrolments_sound
    CHECK (courses.is_sound_enrolment(status, progress_percent, completed_lectures)) NOT VALID;
"""

DOWNGRADE = """
ALTER TABLE courses.enrolments DROP CONSTRAINT enrolments_sound;
DROP FUNCTION courses.is_sound_enrolment;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute(DOWNGRADE)
