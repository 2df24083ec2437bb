"""Chapters and lectures: adding, changing, ordering, deleting, and who may open what."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from lyceum.courses import api
from lyceum.courses import errors as facts
from lyceum.courses.schemas.structure import (
    ChapterOrder,
    LectureChanges,
    NewLecture,
    OutlineChapter,
    OutlineOrder,
)
from lyceum.courses.service import access, courses, structure
from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Writer
from lyceum.platform.statements import sql
from tests.courses import factories
from tests.courses.factories import Outline

_COUNTERS = sql(
    """
    SELECT json_build_array(chapter_count, lecture_count, duration_seconds)::text
    FROM courses.courses WHERE id = $1
    """,
    str,
)
_PERCENT = sql("SELECT progress_percent FROM courses.enrolments WHERE id = $1", int)
_PROGRESS_ROWS = sql(
    "SELECT count(*)::int FROM courses.lecture_progress WHERE enrolment_id = $1", int
)


async def outline_of(tx: Writer, actor: Actor, course_id: UUID) -> list[OutlineChapter]:
    found = await structure.list_outline(tx, actor, course_id)
    return msgspec.json.decode(found, type=list[OutlineChapter])


async def counters(tx: Writer, course_id: UUID) -> list[int]:
    found = await tx.one(_COUNTERS, course_id)
    return msgspec.json.decode(found, type=list[int])


@pytest.fixture
async def outline(tx: Writer) -> Outline:
    return await factories.make_published(tx)


async def test_parts_are_added_at_the_end_and_counted(tx: Writer, outline: Outline) -> None:
    assert await counters(tx, outline.course_id) == [2, 4, 240]
    chapter = await structure.add_chapter(tx, outline.owner, outline.course_id, " Last\n one ")
    assert (chapter.title, chapter.version) == ("Last one", 1)
    new = NewLecture(title="Only", type="video", media_url="https://v.example/1.mp4")
    lecture = await structure.add_lecture(tx, outline.owner, chapter.id, new)
    found = await outline_of(tx, ANONYMOUS, outline.course_id)
    assert [part.id for part in found] == [*(c.id for c in outline.chapters), chapter.id]
    assert [part.id for part in found[-1].lectures] == [lecture.id]
    assert await counters(tx, outline.course_id) == [3, 5, 240]


async def test_a_lecture_is_cleaned_and_changed(tx: Writer, outline: Outline) -> None:
    lecture_id = outline.lectures[1].id
    changes = LectureChanges(
        title="\u202eNew\x07 title",
        content="<p onclick='x'>Hi<script>alert(1)</script></p>",
        media_url="https://v.example/2.mp4",
        duration_seconds=90,
        is_preview=True,
    )
    changed = await structure.update_lecture(tx, outline.owner, lecture_id, changes, 1)
    assert (changed.title, changed.content) == ("New title", "<p>Hi</p>")
    assert (changed.version, changed.type) == (2, "text")
    assert await counters(tx, outline.course_id) == [2, 4, 270]
    with pytest.raises(errors.PreconditionFailed):
        await structure.update_lecture(tx, outline.owner, lecture_id, changes, 1)
    again = await structure.update_lecture(tx, outline.owner, lecture_id, changes, None)
    assert again.version == 2
    cleared = LectureChanges(media_url=None)
    assert (
        await structure.update_lecture(tx, outline.owner, lecture_id, cleared, 2)
    ).media_url is None


async def test_a_chapter_is_renamed(tx: Writer, outline: Outline) -> None:
    chapter_id = outline.chapters[0].id
    renamed = await structure.rename_chapter(tx, outline.owner, chapter_id, "Other", 1)
    assert (renamed.title, renamed.version) == ("Other", 2)
    same = await structure.rename_chapter(tx, outline.owner, chapter_id, None, 2)
    assert same == renamed
    with pytest.raises(errors.PreconditionFailed):
        await structure.delete_chapter(tx, outline.owner, chapter_id, 1)


async def test_progress_is_kept_when_the_structure_changes(tx: Writer, outline: Outline) -> None:
    learner = await factories.make_person(tx)
    enrolment_id = await factories.enrol(tx, outline.course_id, learner)
    for lecture in outline.lectures[:2]:
        await factories.complete(tx, enrolment_id, lecture.id)
    await structure.add_lecture(
        tx, outline.owner, outline.chapters[0].id, NewLecture(title="Fifth", type="text")
    )
    assert await tx.one(_PERCENT, enrolment_id) == 40
    await structure.delete_lecture(tx, outline.owner, outline.lectures[3].id, None)
    assert await tx.one(_PERCENT, enrolment_id) == 50
    await structure.delete_lecture(tx, outline.owner, outline.lectures[0].id, None)
    assert await tx.one(_PERCENT, enrolment_id) == 33
    assert await tx.one(_PROGRESS_ROWS, enrolment_id) == 2


async def test_what_is_deleted_is_gone(tx: Writer, outline: Outline) -> None:
    owner, chapter = outline.owner, outline.chapters[0]
    await structure.delete_lecture(tx, owner, outline.lectures[3].id, None)
    await structure.delete_chapter(tx, owner, chapter.id, None)
    assert await counters(tx, outline.course_id) == [1, 1, 60]
    for lecture in (outline.lectures[0], outline.lectures[3]):
        with pytest.raises(errors.NotFound):
            await structure.get_lecture(tx, owner, lecture.id)
        with pytest.raises(errors.NotFound):
            await structure.delete_lecture(tx, owner, lecture.id, None)
        with pytest.raises(errors.NotFound):
            await structure.update_lecture(tx, owner, lecture.id, LectureChanges(), None)
        with pytest.raises(errors.NotFound):
            await api.get_lecture(tx, owner, lecture.id)
    with pytest.raises(errors.NotFound):
        await structure.add_lecture(tx, owner, chapter.id, NewLecture(title="x", type="text"))
    with pytest.raises(errors.NotFound):
        await structure.rename_chapter(tx, owner, chapter.id, "x", None)


def order_of(parts: list[tuple[UUID, list[UUID]]]) -> OutlineOrder:
    return OutlineOrder(
        chapters=tuple(ChapterOrder(id=i, lectures=tuple(lectures)) for i, lectures in parts)
    )


async def test_the_whole_order_changes_at_once(tx: Writer, outline: Outline) -> None:
    one, two = (chapter.id for chapter in outline.chapters)
    a, b, c, d = (lecture.id for lecture in outline.lectures)
    order = order_of([(two, [d, a]), (one, [b, c])])
    version = (await access.get_visible_course(tx, ANONYMOUS, outline.course_id)).version
    await structure.reorder_outline(tx, outline.owner, outline.course_id, order, version)
    found = await outline_of(tx, ANONYMOUS, outline.course_id)
    assert [(p.id, [q.id for q in p.lectures]) for p in found] == [(two, [d, a]), (one, [b, c])]
    with pytest.raises(errors.PreconditionFailed):
        await structure.reorder_outline(tx, outline.owner, outline.course_id, order, version)
    await structure.add_lecture(tx, outline.owner, two, NewLecture(title="e", type="text"))
    found = await outline_of(tx, ANONYMOUS, outline.course_id)
    assert [q.title for q in found[0].lectures][-1] == "e"


async def test_an_order_of_something_else_is_refused(tx: Writer, outline: Outline) -> None:
    one, two = (chapter.id for chapter in outline.chapters)
    a, b, c, d = (lecture.id for lecture in outline.lectures)
    other = await factories.make_published(tx, outline.owner)
    for parts in (
        [(one, [a, b, c, d])],
        [(one, [a, b]), (two, [c])],
        [(one, [a, b]), (two, [c, d, other.lectures[0].id])],
        [(one, [a, b]), (two, [c, d]), (other.chapters[0].id, [])],
        [(one, [a, b]), (two, [c, d]), (ids.new_id(), [])],
    ):
        with pytest.raises(facts.OutlineChanged):
            await structure.reorder_outline(
                tx, outline.owner, outline.course_id, order_of(parts), None
            )
    for parts in ([(one, [a, a, b]), (two, [c, d])], [(one, [a, b]), (one, [c, d]), (two, [])]):
        with pytest.raises(errors.ValidationFailed):
            await structure.reorder_outline(
                tx, outline.owner, outline.course_id, order_of(parts), None
            )


async def test_who_may_open_a_lecture(tx: Writer, outline: Outline) -> None:
    preview, closed = outline.lectures[:2]
    learner = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, learner)
    completed = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, completed, status="completed")
    dropped = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, dropped, status="dropped")
    assistant = await factories.make_person(tx)
    await factories.add_instructor(tx, outline.course_id, assistant, "assistant")
    teacher = await factories.make_person(tx, "instructor")
    manager = await factories.make_person(tx, "manager")
    for actor in (outline.owner, assistant, manager, learner, completed):
        opened = await structure.get_lecture(tx, actor, closed.id)
        assert opened.content == "<p>Light the lantern.</p>"
    for actor in (dropped, teacher):
        with pytest.raises(errors.Forbidden):
            await structure.get_lecture(tx, actor, closed.id)
    with pytest.raises(errors.Unauthorized):
        await structure.get_lecture(tx, ANONYMOUS, closed.id)
    for actor in (ANONYMOUS, dropped, teacher):
        assert (await structure.get_lecture(tx, actor, preview.id)).id == preview.id


async def test_a_preview_of_a_draft_is_for_staff_alone(tx: Writer) -> None:
    owner = await factories.make_person(tx, "instructor")
    outline = await factories.make_outline(tx, owner, await factories.make_course(tx, owner))
    for actor in (ANONYMOUS, await factories.make_person(tx)):
        for lecture in outline.lectures:
            with pytest.raises(errors.NotFound):
                await structure.get_lecture(tx, actor, lecture.id)
            with pytest.raises(errors.NotFound):
                await api.get_lecture(tx, actor, lecture.id)
    await structure.get_lecture(tx, owner, outline.lectures[0].id)


async def test_what_other_domains_learn_of_a_lecture(tx: Writer, outline: Outline) -> None:
    lecture = outline.lectures[1]
    learner = await factories.make_person(tx)
    enrolment_id = await factories.enrol(tx, outline.course_id, learner)
    mine = await api.get_lecture(tx, learner, lecture.id)
    assert mine == api.LectureRef(
        lecture_id=lecture.id, course_id=outline.course_id, chapter_id=outline.chapters[0].id,
        title=lecture.title, type="text", is_published=True, may_edit=False,
        enrolment_id=enrolment_id, is_preview=False,
    )  # fmt: skip
    own = await api.get_lecture(tx, outline.owner, lecture.id)
    assert (own.may_edit, own.enrolment_id) == (True, None)
    await courses.archive_course(tx, outline.owner, outline.course_id)
    assert (await api.get_lecture(tx, learner, lecture.id)).is_published is False
    with pytest.raises(errors.NotFound):
        await api.get_lecture(tx, ANONYMOUS, lecture.id)


async def test_others_change_nothing(tx: Writer, outline: Outline) -> None:
    other = await factories.make_person(tx, "instructor")
    chapter, lecture = outline.chapters[0], outline.lectures[0]
    new = NewLecture(title="x", type="text")
    order = order_of([])
    attempts: list[Any] = [
        lambda who: structure.add_chapter(tx, who, outline.course_id, "x"),
        lambda who: structure.rename_chapter(tx, who, chapter.id, "x", None),
        lambda who: structure.delete_chapter(tx, who, chapter.id, None),
        lambda who: structure.add_lecture(tx, who, chapter.id, new),
        lambda who: structure.update_lecture(tx, who, lecture.id, LectureChanges(title="x"), None),
        lambda who: structure.delete_lecture(tx, who, lecture.id, None),
        lambda who: structure.reorder_outline(tx, who, outline.course_id, order, None),
    ]
    before = await outline_of(tx, ANONYMOUS, outline.course_id)
    for attempt in attempts:
        with pytest.raises(errors.Forbidden):
            await attempt(other)
        with pytest.raises(errors.Unauthorized):
            await attempt(ANONYMOUS)
    assert await outline_of(tx, ANONYMOUS, outline.course_id) == before


async def test_an_outline_has_an_end(
    tx: Writer, outline: Outline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure, "MAX_CHAPTERS", 2)
    monkeypatch.setattr(structure, "MAX_LECTURES", 4)
    with pytest.raises(facts.OutlineFull):
        await structure.add_chapter(tx, outline.owner, outline.course_id, "x")
    with pytest.raises(facts.OutlineFull):
        await structure.add_lecture(
            tx, outline.owner, outline.chapters[0].id, NewLecture(title="x", type="text")
        )
