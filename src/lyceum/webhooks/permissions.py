"""Who may have webhooks, and which events may leave the house: none that is not listed here."""

from typing import Final

from lyceum.assessments import events as assessments
from lyceum.courses import events as courses
from lyceum.platform.access import permission
from lyceum.users import events as users

MANAGE_WEBHOOKS = permission(
    "webhooks:manage",
    role="admin",
    description="Have events of the whole academy sent to an address of one's own.",
)

# Each tells of any course and any person, which whoever has the permission may see.
SUBSCRIBABLE: Final = tuple(
    sorted(
        cls.name
        for cls in (
            assessments.AttemptPassed,
            assessments.AttemptSubmitted,
            courses.CertificateIssued,
            courses.CertificateRevoked,
            courses.CourseArchived,
            courses.CourseCompleted,
            courses.CoursePublished,
            courses.EnrolmentCreated,
            courses.EnrolmentDropped,
            courses.LessonCompleted,
            courses.ReviewPosted,
            users.UserRegistered,
            users.UserVerified,
        )
    )
)
