"""Whole courses from elsewhere: stored once, brought up to date, never doubled."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from lyceum.courses import api
from lyceum.courses.queries.catalogue import FIND_VIEWER
from lyceum.courses.records import ChapterDraft, CourseDraft, LectureDraft, LectureRelease
from lyceum.courses.schemas.courses import CourseDetail
from lyceum.courses.schemas.structure import NewLecture
from lyceum.courses.service import access, catalogue, courses, structure
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Writer
from tests.courses import factories


def lecture(key: str, **changes: Any) -> LectureDraft:
    facts: dict[str, Any] = {"source_key": key, "title": f"Lecture {key}", "type": "text"}
    return LectureDraft(**{**facts, **changes})


def chapter(key: str, *lectures: LectureDraft) -> ChapterDraft:
    return ChapterDraft(source_key=key, title=f"Chapter {key}", lectures=lectures)


def draft(*chapters: ChapterDraft, **changes: Any) -> CourseDraft:
    facts: dict[str, Any] = {"source_key": "org/lights/2024", "title": "Lights of the coast"}
    return CourseDraft(**{**facts, **changes}, chapters=chapters)


async def detail_of(tx: Writer, owner: Actor, course_id: UUID) -> CourseDetail:
    shown = await catalogue.show_changed_course(tx, owner, course_id)
    return msgspec.json.decode(shown.body, type=CourseDetail)


@pytest.fixture
async def owner(tx: Writer) -> Actor:
    return await factories.make_person(tx, "instructor")


def owner_id(owner: Actor) -> UUID:
    return owner.require_user()


async def test_a_draft_becomes_a_course_that_can_be_published(tx: Writer, owner: Actor) -> None:
    parts = (
        chapter("c1", lecture("l1", content="<p>One<script>x</script></p>", section="Part"),
                lecture("l2", type="video", media_url="https://v.example/1", duration_seconds=90)),
        chapter("c2", lecture("l3", type="quiz", title="  ")),
    )  # fmt: skip
    stored = await api.store_course(
        tx, owner, owner_id=owner_id(owner),
        draft=draft(*parts, category="Coasts", language="EN-gb", subtitle="At\nnight"),
    )  # fmt: skip
    assert stored.is_new
    assert set(stored.lecture_ids) == {"l1", "l2", "l3"}
    shown = await detail_of(tx, owner, stored.course_id)
    assert (shown.status, shown.language, shown.subtitle) == ("draft", "en-gb", "At night")
    assert shown.category is not None
    assert shown.category.name == "Coasts"
    assert (shown.chapter_count, shown.lecture_count, shown.duration_seconds) == (2, 3, 90)
    assert [part.title for part in shown.outline] == ["Chapter c1", "Chapter c2"]
    one, two = shown.outline[0].lectures
    assert (one.id, one.section, two.type) == (stored.lecture_ids["l1"], "Part", "video")
    assert shown.outline[1].lectures[0].title == "Untitled"
    opened = await structure.get_lecture(tx, owner, one.id)
    assert opened.content == "<p>One</p>"
    assert (await structure.get_lecture(tx, owner, two.id)).media_url == "https://v.example/1"
    assert "Chapter c1" in shown.description
    await courses.publish_course(tx, owner, stored.course_id)


async def test_the_same_again_changes_nothing(tx: Writer, owner: Actor) -> None:
    wanted = draft(chapter("c1", lecture("l1"), lecture("l2")), chapter("c2", lecture("l3")))
    first = await api.store_course(tx, owner, owner_id=owner_id(owner), draft=wanted)
    before = await detail_of(tx, owner, first.course_id)
    second = await api.store_course(tx, owner, owner_id=owner_id(owner), draft=wanted)
    assert (second.course_id, second.is_new) == (first.course_id, False)
    assert second.lecture_ids == first.lecture_ids
    after = await detail_of(tx, owner, first.course_id)
    lectures = [[part.lectures for part in shown.outline] for shown in (before, after)]
    assert lectures[0] == lectures[1]


async def test_an_update_keeps_what_learners_did(tx: Writer, owner: Actor) -> None:
    first = await api.store_course(
        tx, owner, owner_id=owner_id(owner),
        draft=draft(chapter("c1", lecture("l1"), lecture("l2"), lecture("l3")),
                    chapter("c2", lecture("l4")), chapter("c3", lecture("l5"))),
    )  # fmt: skip
    course_id = first.course_id
    await courses.publish_course(tx, owner, course_id)
    learner = await factories.make_person(tx)
    enrolment_id = await factories.enrol(tx, course_id, learner)
    for key in ("l1", "l4"):
        await factories.complete(tx, enrolment_id, first.lecture_ids[key])
    by_hand = await structure.add_chapter(tx, owner, course_id, "By hand")
    await structure.add_lecture(tx, owner, by_hand.id, NewLecture(title="Mine", type="text"))

    second = await api.store_course(
        tx, owner, owner_id=owner_id(owner),
        draft=draft(chapter("c9", lecture("l9")), chapter("c1", lecture("l3", title="Three"),
                    lecture("l1", title="One"))),
    )  # fmt: skip
    assert {key: second.lecture_ids[key] for key in ("l1", "l3")} == {
        key: first.lecture_ids[key] for key in ("l1", "l3")
    }
    shown = await detail_of(tx, owner, course_id)
    outline = {part.title: [entry.title for entry in part.lectures] for part in shown.outline}
    # l2 and l5 had no progress and are gone, and c3 with them; l4 has, so c2 stays with it.
    assert outline == {
        "Chapter c9": ["Lecture l9"],
        "Chapter c1": ["Three", "One"],
        "Chapter c2": ["Lecture l4"],
        "By hand": ["Mine"],
    }
    assert (shown.chapter_count, shown.lecture_count) == (4, 5)
    viewer = await tx.one(FIND_VIEWER, course_id, learner.user_id)
    assert viewer.progress_percent == 40

    third = await api.store_course(
        tx, owner, owner_id=owner_id(owner), draft=draft(chapter("c1", lecture("l2")))
    )
    assert third.lecture_ids["l2"] == first.lecture_ids["l2"]


async def test_a_deleted_course_is_imported_anew(tx: Writer, owner: Actor) -> None:
    wanted = draft(chapter("c1", lecture("l1")))
    first = await api.store_course(tx, owner, owner_id=owner_id(owner), draft=wanted)
    await courses.delete_course(tx, owner, str(first.course_id), None)
    second = await api.store_course(tx, owner, owner_id=owner_id(owner), draft=wanted)
    assert second.is_new
    assert second.course_id != first.course_id


async def test_for_whom_one_may_store(tx: Writer, owner: Actor) -> None:
    wanted = draft(chapter("c1", lecture("l1")))
    other = await factories.make_person(tx, "instructor")
    with pytest.raises(errors.Forbidden):
        await api.store_course(tx, other, owner_id=owner_id(owner), draft=wanted)
    student = await factories.make_person(tx)
    with pytest.raises(errors.Forbidden):
        await api.store_course(tx, student, owner_id=student.require_user(), draft=wanted)
    for actor in (system_actor("import"), await factories.make_person(tx, "manager")):
        stored = await api.store_course(tx, actor, owner_id=owner_id(owner), draft=wanted)
        assert (await access.get_editable_course(tx, owner, stored.course_id)).version


async def test_the_same_source_of_another_owner_is_another_course(tx: Writer, owner: Actor) -> None:
    other = await factories.make_person(tx, "instructor")
    wanted = draft(chapter("c1", lecture("l1")))
    stored = [
        await api.store_course(tx, actor, owner_id=owner_id(actor), draft=wanted)
        for actor in (owner, other)
    ]
    assert stored[0].course_id != stored[1].course_id
    assert stored[1].is_new


async def test_text_is_cut_to_what_the_tables_hold(tx: Writer, owner: Actor) -> None:
    wanted = draft(
        ChapterDraft(source_key="c", title="x" * 300, lectures=(
            lecture("l", title="y" * 300, section="z" * 300, duration_seconds=2**40,
                    media_url="javascript:alert(1)"),)),
        title="abc", subtitle="s" * 300, description="<p>" + "d " * 4000 + "</p>",
        language="no such language!",
    )  # fmt: skip
    stored = await api.store_course(tx, owner, owner_id=owner_id(owner), draft=wanted)
    shown = await detail_of(tx, owner, stored.course_id)
    assert (shown.title, len(shown.subtitle), shown.language) == ("Untitled course abc", 255, "en")
    assert len(shown.description) < 5100
    assert len(shown.outline[0].title) == len(shown.outline[0].lectures[0].title) == 255
    assert (await structure.get_lecture(tx, owner, stored.lecture_ids["l"])).media_url is None


@pytest.mark.parametrize(
    "chapters",
    [
        (chapter("c", lecture("l")), chapter("c", lecture("m"))),
        (chapter("c", lecture("l")), chapter("d", lecture("l"))),
        (chapter("c", lecture("l", type="hologram")),),
    ],
)
async def test_an_unsound_draft_is_refused(
    tx: Writer, owner: Actor, chapters: tuple[ChapterDraft, ...]
) -> None:
    with pytest.raises(errors.InvalidInput):
        await api.store_course(tx, owner, owner_id=owner_id(owner), draft=draft(*chapters))


async def test_a_draft_without_chapters_is_a_course_without_chapters(
    tx: Writer, owner: Actor
) -> None:
    key = ids.new_id().hex
    stored = await api.store_course(
        tx, owner, owner_id=owner_id(owner), draft=draft(source_key=key)
    )
    assert stored.lecture_ids == {}


@pytest.mark.parametrize(
    "rules",
    [
        {"a": LectureRelease(after="b"), "b": LectureRelease(after="a")},
        {"a": LectureRelease(after="a"), "b": None},
        {"a": LectureRelease(after="c"), "b": None},
        {"a": LectureRelease(after_days=0), "b": None},
        {"a": LectureRelease(after_days=2**40), "b": None},
        {"a": LectureRelease(at=datetime(1, 1, 1, tzinfo=UTC)), "b": None},
    ],
)
async def test_a_lecture_that_could_never_open_is_refused(
    tx: Writer, rules: dict[str, LectureRelease | None]
) -> None:
    owner = await factories.make_person(tx, "instructor")
    lectures = [lecture(key, release=rule) for key, rule in rules.items()]
    waiting = draft(chapter("c", *lectures))
    with pytest.raises(errors.InvalidInput):
        await api.store_course(tx, owner, owner_id=owner.require_user(), draft=waiting)
