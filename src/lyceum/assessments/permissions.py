"""Who may write and take quizzes: permissions by role, and pure rules about one lecture.

The rules build on what the courses domain says of the actor and the lecture.
"""

from lyceum.assessments.errors import NotEnrolled
from lyceum.courses.api import LectureRef
from lyceum.platform import errors
from lyceum.platform.access import Actor, permission

EDIT_QUIZZES = permission(
    "quizzes:update", role="instructor", description="Write the quizzes of courses that one teaches"
)
TAKE_QUIZZES = permission(
    "attempts:create", role="student", description="Take the quizzes of courses that one learns"
)


def sees_keys(actor: Actor, lecture: LectureRef) -> bool:
    """Whether the actor sees what is right: whoever may change the quiz, by a key for that."""
    return lecture.may_edit and actor.may(EDIT_QUIZZES)


def require_editor(actor: Actor, lecture: LectureRef) -> None:
    """Raise Forbidden unless the actor may change the quiz of the lecture."""
    if not lecture.may_edit:
        raise errors.Forbidden("Only the course's own instructors may see and change this.")
    actor.require(EDIT_QUIZZES)


def require_candidate(actor: Actor, lecture: LectureRef) -> None:
    """Raise Forbidden unless the actor may take the quiz: a learner, or staff as a preview."""
    actor.require(TAKE_QUIZZES)
    if lecture.enrolment_id is None and not sees_keys(actor, lecture):
        raise NotEnrolled
