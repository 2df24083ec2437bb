"""Who takes part in a course, and what of it is open to them; for the domains above."""

from collections.abc import Sequence
from uuid import UUID

from lyceum.courses import permissions
from lyceum.courses.queries import participation as queries
from lyceum.courses.service import access
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader


async def list_participants(
    tx: Reader, actor: Actor, course_id: UUID, user_ids: Sequence[UUID]
) -> set[UUID]:
    """Return those of some people who learn or teach a course that the actor takes part in."""
    return set(await tx.all(queries.LIST_PARTICIPANTS, course_id, list(user_ids)))


async def list_readable_lectures(tx: Reader, actor: Actor, course_id: UUID) -> list[UUID]:
    """Return the lectures of a course that the actor, who takes part in it, may open now."""
    course = await access.get_visible_course(tx, actor, course_id)
    is_staff = permissions.is_staff_of(actor, course.actor_role)
    return await tx.all(queries.LIST_LECTURES, course_id, None if is_staff else actor.user_id)
