"""Moving one chapter or lecture, and what becomes of deleted ones."""

import asyncio
import random
from uuid import UUID

import msgspec
import pytest

from lyceum.courses import errors as facts
from lyceum.courses.schemas.structure import (
    ChapterPlace,
    LecturePlace,
    NewLecture,
    OutlineChapter,
)
from lyceum.courses.service import courses, placing, structure, trash
from lyceum.platform import errors, ids
from lyceum.platform.database import Database, Reader, Writer
from tests.courses import factories
from tests.courses.factories import Outline
from tests.courses.learning import rows, rows_in


async def order_of(tx: Reader, outline: Outline) -> list[list[UUID]]:
    found = await structure.list_outline(tx, outline.owner, outline.course_id)
    chapters = msgspec.json.decode(found, type=list[OutlineChapter])
    return [[lecture.id for lecture in chapter.lectures] for chapter in chapters]


@pytest.fixture
async def outline(tx: Writer) -> Outline:
    return await factories.make_published(tx)


async def test_a_lecture_moves_within_its_chapter_and_to_another(
    tx: Writer, outline: Outline
) -> None:
    owner, (a, b, c, d) = outline.owner, [lecture.id for lecture in outline.lectures]
    await placing.place_lecture(tx, owner, b, LecturePlace(), None)
    assert await order_of(tx, outline) == [[b, a], [c, d]]
    there = outline.chapters[1].id
    moved = await placing.place_lecture(
        tx, owner, a, LecturePlace(chapter_id=there, after=c), if_match=1
    )
    assert (moved.chapter_id, moved.version) == (there, 2)
    assert await order_of(tx, outline) == [[b], [c, a, d]]
    await placing.place_lecture(tx, owner, d, LecturePlace(after=c), None)
    assert await order_of(tx, outline) == [[b], [c, d, a]]


async def test_a_chapter_moves_with_its_lectures(tx: Writer, outline: Outline) -> None:
    first, second = [chapter.id for chapter in outline.chapters]
    a, b, c, d = [lecture.id for lecture in outline.lectures]
    await placing.place_chapter(tx, outline.owner, first, ChapterPlace(after=second), None)
    assert await order_of(tx, outline) == [[c, d], [a, b]]
    await placing.place_chapter(tx, outline.owner, first, ChapterPlace(), None)
    assert await order_of(tx, outline) == [[a, b], [c, d]]


async def test_places_that_are_none(tx: Writer, outline: Outline) -> None:
    other = await factories.make_published(tx, outline.owner)
    own, strange = outline.lectures[0].id, other.lectures[0].id
    for place in (
        LecturePlace(after=strange),
        LecturePlace(after=own),
        LecturePlace(after=outline.lectures[2].id),
        LecturePlace(chapter_id=other.chapters[0].id),
        LecturePlace(chapter_id=ids.new_id()),
    ):
        with pytest.raises(errors.ValidationFailed):
            await placing.place_lecture(tx, outline.owner, own, place, None)
    for after in (other.chapters[0].id, outline.chapters[0].id, ids.new_id()):
        with pytest.raises(errors.ValidationFailed):
            await placing.place_chapter(
                tx, outline.owner, outline.chapters[0].id, ChapterPlace(after=after), None
            )
    with pytest.raises(errors.PreconditionFailed):
        await placing.place_lecture(tx, outline.owner, own, LecturePlace(), if_match=9)


async def test_any_number_of_moves_gives_the_order_that_a_list_would(
    tx: Writer, outline: Outline
) -> None:
    """Gaps are used up on the way: 40 moves to the same place halve 1024 often enough."""
    owner, chapter = outline.owner, outline.chapters[0]
    wanted = [lecture.id for lecture in outline.lectures[:2]]
    for number in range(4):
        new = NewLecture(title=f"More {number}", type="text")
        wanted.append((await structure.add_lecture(tx, owner, chapter.id, new)).id)
    luck = random.Random(11)
    for number in range(40):
        moved = wanted[-1] if number < 25 else luck.choice(wanted)
        rest = [lecture for lecture in wanted if lecture != moved]
        place = 1 if number < 25 else luck.randint(0, len(rest))
        after = rest[place - 1] if place else None
        await placing.place_lecture(tx, owner, moved, LecturePlace(after=after), None)
        wanted = [*rest[:place], moved, *rest[place:]]
        assert (await order_of(tx, outline))[0] == wanted


async def test_100_moves_at_once_lose_no_lecture_and_tie_no_positions(database: Database) -> None:
    outline = await factories.store_published(database)
    lectures = [lecture.id for lecture in outline.lectures]
    luck = random.Random(5)

    async def move(lecture: UUID, chapter: UUID, after: UUID | None) -> None:
        async with database.transaction() as tx:
            place = LecturePlace(chapter_id=chapter, after=after)
            await placing.place_lecture(tx, outline.owner, lecture, place, None)

    outcomes = await asyncio.gather(
        *(
            move(
                luck.choice(lectures),
                luck.choice(outline.chapters).id,
                luck.choice([None, *lectures]),
            )
            for _ in range(100)
        ),
        return_exceptions=True,
    )
    faults = [fault for fault in outcomes if fault is not None]
    assert all(isinstance(fault, errors.ValidationFailed) for fault in faults), faults
    assert len(faults) < 100
    found = await order_of(database.reader(), outline)
    assert sorted(lecture for chapter in found for lecture in chapter) == sorted(lectures)
    places = await rows(
        database,
        "SELECT chapter_id, position FROM courses.lectures WHERE course_id = $1",
        outline.course_id,
    )
    assert len(set(places)) == len(lectures)


async def test_a_deleted_lecture_comes_back_where_it_was_with_what_was_learnt(
    tx: Writer, outline: Outline
) -> None:
    learner = await factories.make_person(tx)
    enrolment_id = await factories.enrol(tx, outline.course_id, learner)
    for lecture in outline.lectures[1:3]:
        await factories.complete(tx, enrolment_id, lecture.id)
    before = await order_of(tx, outline)
    gone = outline.lectures[1].id
    await structure.delete_lecture(tx, outline.owner, gone, None)
    percent = "SELECT progress_percent FROM courses.enrolments WHERE id = $1"
    assert await rows_in(tx, percent, enrolment_id) == [(33,)]
    (listed,) = await trash.list_deleted_parts(tx, outline.owner, outline.course_id)
    assert (listed.id, listed.kind) == (gone, "lecture")
    restored = await trash.restore_lecture(tx, outline.owner, gone)
    assert restored.id == gone
    assert await order_of(tx, outline) == before
    assert await rows_in(tx, percent, enrolment_id) == [(50,)]
    with pytest.raises(errors.NotFound):
        await trash.restore_lecture(tx, outline.owner, gone)


async def test_a_chapter_comes_back_with_the_lectures_that_went_with_it(
    tx: Writer, outline: Outline
) -> None:
    owner, (a, b, c, d) = outline.owner, [lecture.id for lecture in outline.lectures]
    await structure.delete_lecture(tx, owner, a, None)
    # Another transaction would delete it at another time.
    await rows_in(
        tx, "UPDATE courses.lectures SET deleted_at = now() - interval '1 h' WHERE id = $1", a
    )
    await structure.delete_chapter(tx, owner, outline.chapters[0].id, None)
    listed = await trash.list_deleted_parts(tx, owner, outline.course_id)
    assert [(part.id, part.lecture_count) for part in listed] == [
        (outline.chapters[0].id, 1),
        (a, 0),
    ]
    with pytest.raises(facts.ChapterDeleted):
        await trash.restore_lecture(tx, owner, b)
    await trash.restore_chapter(tx, owner, outline.chapters[0].id)
    assert await order_of(tx, outline) == [[b], [c, d]]


async def test_what_somebody_has_a_history_in_is_not_removed_for_good(
    tx: Writer, outline: Outline
) -> None:
    owner = outline.owner
    learner = await factories.make_person(tx)
    enrolment_id = await factories.enrol(tx, outline.course_id, learner)
    await factories.complete(tx, enrolment_id, outline.lectures[0].id)
    with pytest.raises(errors.NotFound):
        await trash.purge_lecture(tx, owner, outline.lectures[1].id)
    for lecture in outline.lectures[:2]:
        await structure.delete_lecture(tx, owner, lecture.id, None)
    with pytest.raises(facts.HasHistory):
        await trash.purge_lecture(tx, owner, outline.lectures[0].id)
    await trash.purge_lecture(tx, owner, outline.lectures[1].id)
    await structure.delete_chapter(tx, owner, outline.chapters[0].id, None)
    with pytest.raises(facts.HasHistory):
        await trash.purge_chapter(tx, owner, outline.chapters[0].id)
    await structure.delete_chapter(tx, owner, outline.chapters[1].id, None)
    await trash.purge_chapter(tx, owner, outline.chapters[1].id)
    with pytest.raises(facts.CourseStateConflict):
        await trash.purge_course(tx, owner, outline.course_id)
    await courses.delete_course(tx, owner, str(outline.course_id), None)
    with pytest.raises(facts.HasHistory):
        await trash.purge_course(tx, owner, outline.course_id)


async def test_a_course_that_nobody_learnt_is_removed_for_good(
    tx: Writer, outline: Outline
) -> None:
    await courses.delete_course(tx, outline.owner, str(outline.course_id), None)
    await trash.purge_course(tx, outline.owner, outline.course_id)
    left = "SELECT count(*) FROM courses.lectures WHERE course_id = $1"
    assert await rows_in(tx, left, outline.course_id) == [(0,)]
    assert (await factories.events_of(tx, outline.course_id))[-1] == "course.purged"
    with pytest.raises(errors.NotFound):
        await courses.restore_course(tx, outline.owner, outline.course_id)


async def test_only_editors_see_and_empty_the_trash(tx: Writer, outline: Outline) -> None:
    await structure.delete_lecture(tx, outline.owner, outline.lectures[0].id, None)
    stranger = await factories.make_person(tx, "instructor")
    assistant = await factories.make_person(tx)
    await factories.add_instructor(tx, outline.course_id, assistant, "assistant")
    for person in (stranger, assistant):
        with pytest.raises(errors.Forbidden):
            await trash.list_deleted_parts(tx, person, outline.course_id)
        for use in (trash.restore_lecture, trash.purge_lecture):
            with pytest.raises(errors.Forbidden):
                await use(tx, person, outline.lectures[0].id)
        with pytest.raises(errors.Forbidden):
            await placing.place_lecture(tx, person, outline.lectures[1].id, LecturePlace(), None)
