"""Progress that arrives at once is recorded at once: one call and one commit for many learners."""

from alembic import op

revision = "0045_progress_together"
down_revision = "0044_audit_exports"
branch_labels = None
depends_on = None

UPGRADE = """
-- Record what many learners did, each as courses.record_progress does; returns its answers in the
-- order given. The arrays are equally long, and sorted by learner and course: two calls lock
-- enrolments in one order. Nobody waits long for somebody else's enrolment: where one is locked for
-- longer than 50 ms the call fails, and the caller records each by itself.
CREATE FUNCTION courses.record_progress_together(
    p_users uuid[], p_courses uuid[], p_lectures uuid[], p_completed boolean[],
    p_seconds integer[], p_positions integer[], p_played text[],
    p_recorded_at timestamptz[], p_now timestamptz[],
    p_impersonators uuid[], p_requests text[], p_traces text[], p_origins text[]
) RETURNS SETOF json LANGUAGE plpgsql SET lock_timeout = '50ms' AS $$
BEGIN
    FOR i IN 1 .. cardinality(p_users) LOOP
        RETURN NEXT courses.record_progress(
            p_users[i], p_courses[i], p_lectures[i], p_completed[i], p_seconds[i], p_positions[i],
            p_played[i]::int4multirange, p_recorded_at[i], p_now[i], 'learner', NULL, NULL,
            p_users[i], p_impersonators[i], p_requests[i], p_traces[i], p_origins[i]);
    END LOOP;
END
$$;
"""

DOWNGRADE = """
-- squawk-ignore ban-drop-function
DROP FUNCTION courses.record_progress_together;
"""


def upgrade() -> None:
    """Add the call."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Remove it."""
    op.execute(DOWNGRADE)
