"""Who may do what with courses: permissions by role, and pure rules about one course.

Not here: looking the facts up (`service.access`). The rules take what `CourseAccess` holds.
"""

from typing import Final

from lyceum.courses.records import CourseAccess
from lyceum.platform.access import Actor, permission

CREATE_COURSE = permission(
    "courses:create", role="instructor", description="Create courses of one's own"
)
UPDATE_COURSE = permission(
    "courses:update", role="instructor", description="Change the courses that one teaches"
)
PUBLISH_COURSE = permission(
    "courses:publish", role="instructor", description="Publish and archive courses one teaches"
)
DELETE_COURSE = permission(
    "courses:delete", role="instructor", description="Delete and restore courses one owns"
)
MANAGE_STAFF = permission(
    "courses:staff", role="instructor", description="Say who else teaches the courses one owns"
)
REVIEW_COURSE = permission(
    "courses:review", role="manager", description="Give back courses that wait for a review"
)
MANAGE_ANY_COURSE = permission(
    "courses:manage-any", role="manager", description="See and change every course"
)
CREATE_CATEGORY = permission(
    "categories:create", role="instructor", description="Add categories to the catalogue"
)
MANAGE_CATEGORIES = permission(
    "categories:manage", role="manager", description="Rename, move and delete categories"
)
WRITE_REVIEW = permission(
    "reviews:create", role="student", description="Review courses that one learns"
)
MODERATE_REVIEWS = permission(
    "reviews:moderate", role="manager", description="Hide and delete anybody's review"
)
REVOKE_CERTIFICATE = permission(
    "certificates:revoke", role="admin", description="Revoke a certificate that was issued"
)

EDITING_ROLES: Final = ("owner", "co_instructor")
ENROLLED: Final = ("active", "completed")


def is_staff_of(actor: Actor, course_role: str | None) -> bool:
    """Whether the actor, whose role in the course is `course_role`, sees it as its staff does."""
    return course_role is not None or actor.may(MANAGE_ANY_COURSE)


def is_enrolled(access: CourseAccess) -> bool:
    """Whether the actor learns, or has completed, the course."""
    return access.enrolment_status in ENROLLED


def may_view(actor: Actor, access: CourseAccess) -> bool:
    """Whether the course exists for the actor; what was deleted exists for nobody.

    A learner keeps an archived course; a draft is for staff alone, by whatever path.
    """
    if access.is_deleted:
        return False
    if access.status == "published" and access.visibility in ("public", "unlisted"):
        return True
    if is_staff_of(actor, access.actor_role):
        return True
    return access.status in ("published", "archived") and is_enrolled(access)


def may_read_lecture(actor: Actor, access: CourseAccess, *, is_preview: bool) -> bool:
    """Whether the actor, who sees the course, may open a lecture of it."""
    return is_preview or is_staff_of(actor, access.actor_role) or is_enrolled(access)


def may_edit(actor: Actor, access: CourseAccess) -> bool:
    """Whether the actor may change the course: its owner or a co-instructor, or a manager."""
    if actor.may(MANAGE_ANY_COURSE):
        return True
    return actor.may(UPDATE_COURSE) and access.actor_role in EDITING_ROLES


def may_publish(actor: Actor, access: CourseAccess) -> bool:
    """Whether the actor may publish or archive the course."""
    if actor.may(MANAGE_ANY_COURSE):
        return True
    return actor.may(PUBLISH_COURSE) and access.actor_role in EDITING_ROLES


def may_delete(actor: Actor, access: CourseAccess) -> bool:
    """Whether the actor may delete or restore the course: its owner, or a manager."""
    if actor.may(MANAGE_ANY_COURSE):
        return True
    return actor.may(DELETE_COURSE) and access.actor_role == "owner"


def may_manage_staff(actor: Actor, access: CourseAccess) -> bool:
    """Whether the actor may say who teaches the course: its owner, or a manager."""
    if actor.may(MANAGE_ANY_COURSE):
        return True
    return actor.may(MANAGE_STAFF) and access.actor_role == "owner"
