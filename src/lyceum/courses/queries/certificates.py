"""Reading and writing certificates."""

from typing import Final
from uuid import UUID

from lyceum.courses.records import Certificate, Completion
from lyceum.platform.statements import command, sql

FIND_COMPLETION = sql(
    """
    SELECT e.course_id, e.user_id, p.display_name AS learner_name, c.title AS course_title,
        ARRAY(
            SELECT q.display_name FROM courses.course_instructors i
            JOIN users.public_profiles q ON q.user_id = i.user_id
            WHERE i.course_id = c.id AND i.role IN ('owner', 'co_instructor')
            ORDER BY i.position, i.added_at, i.user_id
        ) AS instructor_names,
        c.has_certificate, e.completed_at
    FROM courses.enrolments e
    JOIN courses.courses c ON c.id = e.course_id
    LEFT JOIN users.public_profiles p ON p.user_id = e.user_id
    WHERE e.id = $1
    """,
    Completion,
)

_CERTIFICATE: Final = """
    id, code, course_id, user_id, learner_name, course_title, instructor_names, issued_at, pdf_key,
    revoked_at, revoked_reason
"""

# No row: the enrolment has one.
INSERT_CERTIFICATE = command(
    f"""
    INSERT INTO courses.certificates (id, code, enrolment_id, course_id, user_id, learner_name,
        course_title, instructor_names, issued_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT ON CONSTRAINT certificates_one_per_enrolment DO NOTHING
    RETURNING {_CERTIFICATE}
    """,  # noqa: S608 - constants of this module
    Certificate,
)

FIND_CERTIFICATE = sql(
    f"SELECT {_CERTIFICATE} FROM courses.certificates WHERE id = $1",  # noqa: S608
    Certificate,
)

# By a code of before as well: then as it was, and revoked.
FIND_BY_CODE = sql(
    f"""
    SELECT {_CERTIFICATE} FROM courses.certificates WHERE code = $1
    UNION ALL
    SELECT certificate_id, code, course_id, user_id, learner_name, course_title, instructor_names,
        issued_at, NULL, revoked_at, revoked_reason
    FROM courses.former_certificates WHERE code = $1
    """,  # noqa: S608
    Certificate,
)

# No row: the code is none, or one of before. Whoever issues it anew holds the row.
LOCK_BY_CODE = command(
    "SELECT enrolment_id FROM courses.certificates WHERE code = $1 FOR NO KEY UPDATE", UUID
)

# Parameters: the code until now, now, why.
KEEP_FORMER = command(
    """
    INSERT INTO courses.former_certificates (code, certificate_id, course_id, user_id,
        learner_name, course_title, instructor_names, issued_at, revoked_at, revoked_reason)
    SELECT code, id, course_id, user_id, learner_name, course_title, instructor_names, issued_at,
        coalesce(revoked_at, $2), coalesce(revoked_reason, $3)
    FROM courses.certificates WHERE code = $1
    """
)

# Parameters: the code until now, the code from now on, and what it says.
REISSUE = command(
    f"""
    UPDATE courses.certificates SET code = $2, learner_name = $3, course_title = $4,
        instructor_names = $5, issued_at = $6, pdf_key = NULL, revoked_at = NULL,
        revoked_reason = NULL
    WHERE code = $1
    RETURNING {_CERTIFICATE}
    """,  # noqa: S608
    Certificate,
)

LIST_MINE = sql(
    f"""
    SELECT {_CERTIFICATE} FROM courses.certificates WHERE user_id = $1
    ORDER BY issued_at DESC, id DESC LIMIT $2 OFFSET $3
    """,  # noqa: S608
    Certificate,
)

COUNT_MINE = sql("SELECT count(*) FROM courses.certificates WHERE user_id = $1", int)

SET_PDF = command("UPDATE courses.certificates SET pdf_key = $2 WHERE id = $1")

# No row: there is none of this code, or it is revoked.
REVOKE = command(
    f"""
    UPDATE courses.certificates SET revoked_at = $2, revoked_reason = $3
    WHERE code = $1 AND revoked_at IS NULL
    RETURNING {_CERTIFICATE}
    """,  # noqa: S608
    Certificate,
)
