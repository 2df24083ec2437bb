"""Readiness, review, copies, prerequisites."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from lyceum.courses import errors as facts
from lyceum.courses.schemas.courses import CourseChanges
from lyceum.courses.service import catalogue, courses, duplicates, enrolment, publishing
from lyceum.platform import clock, errors, ids
from lyceum.platform.database import Writer
from tests.courses import factories
from tests.courses.learning import rows_in


async def test_readiness_says_all_at_once(tx: Writer) -> None:
    owner = await factories.make_person(tx, "instructor")
    past = clock.utc_now() - timedelta(days=1)
    course_id = await factories.make_course(tx, owner, description="", ends_at=past)
    found = await publishing.get_readiness(tx, owner, str(course_id))
    missing = [shortcoming.field for shortcoming in found.missing]
    assert missing == ["description", "chapters", "lectures", "endsAt"]
    assert {each.field for each in found.advice} == {"category", "thumbnailUrl", "objectives"}
    assert not found.is_ready
    with pytest.raises(facts.CourseNotReady) as refused:
        await publishing.submit_course(tx, owner, course_id)
    assert [each["field"] for each in refused.value.data["missing"]] == missing
    stranger = await factories.make_person(tx, "instructor")
    with pytest.raises(errors.NotFound):
        await publishing.get_readiness(tx, stranger, str(course_id))


async def test_a_course_goes_through_its_review(tx: Writer) -> None:
    owner = await factories.make_person(tx, "instructor")
    reviewer = await factories.make_person(tx, "manager")
    course_id = await factories.make_course(tx, owner)
    await factories.make_outline(tx, owner, course_id)
    with pytest.raises(facts.CourseStateConflict):
        await publishing.return_course(tx, reviewer, course_id, "")
    await publishing.submit_course(tx, owner, course_id)
    with pytest.raises(facts.CourseStateConflict):
        await publishing.submit_course(tx, owner, course_id)
    await publishing.return_course(tx, reviewer, course_id, "Say more about knots.")
    found = await publishing.get_readiness(tx, owner, str(course_id))
    assert (found.status, found.review_note) == ("draft", "Say more about knots.")
    await publishing.submit_course(tx, owner, course_id)
    await courses.publish_course(tx, reviewer, course_id)
    found = await publishing.get_readiness(tx, owner, str(course_id))
    assert (found.status, found.review_note) == ("published", "")
    assert [name for name in await factories.events_of(tx, course_id) if name in FLOW] == [
        "course.submitted",
        "course.returned",
        "course.submitted",
        "course.published",
    ]


FLOW = ("course.submitted", "course.returned", "course.published")


async def test_a_copy_has_everything_but_the_learners(tx: Writer) -> None:
    required = await factories.make_published(tx)
    outline = await factories.make_published(
        tx, tags=("sea", "light"), objectives=("See",), seats=9, prerequisites=(required.course_id,)
    )
    learner = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, learner)
    colleague = await factories.make_person(tx, "instructor")
    await factories.add_instructor(tx, outline.course_id, colleague, "co_instructor")
    copy_id = await duplicates.duplicate_course(tx, colleague, outline.course_id)
    source = await detail(tx, outline, outline.course_id)
    copy = await detail(tx, outline, copy_id)
    assert copy["title"] == f"Copy of {source['title']}"
    assert (copy["status"], copy["enrolmentCount"], copy["lectureCount"]) == ("draft", 0, 4)
    assert [card["userId"] for card in copy["instructors"]] == [str(colleague.user_id)]
    for same in ("description", "tags", "objectives", "seats", "prerequisites"):
        assert copy[same] == source[same]
    for one, other in zip(copy["outline"], source["outline"], strict=True):
        assert one["title"] == other["title"]
        assert [strip(lecture) for lecture in one["lectures"]] == [
            strip(lecture) for lecture in other["lectures"]
        ]
    contents = "SELECT content FROM courses.lectures WHERE course_id = $1 ORDER BY title"
    assert await rows_in(tx, contents, copy_id) == await rows_in(tx, contents, outline.course_id)
    copies = await duplicates.list_copied_lectures(tx, colleague, copy_id)
    assert {pair.source_id for pair in copies} == {lecture.id for lecture in outline.lectures}
    stranger = await factories.make_person(tx, "instructor")
    with pytest.raises(errors.Forbidden):
        await duplicates.duplicate_course(tx, stranger, outline.course_id)


def strip(lecture: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in lecture.items() if name != "id"}


async def detail(tx: Writer, outline: factories.Outline, course_id: Any) -> dict[str, Any]:
    shown = await catalogue.show_changed_course(tx, outline.owner, course_id)
    found: dict[str, Any] = msgspec.json.decode(shown.body)
    return found


async def test_prerequisites_keep_out_who_has_not_completed_them(tx: Writer) -> None:
    first = await factories.make_published(tx)
    hidden = await factories.make_published(tx, visibility="invited")
    both = (first.course_id, hidden.course_id)
    owner = await factories.make_person(tx, "manager")
    course = await factories.make_published(tx, owner, prerequisites=both)
    learner = await factories.make_person(tx)
    with pytest.raises(facts.PrerequisitesMissing) as refused:
        await enrolment.enrol(tx, learner, course.course_id)
    assert [each["id"] for each in refused.value.data["missing"]] == [first.course_id]
    assert refused.value.data["missing_count"] == 2
    shown = await detail(tx, course, course.course_id)
    assert [each["id"] for each in shown["prerequisites"]] == [str(first.course_id)]
    for required in both:
        enrolment_id = await factories.enrol(tx, required, learner, 100, "completed")
        await rows_in(
            tx, "UPDATE courses.enrolments SET completed_at = now() WHERE id = $1", enrolment_id
        )
    await enrolment.enrol(tx, learner, course.course_id)


async def test_prerequisites_go_round_in_no_circle(tx: Writer) -> None:
    owner = await factories.make_person(tx, "instructor")
    a, b, c = [await factories.make_published(tx, owner) for _ in range(3)]

    async def require(course: factories.Outline, *required: Any) -> None:
        changes = CourseChanges(prerequisites=required)
        await courses.update_course(tx, owner, str(course.course_id), changes, None)

    await require(a, b.course_id)
    await require(b, c.course_id)
    for required in (a.course_id, c.course_id):
        with pytest.raises(facts.PrerequisiteLoop):
            await require(c, required)
    stranger = await factories.make_course(tx, await factories.make_person(tx, "instructor"))
    for unseen in (stranger, ids.new_id()):
        with pytest.raises(errors.ValidationFailed):
            await require(a, unseen)
    await require(a)
    await require(c, a.course_id)
