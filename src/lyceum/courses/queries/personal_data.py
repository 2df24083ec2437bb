"""What the tables of `courses` hold about people (`platform.privacy`)."""

from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

privacy.holds(
    "courses.courses",
    "owner_id",
    export=sql(
        """
        SELECT jsonb_build_object('id', id, 'slug', slug, 'title', title, 'status', status,
                                  'created_at', created_at)
        FROM courses.courses WHERE owner_id = $1
        """,
        Json,
    ),
    keeps="others learn in the course, which is shown as that of a former member",
)
privacy.holds(
    "courses.course_instructors",
    "user_id",
    export=sql("SELECT to_jsonb(i) FROM courses.course_instructors i WHERE i.user_id = $1", Json),
    keeps="who answered for a course, shown as a former member",
)
privacy.holds(
    "courses.enrolments",
    "user_id",
    export=sql("SELECT to_jsonb(e) FROM courses.enrolments e WHERE e.user_id = $1", Json),
    keeps="what was learnt is the academy's record, and its counters are made of it",
)
privacy.holds(
    "courses.lecture_progress",
    "enrolment_id",
    export=sql(
        """
        SELECT to_jsonb(p) FROM courses.lecture_progress p
        JOIN courses.enrolments e ON e.id = p.enrolment_id WHERE e.user_id = $1
        """,
        Json,
    ),
    keeps="goes with the enrolment",
)
privacy.holds(
    "courses.certificates",
    "user_id",
    export=sql("SELECT to_jsonb(c) FROM courses.certificates c WHERE c.user_id = $1", Json),
    # That one was issued stays on record; to whom is told to nobody.
    erase=command(
        """
        UPDATE courses.certificates SET
            learner_name = 'Former member', pdf_key = NULL,
            revoked_at = coalesce(revoked_at, now()),
            revoked_reason = coalesce(revoked_reason, 'The account was erased.')
        WHERE user_id = $1
        """
    ),
    files=sql("SELECT coalesce(pdf_key, '') FROM courses.certificates WHERE user_id = $1", str),
)
privacy.holds(
    "courses.notes",
    "user_id",
    export=sql("SELECT to_jsonb(n) FROM courses.notes n WHERE n.user_id = $1", Json),
    erase=command("DELETE FROM courses.notes WHERE user_id = $1"),
)
privacy.holds(
    "courses.review_votes",
    "user_id",
    export=sql("SELECT to_jsonb(v) FROM courses.review_votes v WHERE v.user_id = $1", Json),
    keeps="a vote is a number that others rely on; it names an id alone",
)
privacy.holds(
    "courses.review_reports",
    "reporter_id",
    "resolved_by",
    export=sql("SELECT to_jsonb(q) FROM courses.review_reports q WHERE q.reporter_id = $1", Json),
    erase=command("UPDATE courses.review_reports SET reason = 'Removed' WHERE reporter_id = $1"),
)
privacy.holds(
    "courses.reviews",
    "user_id",
    "replied_by",
    export=sql("SELECT to_jsonb(r) FROM courses.reviews r WHERE r.user_id = $1", Json),
    # The stars stay, because the course's average is made of them.
    erase=command(
        """
        UPDATE courses.reviews SET body = '', version = version + 1, updated_at = now()
        WHERE user_id = $1
        """
    ),
)
privacy.holds(
    "courses.waiting_list",
    "user_id",
    export=sql("SELECT to_jsonb(w) FROM courses.waiting_list w WHERE w.user_id = $1", Json),
    erase=command("DELETE FROM courses.waiting_list WHERE user_id = $1"),
)
privacy.holds(
    "courses.invitations",
    "created_by",
    export=sql(
        "SELECT to_jsonb(i) - 'code' - 'email' FROM courses.invitations i WHERE i.created_by = $1",
        Json,
    ),
    keeps="others have come in by it; it names an id alone",
)
privacy.holds(
    "courses.invitations",
    "email",
    by="email",
    export=sql(
        "SELECT to_jsonb(i) - 'code' FROM courses.invitations i WHERE lower(i.email) = lower($1)",
        Json,
    ),
    erase=command("DELETE FROM courses.invitations WHERE lower(email) = lower($1)"),
)
privacy.holds(
    "courses.invitation_uses",
    "user_id",
    export=sql("SELECT to_jsonb(u) FROM courses.invitation_uses u WHERE u.user_id = $1", Json),
    keeps="that an invitation was used once stays true; it names an id alone",
)
privacy.holds(
    "courses.cohort_members",
    "enrolment_id",
    export=sql(
        """
        SELECT to_jsonb(m) FROM courses.cohort_members m
        JOIN courses.enrolments e ON e.id = m.enrolment_id WHERE e.user_id = $1
        """,
        Json,
    ),
    keeps="goes with the enrolment",
)
privacy.holds(
    "courses.cohort_assistants",
    "user_id",
    export=sql("SELECT to_jsonb(a) FROM courses.cohort_assistants a WHERE a.user_id = $1", Json),
    erase=command("DELETE FROM courses.cohort_assistants WHERE user_id = $1"),
)
privacy.holds(
    "courses.enrolment_imports",
    "asked_by",
    export=sql(
        """
        SELECT jsonb_build_object('id', i.id, 'course_id', i.course_id, 'created_at', i.created_at)
        FROM courses.enrolment_imports i WHERE i.asked_by = $1
        """,
        Json,
    ),
    keeps="who enrolled others is on record; its report names ids alone",
)
privacy.holds(
    "courses.learning_time",
    "enrolment_id",
    export=sql(
        """
        SELECT to_jsonb(t) FROM courses.learning_time t
        JOIN courses.enrolments e ON e.id = t.enrolment_id WHERE e.user_id = $1
        """,
        Json,
    ),
    keeps="goes with the enrolment",
)
privacy.holds(
    "courses.former_certificates",
    "user_id",
    export=sql("SELECT to_jsonb(f) FROM courses.former_certificates f WHERE f.user_id = $1", Json),
    erase=command(
        """
        UPDATE courses.former_certificates SET learner_name = 'Former member' WHERE user_id = $1
        """
    ),
)
