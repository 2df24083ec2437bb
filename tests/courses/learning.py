"""A published course and its learners, for tests of enrolment, progress, certificates."""

from typing import Any, NamedTuple
from uuid import UUID

from lyceum.courses import api
from lyceum.courses.records import Enrolment
from lyceum.courses.schemas.courses import CourseChanges
from lyceum.courses.service import courses
from lyceum.courses.service import enrolment as enrolment_service
from lyceum.platform import ids
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Database, Writer
from tests.users.factories import actor_of, store_user

SYSTEM = system_actor("test")


class Taught(NamedTuple):
    """A course, its lectures in the order of the outline, and who owns it."""

    id: UUID
    lectures: list[UUID]
    owner: Actor


def make_draft(types: tuple[str, ...], duration: int) -> api.CourseDraft:
    """Lectures of these types, two to a chapter."""
    lectures = [
        api.LectureDraft(
            source_key=f"l{number}",
            title=f"Lecture {number}",
            type=kind,
            duration_seconds=duration if kind == "video" else 0,
        )
        for number, kind in enumerate(types)
    ]
    chapters = tuple(
        api.ChapterDraft(
            source_key=f"c{start}", title=f"Part {start}", lectures=tuple(lectures[start:][:2])
        )
        for start in range(0, len(lectures), 2)
    )
    return api.CourseDraft(source_key=ids.new_id().hex, title="Rivers and tides", chapters=chapters)


async def teach(
    database: Database,
    *types: str,
    duration: int = 100,
    is_published: bool = True,
    **changes: Any,
) -> Taught:
    """Store and commit a course with lectures of `types` (four texts), changed as `changes` say."""
    owner = actor_of(await store_user(database, roles=("instructor",), first_name="Grace"))
    assert owner.user_id is not None
    kinds = types or ("text",) * 4
    async with database.transaction() as tx:
        stored = await api.store_course(
            tx, owner, owner_id=owner.user_id, draft=make_draft(kinds, duration)
        )
        if changes:
            await courses.update_course(
                tx, owner, str(stored.course_id), CourseChanges(**changes), if_match=1
            )
        if is_published:
            await courses.publish_course(tx, owner, stored.course_id)
    lectures = [stored.lecture_ids[f"l{number}"] for number in range(len(kinds))]
    return Taught(stored.course_id, lectures, owner)


async def learn(database: Database, course: Taught) -> Actor:
    """Store a learner who is enrolled in the course."""
    learner = actor_of(await store_user(database))
    await enrol(database, learner, course.id)
    return learner


async def enrol(database: Database, learner: Actor, course_id: UUID) -> Enrolment:
    async with database.transaction() as tx:
        return await enrolment_service.enrol(tx, learner, course_id)


async def drop(database: Database, learner: Actor, course_id: UUID) -> None:
    async with database.transaction() as tx:
        await enrolment_service.drop_enrolment(tx, learner, course_id, None)


async def rows(database: Database, text: str, *arguments: object) -> list[tuple[Any, ...]]:
    """What the database holds, committed."""
    link = await database.write_pool.acquire()
    try:
        return [tuple(row) for row in await link.connection.fetch(text, *arguments)]
    finally:
        database.write_pool.release(link)


async def rows_in(tx: Writer, text: str, *arguments: object) -> list[tuple[Any, ...]]:
    """What the database holds for a transaction that has not ended."""
    link = await tx._begin()  # noqa: SLF001 - a Writer runs declared statements only
    return [tuple(row) for row in await link.connection.fetch(text, *arguments)]


async def events_of(database: Database, name: str, course_id: UUID) -> int:
    """How many events of a name about a course wait in the outbox."""
    found = await rows(
        database,
        "SELECT count(*) FROM platform.outbox WHERE name = $1 AND payload->>'course_id' = $2",
        name,
        str(course_id),
    )
    return int(found[0][0])


async def counters(database: Database, course_id: UUID) -> tuple[int, int, int]:
    """Seats taken and enrolments as the course counts them, and enrolments in force."""
    found = await rows(
        database,
        """
        SELECT c.seats_taken, c.enrolment_count, (
            SELECT count(*) FROM courses.enrolments e
            WHERE e.course_id = c.id AND e.status IN ('active', 'completed'))
        FROM courses.courses c WHERE c.id = $1
        """,
        course_id,
    )
    seats_taken, enrolment_count, in_force = found[0]
    return seats_taken, enrolment_count, in_force
