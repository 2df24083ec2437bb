"""Roles that hold for one course: who gives them, and what they let people do."""

import asyncio

import pytest

from lyceum.courses import errors as facts
from lyceum.courses.schemas.courses import CourseChanges
from lyceum.courses.schemas.enrolment import NewEnrolment
from lyceum.courses.schemas.staff import NewStaffMember, StaffChanges
from lyceum.courses.service import courses, enrolment, publishing, staff, structure
from lyceum.platform import errors, ids, paging
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from tests.courses import factories
from tests.courses.factories import Outline
from tests.courses.learning import rows


@pytest.fixture
async def draft(tx: Writer) -> Outline:
    owner = await factories.make_person(tx, "instructor")
    course_id = await factories.make_course(tx, owner)
    return await factories.make_outline(tx, owner, course_id)


async def add(tx: Writer, draft: Outline, person: Actor, role: str) -> None:
    new = NewStaffMember(role=role, user_id=person.user_id)  # type: ignore[arg-type]
    await staff.add_staff(tx, draft.owner, draft.course_id, new)


async def test_an_assistant_sees_the_draft_and_the_learners_and_changes_nothing(
    tx: Writer, draft: Outline
) -> None:
    assistant = await factories.make_person(tx)
    with pytest.raises(errors.NotFound):
        await structure.get_lecture(tx, assistant, draft.lectures[1].id)
    await add(tx, draft, assistant, "assistant")
    assert (await structure.get_lecture(tx, assistant, draft.lectures[1].id)).content
    readiness = await publishing.get_readiness(tx, assistant, str(draft.course_id))
    assert readiness.is_ready
    found, _ = await enrolment.list_learners(tx, assistant, draft.course_id, paging.CursorQuery())
    assert found == []
    chapter, course = draft.chapters[0].id, draft.course_id
    refused = (
        courses.update_course(tx, assistant, str(course), CourseChanges(subtitle="x"), None),
        courses.publish_course(tx, assistant, course),
        courses.delete_course(tx, assistant, str(course), None),
        structure.add_chapter(tx, assistant, course, "One more"),
        structure.delete_chapter(tx, assistant, chapter, None),
        enrolment.enrol_learner(tx, assistant, course, NewEnrolment(user_id=draft.owner.user_id)),
        staff.add_staff(
            tx, assistant, course, NewStaffMember(role="assistant", user_id=ids.new_id())
        ),
    )
    for attempt in refused:
        with pytest.raises(errors.Forbidden):
            await attempt


async def test_a_co_instructor_changes_the_course_but_not_its_staff(
    tx: Writer, draft: Outline
) -> None:
    colleague = await factories.make_person(tx, "instructor")
    await add(tx, draft, colleague, "co_instructor")
    await structure.add_chapter(tx, colleague, draft.course_id, "One more")
    await courses.publish_course(tx, colleague, draft.course_id)
    with pytest.raises(errors.Forbidden, match="owner"):
        await staff.remove_staff(
            tx, colleague, draft.course_id, draft.owner.user_id or ids.new_id()
        )
    with pytest.raises(errors.Forbidden, match="owner"):
        await courses.delete_course(tx, colleague, str(draft.course_id), None)
    members = await staff.list_staff(tx, colleague, draft.course_id)
    assert [member.role for member in members] == ["owner", "co_instructor"]
    events = await factories.events_of(tx, draft.course_id)
    assert "course.staff_changed" in events


async def test_only_an_instructor_becomes_co_instructor(tx: Writer, draft: Outline) -> None:
    student = await factories.make_person(tx)
    with pytest.raises(errors.ValidationFailed):
        await add(tx, draft, student, "co_instructor")
    await add(tx, draft, student, "assistant")
    with pytest.raises(facts.StaffExists):
        await add(tx, draft, student, "assistant")
    assert student.user_id is not None
    for role in ("co_instructor", "owner"):
        changes = StaffChanges(role=role)
        with pytest.raises(errors.ValidationFailed):
            await staff.change_staff(tx, draft.owner, draft.course_id, student.user_id, changes)


async def test_the_owner_hands_the_course_over(tx: Writer, draft: Outline) -> None:
    heir = await factories.make_person(tx, "instructor")
    await add(tx, draft, heir, "assistant")
    assert heir.user_id is not None
    assert draft.owner.user_id is not None
    changes = StaffChanges(role="assistant")
    with pytest.raises(facts.OwnerNeeded):
        await staff.change_staff(tx, draft.owner, draft.course_id, draft.owner.user_id, changes)
    with pytest.raises(facts.OwnerNeeded):
        await staff.remove_staff(tx, draft.owner, draft.course_id, draft.owner.user_id)
    await staff.change_staff(
        tx, draft.owner, draft.course_id, heir.user_id, StaffChanges(role="owner")
    )
    with pytest.raises(errors.Forbidden):
        await courses.delete_course(tx, draft.owner, str(draft.course_id), None)
    await staff.remove_staff(tx, draft.owner, draft.course_id, draft.owner.user_id)
    with pytest.raises(errors.NotFound):
        await structure.list_outline(tx, draft.owner, draft.course_id)
    await courses.delete_course(tx, heir, str(draft.course_id), None)


async def test_who_is_taken_off_the_staff_sees_no_draft(tx: Writer, draft: Outline) -> None:
    assistant = await factories.make_person(tx)
    await add(tx, draft, assistant, "assistant")
    assert assistant.user_id is not None
    await staff.remove_staff(tx, draft.owner, draft.course_id, assistant.user_id)
    with pytest.raises(errors.NotFound):
        await staff.list_staff(tx, assistant, draft.course_id)
    with pytest.raises(errors.NotFound):
        await staff.remove_staff(tx, draft.owner, draft.course_id, assistant.user_id)


async def test_20_hand_overs_at_once_leave_one_owner(database: Database) -> None:
    outline = await factories.store_published(database)
    heirs = [await factories.store_person(database, "instructor") for _ in range(3)]
    async with database.transaction() as tx:
        for heir in heirs:
            await add(tx, outline, heir, "co_instructor")

    async def hand_over(heir: Actor) -> None:
        async with database.transaction() as tx:
            assert heir.user_id is not None
            await staff.change_staff(
                tx, outline.owner, outline.course_id, heir.user_id, StaffChanges(role="owner")
            )

    outcomes = await asyncio.gather(
        *(hand_over(heir) for heir in heirs * 7), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    owners = await rows(
        database,
        """SELECT c.owner_id = i.user_id FROM courses.course_instructors i
        JOIN courses.courses c ON c.id = i.course_id WHERE c.id = $1 AND i.role = 'owner'""",
        outline.course_id,
    )
    assert owners == [(True,)]
