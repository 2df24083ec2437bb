"""The HTTP door of notes and bookmarks."""

from uuid import UUID

from lyceum.courses.records import Note
from lyceum.courses.schemas.notes import NewNote, NoteChanges, NoteQuery, NoteView
from lyceum.courses.service import notes
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.get(
    "/courses/{course_id}/notes",
    access=SIGNED_IN,
    summary="List my notes in a course",
    shows=Record("note", is_own=True),
)
async def list_notes(
    tx: Reader, actor: Actor, course_id: UUID, query: NoteQuery
) -> Answer[list[NoteView]]:
    """One's own notes and bookmarks, in the order of the outline and of the video."""
    found, total = await notes.list_notes(tx, actor, course_id, query)
    return Answer(data=[_view(note) for note in found], page=query.info(total))


@routes.post("/lectures/{lecture_id}/notes", access=SIGNED_IN, summary="Write a note", status=201)
async def add_note(tx: Writer, actor: Actor, lecture_id: UUID, data: NewNote) -> Answer[NoteView]:
    """Or set a bookmark, at a place in the video or for the lecture as a whole."""
    note = await notes.add_note(tx, actor, lecture_id, data)
    return _answer(note, location=f"{API}/notes/{note.id}")


@routes.get(
    "/notes/{note_id}",
    access=SIGNED_IN,
    summary="A note of mine",
    shows=Record("note", is_own=True),
)
async def get_note(tx: Reader, actor: Actor, note_id: UUID) -> Answer[NoteView]:
    """Those of others do not exist, for nobody."""
    return _answer(await notes.get_note(tx, actor, note_id))


@routes.patch(
    "/notes/{note_id}",
    access=SIGNED_IN,
    summary="Change a note of mine",
    facts=(errors.PreconditionFailed,),
)
async def update_note(
    tx: Writer, actor: Actor, note_id: UUID, data: NoteChanges, if_match: int | None
) -> Answer[NoteView]:
    """Only what is sent changes."""
    return _answer(await notes.update_note(tx, actor, note_id, data, if_match))


@routes.delete("/notes/{note_id}", access=SIGNED_IN, summary="Delete a note of mine")
async def delete_note(tx: Writer, actor: Actor, note_id: UUID, if_match: int | None) -> None:
    """It is gone for good."""
    await notes.delete_note(tx, actor, note_id, if_match)


def _answer(note: Note, location: str | None = None) -> Answer[NoteView]:
    return Answer(data=_view(note), version=note.version, location=location)


def _view(note: Note) -> NoteView:
    return NoteView(
        id=note.id,
        course_id=note.course_id,
        lecture_id=note.lecture_id,
        kind=note.kind,
        text=note.body,
        position_seconds=note.position_seconds,
        version=note.version,
        created_at=note.created_at,
        updated_at=note.updated_at,
    )
