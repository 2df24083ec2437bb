"""People and courses for tests, made by the domain's own use cases."""

from typing import Any
from uuid import UUID

import msgspec

from lyceum.courses.records import Chapter, Lecture
from lyceum.courses.schemas.courses import NewCourse
from lyceum.courses.schemas.structure import NewLecture
from lyceum.courses.service import courses, structure
from lyceum.platform import ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.statements import command, sql
from tests.users import factories as users

DESCRIPTION = "<p>All that there is to know about lanterns at sea.</p>"

_ENROL = command(
    """
    INSERT INTO courses.enrolments (id, course_id, user_id, status, progress_percent)
    VALUES ($1, $2, $3, $4, $5)
    """
)
_COUNT_ENROLMENT = command(
    "UPDATE courses.courses SET enrolment_count = enrolment_count + 1 WHERE id = $1"
)
_ADD_INSTRUCTOR = command(
    "INSERT INTO courses.course_instructors (course_id, user_id, role) VALUES ($1, $2, $3)"
)
_COMPLETE = command(
    """
    INSERT INTO courses.lecture_progress (enrolment_id, lecture_id, is_completed, completed_at)
    VALUES ($1, $2, true, now())
    """
)
_EVENTS = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY id", str)


class Outline(msgspec.Struct):
    """A published course: two chapters of two lectures each, the first lecture a preview."""

    course_id: UUID
    owner: Actor
    chapters: list[Chapter]
    lectures: list[Lecture]


async def make_person(tx: Writer, role: str = "student") -> Actor:
    return users.actor_of(await users.make_user(tx, roles=(role,)))


def new_course(**changes: Any) -> NewCourse:
    facts: dict[str, Any] = {"title": f"Lanterns at sea {ids.new_id().hex[-10:]}"}
    return NewCourse(**{"description": DESCRIPTION, **facts, **changes})


async def make_course(tx: Writer, owner: Actor, **changes: Any) -> UUID:
    return await courses.create_course(tx, owner, new_course(**changes))


async def make_outline(tx: Writer, owner: Actor, course_id: UUID) -> Outline:
    made = Outline(course_id, owner, [], [])
    for chapter_number in range(2):
        chapter = await structure.add_chapter(tx, owner, course_id, f"Chapter {chapter_number}")
        made.chapters.append(chapter)
        for number in range(2):
            new = NewLecture(
                title=f"Lecture {chapter_number}.{number}",
                type="text",
                content="<p>Light the lantern.</p>",
                duration_seconds=60,
                is_preview=chapter_number == number == 0,
            )
            made.lectures.append(await structure.add_lecture(tx, owner, chapter.id, new))
    return made


async def make_published(tx: Writer, owner: Actor | None = None, **changes: Any) -> Outline:
    owner = owner or await make_person(tx, "instructor")
    course_id = await make_course(tx, owner, **changes)
    outline = await make_outline(tx, owner, course_id)
    await courses.publish_course(tx, owner, course_id)
    return outline


async def store_published(database: Database, **changes: Any) -> Outline:
    """Store and commit a published course."""
    async with database.transaction() as tx:
        return await make_published(tx, **changes)


async def store_person(database: Database, role: str = "student") -> Actor:
    async with database.transaction() as tx:
        return await make_person(tx, role)


async def enrol(
    tx: Writer, course_id: UUID, learner: Actor, percent: int = 0, status: str = "active"
) -> UUID:
    """Enrol somebody as it is stored, whatever the rules of enrolment are."""
    enrolment_id = ids.new_id()
    await tx.execute(_ENROL, enrolment_id, course_id, learner.user_id, status, percent)
    await tx.execute(_COUNT_ENROLMENT, course_id)
    tx.invalidate("courses:list", f"courses:{course_id}")
    return enrolment_id


async def add_instructor(tx: Writer, course_id: UUID, person: Actor, role: str) -> None:
    await tx.execute(_ADD_INSTRUCTOR, course_id, person.user_id, role)
    tx.invalidate("courses:list", f"courses:{course_id}")


async def complete(tx: Writer, enrolment_id: UUID, lecture_id: UUID) -> None:
    await tx.execute(_COMPLETE, enrolment_id, lecture_id)


async def events_of(tx: Writer, key: object) -> list[str]:
    """The names of what was emitted under a key, in order."""
    return await tx.all(_EVENTS, str(key))
