"""Quizzes, questions, attempts."""

from alembic import op

revision = "0005_assessments"
down_revision = "0004_progress"
branch_labels = None
depends_on = None

QUIZZES = """
CREATE SCHEMA assessments;

CREATE TABLE assessments.quizzes (
    id uuid PRIMARY KEY,
    -- What it is taken in; the courses domain answers for both.
    lecture_id uuid NOT NULL,
    course_id uuid NOT NULL,
    title text NOT NULL CONSTRAINT quizzes_title CHECK (length(title) BETWEEN 1 AND 255),
    passing_percent smallint NOT NULL
        CONSTRAINT quizzes_passing_percent CHECK (passing_percent BETWEEN 0 AND 100),
    -- NULL: as many as one likes; and as long as one likes.
    attempts_allowed smallint CONSTRAINT quizzes_attempts_allowed CHECK (attempts_allowed > 0),
    time_limit_seconds integer CONSTRAINT quizzes_time_limit CHECK (time_limit_seconds > 0),
    shuffles_questions boolean NOT NULL,
    shows_answers text NOT NULL CONSTRAINT quizzes_shows_answers CHECK (
        shows_answers IN ('never', 'after_attempt', 'after_passing')),
    question_count integer NOT NULL DEFAULT 0
        CONSTRAINT quizzes_question_count CHECK (question_count BETWEEN 0 AND 500),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
-- A lecture has one quiz; and the quiz of a lecture.
CREATE UNIQUE INDEX quizzes_lecture_id ON assessments.quizzes (lecture_id)
    WHERE deleted_at IS NULL;

-- What a question said at one time; never changed, so attempts point at it as their snapshot.
CREATE TABLE assessments.question_revisions (
    id uuid PRIMARY KEY,
    quiz_id uuid NOT NULL REFERENCES assessments.quizzes (id),
    -- The question through all its edits.
    question_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT question_revisions_kind CHECK (
        kind IN ('multiple_choice', 'multiple_response', 'true_false', 'short_answer')),
    -- Thousandths of a point.
    points_milli integer NOT NULL
        CONSTRAINT question_revisions_points CHECK (points_milli BETWEEN 0 AND 1000000),
    content jsonb NOT NULL,
    -- Its name where it was imported from: a second import edits it.
    source_key text,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- The foreign key, and the purge of what no attempt needs.
CREATE INDEX question_revisions_quiz_id ON assessments.question_revisions (quiz_id);

-- The questions of a quiz as it stands now.
CREATE TABLE assessments.quiz_questions (
    quiz_id uuid NOT NULL REFERENCES assessments.quizzes (id),
    position integer NOT NULL,
    revision_id uuid NOT NULL REFERENCES assessments.question_revisions (id)
        CONSTRAINT quiz_questions_once UNIQUE,
    PRIMARY KEY (quiz_id, position)
);
"""

ATTEMPTS = """
-- One person's standing in one quiz; the row that starting and closing an attempt lock.
CREATE TABLE assessments.candidates (
    quiz_id uuid NOT NULL REFERENCES assessments.quizzes (id),
    user_id uuid NOT NULL,
    attempts_started integer NOT NULL DEFAULT 0,
    passed_at timestamptz,
    PRIMARY KEY (quiz_id, user_id)
);

CREATE TABLE assessments.attempts (
    id uuid PRIMARY KEY,
    quiz_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- The first, second … of this person; a preview by staff has none and counts for nothing.
    number integer CONSTRAINT attempts_number CHECK (number > 0),
    is_preview boolean NOT NULL CONSTRAINT attempts_preview CHECK (is_preview = (number IS NULL)),
    status text NOT NULL DEFAULT 'in_progress'
        CONSTRAINT attempts_status CHECK (status IN ('in_progress', 'submitted')),
    -- The rules as they were at the start.
    passing_percent smallint NOT NULL,
    started_at timestamptz NOT NULL,
    deadline_at timestamptz,
    saved_at timestamptz,
    submitted_at timestamptz,
    closed_by text CONSTRAINT attempts_closed_by CHECK (closed_by IN ('learner', 'deadline')),
    points_milli integer,
    max_points_milli integer,
    is_passed boolean,
    receipt_id uuid,
    CONSTRAINT attempts_candidate FOREIGN KEY (quiz_id, user_id)
        REFERENCES assessments.candidates (quiz_id, user_id),
    CONSTRAINT attempts_number_unique UNIQUE (quiz_id, user_id, number),
    CONSTRAINT attempts_result CHECK (
        num_nonnulls(
            submitted_at, closed_by, points_milli, max_points_milli, is_passed, receipt_id)
        = CASE WHEN status = 'submitted' THEN 6 ELSE 0 END)
);
-- Nobody has two attempts of a quiz under way.
CREATE UNIQUE INDEX attempts_one_running ON assessments.attempts (quiz_id, user_id)
    WHERE status = 'in_progress';
-- The attempts of a quiz, newest first.
CREATE INDEX attempts_quiz_id ON assessments.attempts (quiz_id, id);
-- Attempts whose time is over.
CREATE INDEX attempts_overdue ON assessments.attempts (deadline_at)
    WHERE status = 'in_progress' AND deadline_at IS NOT NULL;

-- One question of one attempt, in the order of this attempt: the answer, and what it is worth.
CREATE TABLE assessments.attempt_questions (
    attempt_id uuid NOT NULL REFERENCES assessments.attempts (id) ON DELETE CASCADE,
    position integer NOT NULL,
    question_id uuid NOT NULL,
    revision_id uuid NOT NULL REFERENCES assessments.question_revisions (id),
    -- Made at random for this attempt, in the order of the revision's choices.
    choice_ids uuid[] NOT NULL,
    answer jsonb,
    points_milli integer,
    is_correct boolean,
    PRIMARY KEY (attempt_id, position),
    CONSTRAINT attempt_questions_once UNIQUE (attempt_id, question_id)
) WITH (fillfactor = 80);
-- The foreign key, and the purge of what no attempt needs.
CREATE INDEX attempt_questions_revision_id ON assessments.attempt_questions (revision_id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(QUIZZES)
    op.execute(ATTEMPTS)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP SCHEMA assessments CASCADE")
