"""Finding a course for somebody: visibility first, then permission.

Not visible is NotFound, the same as missing; visible and not allowed is Forbidden.
Locks are taken in one order everywhere: course, then chapter, then lecture.
"""

from typing import NoReturn
from uuid import UUID

from lyceum.courses import permissions
from lyceum.courses.queries import access as queries
from lyceum.courses.records import CourseAccess
from lyceum.platform import errors
from lyceum.platform.access import Actor, Permission
from lyceum.platform.database import Reader, Writer


async def get_visible_course(tx: Reader, actor: Actor, id_or_slug: UUID | str) -> CourseAccess:
    """Return how the actor stands to a course that exists for them; otherwise NotFound.

    Its staff are told Deleted of a deleted one.
    """
    return _require_visible(actor, await queries.find_access(tx, id_or_slug, actor.user_id))


async def get_editable_course(tx: Reader, actor: Actor, id_or_slug: UUID | str) -> CourseAccess:
    """Return a course that the actor may change; NotFound or Forbidden otherwise."""
    access = await get_visible_course(tx, actor, id_or_slug)
    _require_editor(actor, access)
    return access


async def lock_visible_course(tx: Writer, actor: Actor, id_or_slug: UUID | str) -> CourseAccess:
    """As `get_visible_course`, and lock its row until the end of the transaction."""
    return _require_visible(actor, await queries.lock_access(tx, id_or_slug, actor.user_id))


async def lock_editable_course(tx: Writer, actor: Actor, id_or_slug: UUID | str) -> CourseAccess:
    """As `get_editable_course`, and lock its row until the end of the transaction."""
    access = await lock_visible_course(tx, actor, id_or_slug)
    _require_editor(actor, access)
    return access


async def lock_publishable_course(tx: Writer, actor: Actor, course_id: UUID) -> CourseAccess:
    """Lock a course that the actor may publish and archive; NotFound or Forbidden otherwise."""
    access = await lock_visible_course(tx, actor, course_id)
    if not permissions.may_publish(actor, access):
        _refuse(actor, access, permissions.PUBLISH_COURSE)
    return access


async def lock_staffable_course(tx: Writer, actor: Actor, course_id: UUID) -> CourseAccess:
    """Lock a course whose staff the actor may change; NotFound or Forbidden otherwise."""
    access = await lock_visible_course(tx, actor, course_id)
    if not permissions.may_manage_staff(actor, access):
        _refuse(actor, access, permissions.MANAGE_STAFF)
    return access


async def get_taught_course(tx: Reader, actor: Actor, id_or_slug: UUID | str) -> CourseAccess:
    """Return a course whose staff the actor is; NotFound or Forbidden otherwise."""
    access = await get_visible_course(tx, actor, id_or_slug)
    if not permissions.is_staff_of(actor, access.actor_role):
        actor.require_user()
        raise errors.Forbidden("Only the course's own staff may see this.")
    return access


async def lock_deletable_course(tx: Writer, actor: Actor, id_or_slug: UUID | str) -> CourseAccess:
    """Lock a course that the actor may delete or restore, deleted or not."""
    access = await queries.lock_access(tx, id_or_slug, actor.user_id)
    if access is None or not access.is_deleted:
        access = _require_visible(actor, access)
    elif not permissions.is_staff_of(actor, access.actor_role):
        raise errors.NotFound
    if not permissions.may_delete(actor, access):
        _refuse(actor, access, permissions.DELETE_COURSE)
    return access


async def lock_any_course(tx: Writer, actor: Actor, course_id: UUID) -> CourseAccess | None:
    """Lock a course, whether the actor sees it or not; None when there is none."""
    return await queries.lock_access(tx, course_id, actor.user_id)


def _require_visible(actor: Actor, found: CourseAccess | None) -> CourseAccess:
    if found is None:
        raise errors.NotFound
    if not permissions.may_view(actor, found):
        if found.is_deleted and permissions.is_staff_of(actor, found.actor_role):
            raise errors.Deleted
        raise errors.NotFound
    return found


def _require_editor(actor: Actor, access: CourseAccess) -> None:
    if not permissions.may_edit(actor, access):
        _refuse(actor, access, permissions.UPDATE_COURSE)


def _refuse(actor: Actor, access: CourseAccess, wanted: Permission) -> NoReturn:
    """Say why: nobody is signed in, the role was taken away, or it is somebody else's course."""
    actor.require_user()
    if access.actor_role in permissions.EDITING_ROLES:
        actor.require(wanted)
    if access.actor_role == "co_instructor":
        raise errors.Forbidden("Only the owner of the course may do this.")
    raise errors.Forbidden("Only the course's own instructors may do this.")
