"""Notes and bookmarks: one's own, and nobody else's."""

from typing import Any

import httpx
import pytest

from lyceum.courses.schemas.notes import NewNote, NoteChanges, NoteQuery
from lyceum.courses.service import courses, notes
from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Database, Writer
from tests.courses import factories
from tests.courses.conftest import SignIn
from tests.courses.factories import Outline


@pytest.fixture
async def outline(tx: Writer) -> Outline:
    return await factories.make_published(tx)


@pytest.fixture
async def learner(tx: Writer, outline: Outline) -> Actor:
    learner = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, learner)
    return learner


async def texts(tx: Writer, outline: Outline, actor: Actor, **query: Any) -> list[str]:
    found, total = await notes.list_notes(tx, actor, outline.course_id, NoteQuery(**query))
    assert total == len(found)
    return [note.body for note in found]


async def test_notes_are_listed_in_the_order_of_the_course(
    tx: Writer, outline: Outline, learner: Actor
) -> None:
    last, first = outline.lectures[2].id, outline.lectures[1].id
    await notes.add_note(tx, learner, last, NewNote(text="late"))
    await notes.add_note(tx, learner, first, NewNote(text="at 90", position_seconds=90))
    await notes.add_note(tx, learner, first, NewNote(text="at 10", position_seconds=10))
    await notes.add_note(tx, learner, first, NewNote(kind="bookmark", position_seconds=50))
    assert await texts(tx, outline, learner) == ["at 10", "", "at 90", "late"]
    assert await texts(tx, outline, learner, lecture_id=last) == ["late"]
    assert await texts(tx, outline, learner, kind="bookmark") == [""]
    assert await texts(tx, outline, learner, search="AT 9") == ["at 90"]
    assert await texts(tx, outline, learner, search="%") == []


async def test_nobody_else_sees_a_note(tx: Writer, outline: Outline, learner: Actor) -> None:
    note = await notes.add_note(tx, learner, outline.lectures[1].id, NewNote(text="mine"))
    other = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, other)
    boss = await factories.make_person(tx, "super_admin")
    for actor in (other, outline.owner, boss):
        assert await texts(tx, outline, actor) == []
        for what in (
            notes.get_note(tx, actor, note.id),
            notes.update_note(tx, actor, note.id, NoteChanges(text="x"), None),
            notes.delete_note(tx, actor, note.id, None),
        ):
            with pytest.raises(errors.NotFound):
                await what
    with pytest.raises(errors.Unauthorized):
        await notes.get_note(tx, ANONYMOUS, note.id)


async def test_notes_are_for_lectures_that_one_may_open(
    tx: Writer, outline: Outline, learner: Actor
) -> None:
    stranger = await factories.make_person(tx)
    with pytest.raises(errors.Forbidden):
        await notes.add_note(tx, stranger, outline.lectures[1].id, NewNote(text="x"))
    await notes.add_note(tx, stranger, outline.lectures[0].id, NewNote(text="of the preview"))
    draft = await factories.make_course(tx, outline.owner)
    hidden = await factories.make_outline(tx, outline.owner, draft)
    with pytest.raises(errors.NotFound):
        await notes.add_note(tx, learner, hidden.lectures[0].id, NewNote(text="x"))
    await courses.archive_course(tx, outline.owner, outline.course_id)
    assert await texts(tx, outline, learner) == []
    with pytest.raises(errors.NotFound):
        await notes.list_notes(tx, stranger, outline.course_id, NoteQuery())


async def test_a_note_says_something(tx: Writer, outline: Outline, learner: Actor) -> None:
    lecture_id = outline.lectures[1].id
    with pytest.raises(errors.ValidationFailed):
        await notes.add_note(tx, learner, lecture_id, NewNote(text=" \u202e "))
    note = await notes.add_note(tx, learner, lecture_id, NewNote(text="a\r\n<b>\x07 c"))
    assert note.body == "a\n<b> c"
    with pytest.raises(errors.ValidationFailed):
        await notes.update_note(tx, learner, note.id, NoteChanges(text=""), None)


async def test_the_door(client: httpx.AsyncClient, database: Database, sign_in: SignIn) -> None:
    async with database.transaction() as tx:
        outline = await factories.make_published(tx)
        learner = await factories.make_person(tx)
        await factories.enrol(tx, outline.course_id, learner)
    hand = await sign_in(learner)
    made = await client.post(
        f"/api/v1/lectures/{outline.lectures[1].id}/notes",
        json={"text": "Twice around", "positionSeconds": 12},
        headers=hand,
    )
    assert made.status_code == 201, made.text
    path = made.headers["location"]
    changed = await client.patch(
        path, json={"positionSeconds": None}, headers={**hand, "if-match": '"v1"'}
    )
    assert changed.json()["data"]["positionSeconds"] is None
    stale = await client.patch(path, json={"text": "x"}, headers={**hand, "if-match": '"v1"'})
    assert stale.status_code == 412
    assert (await client.delete(path, headers=hand)).status_code == 204
    assert (await client.get(path, headers=hand)).status_code == 404
