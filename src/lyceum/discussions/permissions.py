"""Who may take part in discussions: permissions by role, and pure rules about one course.

The rules build on what the courses domain says of the actor and the course.
"""

from uuid import UUID

from lyceum.courses.api import CourseRef
from lyceum.discussions.errors import NotParticipant
from lyceum.platform import errors
from lyceum.platform.access import Actor, permission

WRITE = permission(
    "discussions:write", role="student", description="Ask and answer in courses one learns"
)
MODERATE = permission(
    "discussions:moderate", role="instructor", description="Moderate the courses one teaches"
)
ANNOUNCE = permission(
    "announcements:post", role="instructor", description="Announce to learners of one's courses"
)


def require_participant(actor: Actor, course: CourseRef) -> UUID:
    """Return the actor's id, or raise: discussions are for learners and staff."""
    user_id = actor.require_user()
    if course.enrolment_id is None and not course.is_staff:
        raise NotParticipant
    return user_id


def may_moderate(actor: Actor, course: CourseRef) -> bool:
    """Whether the actor keeps order here: the course's staff, assistants among them."""
    return course.is_staff and actor.may(MODERATE)


def require_moderator(actor: Actor, course: CourseRef) -> None:
    """Raise Forbidden unless the actor keeps order here."""
    if not course.is_staff:
        raise errors.Forbidden("Only the course's own staff may do this.")
    actor.require(MODERATE)


def require_announcer(actor: Actor, course: CourseRef) -> None:
    """Raise Forbidden unless the actor speaks for the course."""
    if not course.may_edit:
        raise errors.Forbidden("Only the course's own instructors may announce.")
    actor.require(ANNOUNCE)
