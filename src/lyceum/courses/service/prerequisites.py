"""Which courses have to be completed before one may enrol in another."""

from collections.abc import Sequence
from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses.queries import catalogue
from lyceum.courses.queries import prerequisites as queries
from lyceum.courses.service import access
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer


async def set_prerequisites(
    tx: Writer, actor: Actor, course_id: UUID, required: Sequence[UUID]
) -> bool:
    """Make `required`, which the actor sees, all that a locked course requires; return whether
    that is a change. PrerequisiteLoop when one of them requires the course."""
    wanted = list(dict.fromkeys(required))
    if wanted == await tx.all(queries.LIST_PREREQUISITES, course_id):
        return False
    await tx.execute(queries.LOCK_PREREQUISITES)
    for place, required_id in enumerate(wanted):
        try:
            await access.get_visible_course(tx, actor, required_id)
        except (errors.NotFound, errors.Deleted) as fact:
            raise facts.invalid(f"/prerequisites/{place}", "There is no such course") from fact
    if await tx.one(queries.REQUIRES, course_id, wanted):
        raise facts.PrerequisiteLoop
    await tx.execute(queries.CLEAR_PREREQUISITES, course_id)
    await tx.execute(queries.ADD_PREREQUISITES, course_id, wanted)
    return True


async def require_prerequisites(tx: Reader, actor: Actor, course_id: UUID, user_id: UUID) -> None:
    """Raise PrerequisitesMissing unless the person has completed what the course requires; it
    names those alone that the actor sees."""
    missing = await tx.all(queries.LIST_MISSING, course_id, user_id)
    if not missing:
        return
    named = []
    for course in missing:
        try:
            await access.get_visible_course(tx, actor, course.id)
        except (errors.NotFound, errors.Deleted):
            continue
        named.append({"id": course.id, "slug": course.slug, "title": course.title})
    raise facts.PrerequisitesMissing(missing=named, missing_count=len(missing))


async def forget_dependents(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Make every process forget the details that show this course among what they require."""
    for dependent in await tx.all(queries.LIST_DEPENDENTS, course_id):
        catalogue.forget_course(tx, dependent)
