"""More ways into a course: waiting list, invitations, cohorts, lists of people; and out by time."""

from alembic import op

revision = "0022_enrolment_paths"
down_revision = "0021_passkeys"
branch_labels = None
depends_on = None

UPGRADE = """
-- How many days an enrolment lasts; null: for good.
ALTER TABLE courses.courses ADD COLUMN access_days integer
    CONSTRAINT courses_access_days CHECK (access_days > 0);
-- When learning begins for this learner, by their cohort; null: with the course.
ALTER TABLE courses.enrolments ADD COLUMN begins_at timestamptz;

CREATE TABLE courses.cohorts (
    id uuid PRIMARY KEY,
    course_id uuid NOT NULL REFERENCES courses.courses (id) ON DELETE CASCADE,
    name text NOT NULL CONSTRAINT cohorts_name CHECK (length(name) BETWEEN 1 AND 100),
    starts_at timestamptz,
    ends_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT cohorts_run CHECK (starts_at < ends_at)
);
-- The foreign key; a name is taken once in a course.
CREATE UNIQUE INDEX cohorts_name_unique ON courses.cohorts (course_id, lower(name));

CREATE TABLE courses.cohort_members (
    -- A learner is in one cohort of a course at most.
    enrolment_id uuid PRIMARY KEY REFERENCES courses.enrolments (id),
    cohort_id uuid NOT NULL REFERENCES courses.cohorts (id) ON DELETE CASCADE,
    joined_at timestamptz NOT NULL DEFAULT now()
);
-- The foreign key, and the members of a cohort.
CREATE INDEX cohort_members_cohort_id ON courses.cohort_members (cohort_id);

CREATE TABLE courses.cohort_assistants (
    cohort_id uuid NOT NULL REFERENCES courses.cohorts (id) ON DELETE CASCADE,
    -- An assistant who is named in a cohort of a course sees the learners of such cohorts alone.
    user_id uuid NOT NULL,
    PRIMARY KEY (cohort_id, user_id)
);
-- The cohorts that somebody looks after.
CREATE INDEX cohort_assistants_user_id ON courses.cohort_assistants (user_id);

CREATE TABLE courses.waiting_list (
    id uuid PRIMARY KEY,
    course_id uuid NOT NULL REFERENCES courses.courses (id) ON DELETE CASCADE,
    user_id uuid NOT NULL,
    -- Given under the lock of the course, so that it is the order in which people came.
    place bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    status text NOT NULL DEFAULT 'waiting'
        CONSTRAINT waiting_list_status CHECK (status IN ('waiting', 'admitted', 'left')),
    joined_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT waiting_list_end CHECK ((status = 'waiting') = (ended_at IS NULL))
);
-- Nobody waits twice.
CREATE UNIQUE INDEX waiting_list_once ON courses.waiting_list (course_id, user_id)
    WHERE status = 'waiting';
-- The foreign key, and who is next.
CREATE INDEX waiting_list_order ON courses.waiting_list (course_id, status, place);
-- What somebody waits for.
CREATE INDEX waiting_list_user_id ON courses.waiting_list (user_id);

CREATE TABLE courses.invitations (
    id uuid PRIMARY KEY,
    course_id uuid NOT NULL REFERENCES courses.courses (id) ON DELETE CASCADE,
    -- 100 random bits: whoever knows it may use it, as far as it goes.
    code text NOT NULL CONSTRAINT invitations_code_unique UNIQUE,
    created_by uuid NOT NULL,
    -- For one person alone; null: for whoever has the code.
    email text,
    cohort_id uuid REFERENCES courses.cohorts (id) ON DELETE SET NULL,
    max_uses integer CONSTRAINT invitations_max_uses CHECK (max_uses > 0),
    use_count integer NOT NULL DEFAULT 0,
    waives_price boolean NOT NULL DEFAULT false,
    expires_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT invitations_not_overused
        CHECK (use_count BETWEEN 0 AND coalesce(max_uses, use_count))
);
-- The foreign keys.
CREATE INDEX invitations_course_id ON courses.invitations (course_id, created_at);
CREATE INDEX invitations_cohort_id ON courses.invitations (cohort_id);

CREATE TABLE courses.invitation_uses (
    invitation_id uuid NOT NULL REFERENCES courses.invitations (id) ON DELETE CASCADE,
    user_id uuid NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    -- Each person once.
    CONSTRAINT invitation_uses_once PRIMARY KEY (invitation_id, user_id)
);
-- What somebody has used.
CREATE INDEX invitation_uses_user_id ON courses.invitation_uses (user_id);

CREATE TABLE courses.enrolment_imports (
    id uuid PRIMARY KEY,
    course_id uuid NOT NULL REFERENCES courses.courses (id) ON DELETE CASCADE,
    asked_by uuid NOT NULL,
    job_id uuid NOT NULL,
    is_dry_run boolean NOT NULL,
    -- The list as it came; gone when it has been worked through.
    content text,
    report jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
-- The foreign key.
CREATE INDEX enrolment_imports_course_id ON courses.enrolment_imports (course_id, created_at);
"""

DOWNGRADE = """
DROP TABLE courses.enrolment_imports, courses.invitation_uses, courses.invitations,
    courses.waiting_list, courses.cohort_assistants, courses.cohort_members, courses.cohorts;
ALTER TABLE courses.enrolments DROP COLUMN begins_at;
ALTER TABLE courses.courses DROP COLUMN access_days;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute(DOWNGRADE)
