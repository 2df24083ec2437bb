"""Every statement of quizzes and attempts. Not here: what their order and locks are for.

Locks are taken in one order everywhere: candidate, attempt, then the courses domain's own, then
quiz.
"""

from typing import Final
from uuid import UUID

from lyceum.assessments.records import (
    AttemptItem,
    AttemptRow,
    CandidateRow,
    ListedAttempt,
    OfferedItem,
    QuizFacts,
    QuizRow,
    RevisionRow,
)
from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

_QUIZ: Final = """
    SELECT id, lecture_id, course_id, title, passing_percent, attempts_allowed, time_limit_seconds,
           shuffles_questions, shows_answers, question_count, version
    FROM assessments.quizzes
"""

FIND_QUIZ = sql(_QUIZ + "WHERE id = $1 AND deleted_at IS NULL", QuizRow)

FIND_QUIZ_OF_LECTURE = sql(_QUIZ + "WHERE lecture_id = $1 AND deleted_at IS NULL", QuizRow)

# Whoever changes a quiz or its questions.
LOCK_QUIZ = command(_QUIZ + "WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE", QuizRow)

LOCK_QUIZ_OF_LECTURE = command(
    _QUIZ + "WHERE lecture_id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE", QuizRow
)

# Whoever begins an attempt: many at once, but not while the quiz changes.
HOLD_QUIZ = command(_QUIZ + "WHERE id = $1 AND deleted_at IS NULL FOR SHARE", QuizRow)

# Of a deleted quiz too: its attempts stay.
FIND_QUIZ_FACTS = sql(
    "SELECT id, lecture_id, course_id, title, shows_answers FROM assessments.quizzes WHERE id = $1",
    QuizFacts,
)

ADD_QUIZ = command(
    """
    INSERT INTO assessments.quizzes
        (id, lecture_id, course_id, title, passing_percent, attempts_allowed, time_limit_seconds,
         shuffles_questions, shows_answers)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (lecture_id) WHERE deleted_at IS NULL DO NOTHING
    RETURNING id
    """,
    UUID,
)

CHANGE_QUIZ = command(
    """
    UPDATE assessments.quizzes
    SET title = $2, passing_percent = $3, attempts_allowed = $4, time_limit_seconds = $5,
        shuffles_questions = $6, shows_answers = $7, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

COUNT_QUESTIONS = command(
    """
    UPDATE assessments.quizzes
    SET question_count = $2, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

DELETE_QUIZ = command("UPDATE assessments.quizzes SET deleted_at = now() WHERE id = $1")

# The quizzes of lectures or of a course that were removed for good, with whatever staff tried in
# them: nobody else can have. Parameter: the quiz.
LIST_QUIZZES_OF_LECTURE = sql("SELECT id FROM assessments.quizzes WHERE lecture_id = $1", UUID)

LIST_QUIZZES_OF_COURSE = sql("SELECT id FROM assessments.quizzes WHERE course_id = $1", UUID)

PURGE_QUIZ = (
    command("DELETE FROM assessments.attempts WHERE quiz_id = $1"),
    command("DELETE FROM assessments.candidates WHERE quiz_id = $1"),
    command("DELETE FROM assessments.quiz_questions WHERE quiz_id = $1"),
    command("DELETE FROM assessments.question_revisions WHERE quiz_id = $1"),
    command("DELETE FROM assessments.quizzes WHERE id = $1"),
)

LIST_QUESTIONS = sql(
    """
    SELECT r.id, r.question_id, r.kind, r.points_milli, r.content, r.source_key
    FROM assessments.quiz_questions q
    JOIN assessments.question_revisions r ON r.id = q.revision_id
    WHERE q.quiz_id = $1
    ORDER BY q.position
    """,
    RevisionRow,
)

ADD_REVISION = command(
    """
    INSERT INTO assessments.question_revisions
        (id, quiz_id, question_id, kind, points_milli, content, source_key)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """
)

CLEAR_QUESTIONS = command("DELETE FROM assessments.quiz_questions WHERE quiz_id = $1")

PLACE_QUESTIONS = command(
    """
    INSERT INTO assessments.quiz_questions (quiz_id, position, revision_id)
    SELECT $1, place.position, place.revision_id
    FROM unnest($2::uuid[]) WITH ORDINALITY AS place (revision_id, position)
    """
)

# What neither the quiz nor an attempt needs any more.
PURGE_REVISIONS = command(
    """
    DELETE FROM assessments.question_revisions r
    WHERE r.quiz_id = $1
      AND NOT EXISTS (SELECT FROM assessments.quiz_questions q WHERE q.revision_id = r.id)
      AND NOT EXISTS (SELECT FROM assessments.attempt_questions a WHERE a.revision_id = r.id)
    """
)

FIND_CANDIDATE = sql(
    """
    SELECT attempts_started, passed_at FROM assessments.candidates
    WHERE quiz_id = $1 AND user_id = $2
    """,
    CandidateRow,
)

# Makes the row if there is none, and locks it either way.
LOCK_CANDIDATE = command(
    """
    INSERT INTO assessments.candidates (quiz_id, user_id) VALUES ($1, $2)
    ON CONFLICT (quiz_id, user_id) DO UPDATE SET quiz_id = excluded.quiz_id
    RETURNING attempts_started, passed_at
    """,
    CandidateRow,
)

COUNT_ATTEMPT = command(
    """
    UPDATE assessments.candidates SET attempts_started = attempts_started + 1
    WHERE quiz_id = $1 AND user_id = $2
    RETURNING attempts_started
    """,
    int,
)

PASS_CANDIDATE = command(
    """
    UPDATE assessments.candidates SET passed_at = $3
    WHERE quiz_id = $1 AND user_id = $2 AND passed_at IS NULL
    RETURNING attempts_started
    """,
    int,
)

# Answers that were sent in time may arrive a little later.
_IS_LATE: Final = "clock_timestamp() > deadline_at + interval '2 seconds'"
_ATTEMPT_COLUMNS: Final = f"""
    id, quiz_id, user_id, number, is_preview, status, passing_percent, started_at, deadline_at,
    saved_at, submitted_at, closed_by, points_milli, max_points_milli, is_passed, receipt_id,
    status = 'in_progress' AND coalesce({_IS_LATE}, false) AS is_overdue
"""

FIND_ATTEMPT = sql(
    f"SELECT {_ATTEMPT_COLUMNS} FROM assessments.attempts WHERE id = $1",  # noqa: S608 - constants
    AttemptRow,
)

LOCK_ATTEMPT = command(
    f"""
    SELECT {_ATTEMPT_COLUMNS} FROM assessments.attempts WHERE id = $1 FOR NO KEY UPDATE
    """,  # noqa: S608 - constants
    AttemptRow,
)

LOCK_RUNNING_ATTEMPT = command(
    f"""
    SELECT {_ATTEMPT_COLUMNS} FROM assessments.attempts
    WHERE quiz_id = $1 AND user_id = $2 AND status = 'in_progress'
    FOR NO KEY UPDATE
    """,  # noqa: S608 - constants
    AttemptRow,
)

FIND_RUNNING_ATTEMPT = sql(
    """
    SELECT id FROM assessments.attempts
    WHERE quiz_id = $1 AND user_id = $2 AND status = 'in_progress'
    """,
    UUID,
)

DELETE_PREVIEWS = command(
    "DELETE FROM assessments.attempts WHERE quiz_id = $1 AND user_id = $2 AND is_preview"
)

ADD_ATTEMPT = command(
    f"""
    INSERT INTO assessments.attempts
        (id, quiz_id, user_id, number, is_preview, passing_percent, started_at, deadline_at)
    SELECT $1, $2, $3, $4, $4::integer IS NULL, $5, clock.present,
           clock.present + make_interval(secs => $6::integer)
    FROM (SELECT clock_timestamp() AS present) clock
    RETURNING {_ATTEMPT_COLUMNS}
    """,  # noqa: S608 - constants
    AttemptRow,
)

ADD_ITEM = command(
    """
    INSERT INTO assessments.attempt_questions
        (attempt_id, position, question_id, revision_id, choice_ids)
    VALUES ($1, $2, $3, $4, $5)
    """
)

LIST_ITEMS = sql(
    """
    SELECT a.position, a.question_id, r.kind, r.points_milli AS max_points_milli, r.content,
           a.choice_ids, a.answer, a.points_milli, a.is_correct
    FROM assessments.attempt_questions a
    JOIN assessments.question_revisions r ON r.id = a.revision_id
    WHERE a.attempt_id = $1
    ORDER BY a.position
    """,
    AttemptItem,
)

# Takes the time of saving, and the lock, while answers may still be saved; no row when they may
# not.
TOUCH_ATTEMPT = command(
    f"""
    UPDATE assessments.attempts SET saved_at = clock_timestamp()
    WHERE id = $1 AND user_id = $2 AND status = 'in_progress' AND NOT coalesce({_IS_LATE}, false)
    RETURNING {_ATTEMPT_COLUMNS}
    """,  # noqa: S608 - constants
    AttemptRow,
)

LIST_OFFERED = sql(
    """
    SELECT a.position, a.question_id, r.kind, a.choice_ids
    FROM assessments.attempt_questions a
    JOIN assessments.question_revisions r ON r.id = a.revision_id
    WHERE a.attempt_id = $1 AND a.question_id = ANY ($2::uuid[])
    """,
    OfferedItem,
)

KEEP_ANSWER = command(
    """
    UPDATE assessments.attempt_questions SET answer = $3 WHERE attempt_id = $1 AND position = $2
    """
)

GRADE_ITEMS = command(
    """
    UPDATE assessments.attempt_questions a
    SET points_milli = grade.points_milli, is_correct = grade.is_correct
    FROM unnest($2::integer[], $3::integer[], $4::boolean[])
        AS grade (position, points_milli, is_correct)
    WHERE a.attempt_id = $1 AND a.position = grade.position
    """
)

# Submitted by the clock at the deadline, by the learner now.
CLOSE_ATTEMPT = command(
    f"""
    UPDATE assessments.attempts
    SET status = 'submitted', closed_by = $2::text, points_milli = $3, max_points_milli = $4,
        is_passed = $5, receipt_id = $6,
        submitted_at = CASE $2::text WHEN 'deadline' THEN deadline_at ELSE clock_timestamp() END
    WHERE id = $1
    RETURNING {_ATTEMPT_COLUMNS}
    """,  # noqa: S608 - constants
    AttemptRow,
)

LIST_OVERDUE = sql(
    """
    SELECT id FROM assessments.attempts
    WHERE status = 'in_progress' AND deadline_at < now() - interval '2 seconds'
    ORDER BY deadline_at
    LIMIT $1
    """,
    UUID,
)

_LISTED: Final = """
    SELECT a.id, a.quiz_id, a.user_id, p.display_name, a.number, a.is_preview, a.status,
           a.started_at, a.deadline_at, a.submitted_at, a.closed_by, a.points_milli,
           a.max_points_milli, a.is_passed
    FROM assessments.attempts a
    LEFT JOIN users.public_profiles p ON p.user_id = a.user_id
"""

# Both lists go on before the id $2; $3 is how many.
LIST_ATTEMPTS = sql(
    _LISTED + "WHERE a.quiz_id = $1 AND a.id < $2 AND NOT a.is_preview ORDER BY a.id DESC LIMIT $3",
    ListedAttempt,
)

LIST_OWN_ATTEMPTS = sql(
    _LISTED
    + """
    WHERE a.quiz_id = $1 AND a.id < $2 AND a.user_id = $4 AND NOT a.is_preview
    ORDER BY a.id DESC LIMIT $3
    """,
    ListedAttempt,
)

privacy.holds(
    "assessments.candidates",
    "user_id",
    export=sql("SELECT to_jsonb(c) FROM assessments.candidates c WHERE c.user_id = $1", Json),
    keeps="how many attempts there were is the academy's record",
)
privacy.holds(
    "assessments.attempts",
    "user_id",
    export=sql(
        """
        SELECT to_jsonb(a) || jsonb_build_object('answers', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'question_id', q.question_id, 'answer', q.answer, 'points_milli', q.points_milli
            ) ORDER BY q.position), '[]')
            FROM assessments.attempt_questions q WHERE q.attempt_id = a.id))
        FROM assessments.attempts a WHERE a.user_id = $1
        """,
        Json,
    ),
    # The marks are the academy's record; in their own words is what the person wrote.
    erase=command(
        """
        UPDATE assessments.attempt_questions SET answer = NULL
        WHERE attempt_id IN (SELECT id FROM assessments.attempts WHERE user_id = $1)
        """
    ),
)
