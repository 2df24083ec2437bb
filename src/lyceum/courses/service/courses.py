"""A course itself: create, change, publish, archive, delete, restore.

Not here: its outline (`structure`), how it is shown (`catalogue`).
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.adapters import text
from lyceum.courses.queries import access as access_queries
from lyceum.courses.queries import catalogue
from lyceum.courses.queries import courses as queries
from lyceum.courses.records import CourseFields
from lyceum.courses.schemas.courses import CourseChanges, NewCourse
from lyceum.courses.service import (
    access,
    admission,
    categories,
    prerequisites,
    progress,
    publishing,
)
from lyceum.platform import errors, ids, richtext
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer, constraint_facts
from lyceum.platform.events import emit

RESERVED_SLUGS: Final = frozenset({"popular", "search"})
SLUG_TRIES: Final = 5
DESCRIPTION_LENGTH: Final = (10, 5000)
_MOMENTS: Final = {
    "enrolment_opens_at": "/enrolmentOpensAt",
    "enrolment_closes_at": "/enrolmentClosesAt",
    "starts_at": "/startsAt",
    "ends_at": "/endsAt",
}
BROKEN: Final = {
    "courses_window": lambda: facts.invalid(
        "/enrolmentClosesAt", "Enrolment must close after it opens"
    ),
    "courses_run": lambda: facts.invalid("/endsAt", "The course must end after it starts"),
    "courses_seats_not_oversold": lambda: facts.CourseStateConflict(
        "More seats than that are taken already."
    ),
    "courses_source_key": lambda: facts.CourseStateConflict(
        "The same course was imported again meanwhile."
    ),
}
EMPTY: Final = CourseFields(
    title="", subtitle="", description="", category_id=None, tags=[], difficulty="beginner",
    language="en", estimated_minutes=0, price_minor=0, currency="EUR", thumbnail_url=None,
    objectives=[], visibility="public", seats=None, enrolment_opens_at=None,
    enrolment_closes_at=None, starts_at=None, ends_at=None, has_certificate=True, access_days=None,
    completion_percent=100,
)  # fmt: skip


async def create_course(tx: Writer, actor: Actor, new: NewCourse) -> UUID:
    """Make a draft of which the actor is the owner; return its id. Its slug comes from the title
    and never changes."""
    actor.require(permissions.CREATE_COURSE)
    owner_id = actor.require_user()
    sent = {name: getattr(new, name) for name in new.__struct_fields__}
    required = sent.pop("prerequisites")
    fields = await apply_fields(tx, actor, EMPTY, sent)
    course_id = await insert_course(tx, actor, owner_id, fields)
    if course_id is None:
        raise errors.TransactionFailed
    await prerequisites.set_prerequisites(tx, actor, course_id, required)
    return course_id


async def insert_course(
    tx: Writer, actor: Actor, owner_id: UUID, fields: CourseFields, source_key: str | None = None
) -> UUID | None:
    """Store a new draft under a free slug; None when the owner has one from the same source."""
    course_id = ids.new_id()
    values = msgspec.structs.astuple(fields)
    made = None
    for slug in _slugs(fields.title, course_id):
        with constraint_facts(BROKEN):
            made = await tx.one_or_none(
                queries.INSERT_COURSE, course_id, slug, owner_id, source_key, *values
            )
        if made is not None:
            break
    if made is None:
        return None
    await tx.execute(queries.INSERT_INSTRUCTOR, course_id, owner_id, "owner")
    await emit(tx, actor, events.CourseCreated(course_id=course_id, owner_id=owner_id))
    return course_id


def _slugs(title: str, course_id: UUID) -> list[str]:
    """Return slugs to try: the title's own, then with random ends."""
    base = text.make_slug(title)
    if len(base) < 2 or base in RESERVED_SLUGS or access_queries.parse_id(base) is not None:
        base = f"course-{base}".strip("-")
    plain = [base] if base != "course" else []
    return plain + [f"{base}-{ids.new_id().hex[-8:]}" for _ in range(SLUG_TRIES)]


async def update_course(
    tx: Writer, actor: Actor, id_or_slug: str, changes: CourseChanges, if_match: int | None
) -> UUID:
    """Change what was sent; return the course's id. A new price needs If-Match."""
    course = await access.lock_editable_course(tx, actor, id_or_slug)
    facts.require_version(course.version, if_match)
    before = await tx.one(queries.FIND_FIELDS, course.id)
    sent = changes.changes()
    required = sent.pop("prerequisites", None)
    after = await apply_fields(tx, actor, before, sent)
    names = before.__struct_fields__
    changed = tuple(name for name in names if getattr(before, name) != getattr(after, name))
    if required is not None and await prerequisites.set_prerequisites(
        tx, actor, course.id, required
    ):
        changed += ("prerequisites",)
    if not changed:
        return course.id
    if if_match is None and {"price_minor", "currency"} & set(changed):
        raise errors.PreconditionRequired("A new price needs If-Match.")
    with constraint_facts(BROKEN):
        await tx.execute(queries.UPDATE_FIELDS, course.id, *msgspec.structs.astuple(after))
    await _forget(tx, actor, course.id)
    await emit(tx, actor, events.CourseUpdated(course_id=course.id, changed=changed))
    if "completion_percent" in changed:
        await progress.recount_enrolments(tx, actor, course.id)
    if "seats" in changed:
        await admission.fill_seats(tx, actor, course.id)
    return course.id


async def publish_course(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Open a course to learners; CourseNotReady says all that is missing."""
    course = await access.lock_publishable_course(tx, actor, course_id)
    if course.status == "published":
        raise facts.CourseStateConflict("The course is published already.", state=course.status)
    await _publish(tx, actor, course_id, course.owner_id)


async def archive_course(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Take a published course out of the catalogue; those who learn it keep it."""
    course = await access.lock_publishable_course(tx, actor, course_id)
    if course.status != "published":
        raise facts.CourseStateConflict(
            "Only a published course can be archived.", state=course.status
        )
    await tx.execute(queries.ARCHIVE_COURSE, course_id)
    await _forget(tx, actor, course_id)
    archived = events.CourseArchived(course_id=course_id, owner_id=course.owner_id)
    await emit(tx, actor, archived)


async def delete_course(tx: Writer, actor: Actor, id_or_slug: str, if_match: int | None) -> None:
    """Make a course exist for nobody; nothing is lost, and it can be restored."""
    course = await access.lock_deletable_course(tx, actor, id_or_slug)
    if course.is_deleted:
        raise errors.Deleted
    facts.require_version(course.version, if_match)
    await tx.execute(queries.DELETE_COURSE, course.id)
    await _forget(tx, actor, course.id)
    deleted = events.CourseDeleted(course_id=course.id, owner_id=course.owner_id)
    await emit(tx, actor, deleted)


async def restore_course(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Bring back a deleted course as it was, or publish an archived one again."""
    course = await access.lock_deletable_course(tx, actor, course_id)
    if course.is_deleted:
        with constraint_facts(BROKEN):
            await tx.execute(queries.RESTORE_COURSE, course_id)
        await _forget(tx, actor, course_id)
        restored = events.CourseRestored(course_id=course_id, owner_id=course.owner_id)
        await emit(tx, actor, restored)
    elif course.status == "archived":
        await _publish(tx, actor, course_id, course.owner_id)
    else:
        raise facts.CourseStateConflict(
            "The course is neither deleted nor archived.", state=course.status
        )


async def _publish(tx: Writer, actor: Actor, course_id: UUID, owner_id: UUID) -> None:
    await publishing.require_ready(tx, actor, course_id)
    await tx.execute(queries.PUBLISH_COURSE, course_id)
    await _forget(tx, actor, course_id)
    await emit(tx, actor, events.CoursePublished(course_id=course_id, owner_id=owner_id))
    await admission.fill_seats(tx, actor, course_id)


async def _forget(tx: Writer, actor: Actor, course_id: UUID) -> None:
    catalogue.forget_course(tx, course_id)
    await prerequisites.forget_dependents(tx, actor, course_id)


async def apply_fields(
    tx: Writer, actor: Actor, fields: CourseFields, sent: dict[str, Any]
) -> CourseFields:
    """Return `fields` with what was sent, cleaned and checked."""
    values = dict(sent)
    for name, clean in _CLEAN.items():
        if name in values:
            values[name] = clean(values[name])
    if "price" in values:
        price = values.pop("price")
        values |= {"price_minor": price.amount, "currency": price.currency}
    if "category" in values:
        name = values.pop("category")
        values["category_id"] = (
            None if name is None else await categories.find_or_create_category(tx, actor, name)
        )
    for name, pointer in _MOMENTS.items():
        moment: datetime | None = values.get(name)
        if moment is not None and not 1970 <= moment.year <= 2999:
            raise facts.invalid(pointer, "A year from 1970 to 2999, please")
    return msgspec.structs.replace(fields, **values)


def _clean_line(pointer: str, least: int, line: str) -> str:
    cleaned = richtext.clean_text(line)
    if not least <= len(cleaned) <= 255:
        raise facts.invalid(pointer, f"{least} to 255 characters, please")
    return cleaned


def _clean_description(description: str) -> str:
    cleaned = richtext.clean_html(description)
    least, most = DESCRIPTION_LENGTH
    if cleaned and not least <= len(text.html_to_text(cleaned)) <= most:
        raise facts.invalid("/description", f"{least} to {most} characters of text, please")
    return cleaned


def _clean_list(entries: tuple[str, ...]) -> list[str]:
    """Return the entries as lines, each once, without empty ones."""
    return list(dict.fromkeys(line for entry in entries if (line := richtext.clean_text(entry))))


_CLEAN: Final[dict[str, Callable[[Any], Any]]] = {
    "title": partial(_clean_line, "/title", 5),
    "subtitle": partial(_clean_line, "/subtitle", 0),
    "description": _clean_description,
    "tags": _clean_list,
    "objectives": _clean_list,
    "language": str.lower,
}
