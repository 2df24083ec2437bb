"""Notes and bookmarks: a learner's own, and nobody else's, whatever their role."""

from uuid import UUID

import msgspec
from msgspec import UNSET

from lyceum.courses import errors as facts
from lyceum.courses.adapters import text
from lyceum.courses.queries import notes as queries
from lyceum.courses.records import Note
from lyceum.courses.schemas.notes import NewNote, NoteChanges, NoteQuery
from lyceum.courses.service import access, structure
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer


async def list_notes(
    tx: Reader, actor: Actor, course_id: UUID, query: NoteQuery
) -> tuple[list[Note], int]:
    """Return a page of the actor's notes in a course, in its order, and how many there are."""
    user_id = actor.require_user()
    await access.get_visible_course(tx, actor, course_id)
    wanted = [
        None if value is UNSET else value for value in (query.lecture_id, query.kind, query.search)
    ]
    found = await tx.all(
        queries.LIST_NOTES, user_id, course_id, *wanted, query.offset, query.per_page
    )
    return found, await tx.one(queries.COUNT_NOTES, user_id, course_id, *wanted)


async def add_note(tx: Writer, actor: Actor, lecture_id: UUID, new: NewNote) -> Note:
    """Write a note, or set a bookmark, in a lecture that the actor may open."""
    user_id = actor.require_user()
    lecture = await structure.get_lecture(tx, actor, lecture_id)
    body = _clean(new.kind, new.text)
    note_id = await tx.one(
        queries.INSERT_NOTE, ids.new_id(), user_id, lecture.course_id, lecture_id, new.kind, body,
        new.position_seconds,
    )  # fmt: skip
    return await tx.one(queries.FIND_NOTE, note_id, user_id)


async def get_note(tx: Reader, actor: Actor, note_id: UUID) -> Note:
    """Return one of the actor's own notes; NotFound for any other."""
    found = await tx.one_or_none(queries.FIND_NOTE, note_id, actor.require_user())
    if found is None:
        raise errors.NotFound
    return found


async def update_note(
    tx: Writer, actor: Actor, note_id: UUID, changes: NoteChanges, if_match: int | None
) -> Note:
    """Change one of the actor's own notes."""
    before = await _lock_note(tx, actor, note_id)
    facts.require_version(before.version, if_match)
    sent = changes.changes()
    if "text" in sent:
        sent["body"] = _clean(before.kind, sent.pop("text"))
    after = msgspec.structs.replace(before, **sent)
    if after == before:
        return before
    await tx.execute(queries.UPDATE_NOTE, note_id, after.body, after.position_seconds)
    return await get_note(tx, actor, note_id)


async def delete_note(tx: Writer, actor: Actor, note_id: UUID, if_match: int | None) -> None:
    """Delete one of the actor's own notes."""
    before = await _lock_note(tx, actor, note_id)
    facts.require_version(before.version, if_match)
    await tx.execute(queries.DELETE_NOTE, note_id)


async def _lock_note(tx: Writer, actor: Actor, note_id: UUID) -> Note:
    found = await tx.one_or_none(queries.LOCK_NOTE, note_id, actor.require_user())
    if found is None:
        raise errors.NotFound
    return found


def _clean(kind: str, written: str) -> str:
    cleaned = text.clean_lines(written)
    if kind == "note" and not cleaned:
        raise facts.invalid("/text", "A note says something")
    return cleaned
