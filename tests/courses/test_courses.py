"""Creating, changing, publishing, archiving, deleting and restoring a course."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from lyceum.courses import errors as facts
from lyceum.courses.queries.courses import FIND_FIELDS
from lyceum.courses.schemas.courses import CourseChanges, CourseDetail, Price
from lyceum.courses.service import access, catalogue, courses, structure
from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, Actor, system_actor
from lyceum.platform.database import Writer
from lyceum.platform.statements import command
from tests.courses import factories


async def detail_of(tx: Writer, actor: Actor, course_id: UUID) -> CourseDetail:
    shown = await catalogue.show_changed_course(tx, actor, course_id)
    return msgspec.json.decode(shown.body, type=CourseDetail)


@pytest.fixture
async def owner(tx: Writer) -> Actor:
    return await factories.make_person(tx, "instructor")


async def test_a_new_course_is_a_draft_of_its_maker(tx: Writer, owner: Actor) -> None:
    new = factories.new_course(
        title="  Straße &\n Ünïcode  lanterns ",
        subtitle="For\tsailors",
        category="Seamanship",
        tags=("sea", " sea ", "light"),
        objectives=("Light a lantern",),
        price=Price(amount=1999, currency="EUR"),
        thumbnail_url="https://img.example/a.png",
        language="en-GB",
        seats=10,
        ends_at=datetime(2999, 1, 1, tzinfo=UTC),
    )
    course_id = await courses.create_course(tx, owner, new)
    shown = await detail_of(tx, owner, course_id)
    assert (shown.title, shown.subtitle) == ("Straße & Ünïcode lanterns", "For sailors")
    assert shown.slug == "strasse-unicode-lanterns"
    assert shown.category is not None
    assert (shown.category.name, shown.category.slug) == ("Seamanship", "seamanship")
    assert (shown.price.amount, shown.price.currency) == (1999, "EUR")
    assert (shown.tags, shown.objectives) == (("sea", "light"), ("Light a lantern",))
    assert (shown.status, shown.visibility, shown.version) == ("draft", "public", 1)
    assert (shown.seats, shown.seats_left, shown.language) == (10, 10, "en-gb")
    assert (shown.rating.average, shown.rating.count) == (0, 0)
    assert shown.rating_distribution == (0, 0, 0, 0, 0)
    assert [card.user_id for card in shown.instructors] == [owner.user_id]
    assert shown.instructors[0].display_name == "Ada Lovelace"
    assert shown.published_at is None
    assert shown.ends_at == new.ends_at
    assert await factories.events_of(tx, course_id) == ["course.created"]


async def test_who_may_create(tx: Writer) -> None:
    with pytest.raises(errors.Unauthorized):
        await factories.make_course(tx, ANONYMOUS)
    with pytest.raises(errors.Forbidden):
        await factories.make_course(tx, await factories.make_person(tx, "student"))
    for role in ("manager", "admin", "super_admin"):
        await factories.make_course(tx, await factories.make_person(tx, role))


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"title": "  \u202e a b\n "}, "/title"),
        ({"description": "<p>short</p>"}, "/description"),
        ({"description": "<p>" + "x" * 5001 + "</p>"}, "/description"),
        ({"category": " \t x "}, "/category"),
        ({"starts_at": datetime(1, 1, 1, tzinfo=UTC)}, "/startsAt"),
        ({"ends_at": datetime(9999, 12, 31, tzinfo=UTC)}, "/endsAt"),
        (
            {
                "enrolment_opens_at": datetime(2030, 1, 2, tzinfo=UTC),
                "enrolment_closes_at": datetime(2030, 1, 1, tzinfo=UTC),
            },
            "/enrolmentClosesAt",
        ),
        (
            {
                "starts_at": datetime(2030, 1, 2, tzinfo=UTC),
                "ends_at": datetime(2030, 1, 1, tzinfo=UTC),
            },
            "/endsAt",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_place(
    tx: Writer, owner: Actor, changes: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(errors.ValidationFailed) as refused:
        await factories.make_course(tx, owner, **changes)
    assert refused.value.data["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("title", "start"),
    [
        ("Popular", "course-popular"),
        ("日本語の授業", "course-"),
        ("123e4567-e89b-12d3-a456-426614174000", "course-123e4567-"),
        ("Привет, мир!", "privet-mir"),
        ("!!!!!", "course-"),
    ],
)
async def test_a_slug_is_ascii_and_looks_like_no_id(
    tx: Writer, owner: Actor, title: str, start: str
) -> None:
    course_id = await factories.make_course(tx, owner, title=title)
    slug = (await access.get_visible_course(tx, owner, course_id)).slug
    assert slug.startswith(start)
    assert slug.isascii()
    assert (await access.get_visible_course(tx, owner, slug)).id == course_id
    assert slug != "popular"


async def test_the_same_title_gets_another_slug(tx: Writer, owner: Actor) -> None:
    title = factories.new_course().title
    first = await factories.make_course(tx, owner, title=title)
    second = await factories.make_course(tx, owner, title=title)
    slugs = {(await access.get_visible_course(tx, owner, i)).slug for i in (first, second)}
    assert len(slugs) == 2


async def test_only_what_is_sent_changes(tx: Writer, owner: Actor) -> None:
    course_id = await factories.make_course(tx, owner, subtitle="Before", tags=("one",), seats=5)
    before = await tx.one(FIND_FIELDS, course_id)
    changes = CourseChanges(subtitle="After", seats=None, category="Boats")
    await courses.update_course(tx, owner, str(course_id), changes, 1)
    after = await tx.one(FIND_FIELDS, course_id)
    assert (after.subtitle, after.seats) == ("After", None)
    assert after.category_id is not None
    same = msgspec.structs.replace(after, subtitle="Before", seats=5, category_id=None)
    assert same == before
    assert (await detail_of(tx, owner, course_id)).version == 2
    assert await factories.events_of(tx, course_id) == ["course.created", "course.updated"]


async def test_a_change_of_nothing_is_no_change(tx: Writer, owner: Actor) -> None:
    course_id = await factories.make_course(tx, owner, subtitle="Before")
    await courses.update_course(tx, owner, str(course_id), CourseChanges(subtitle="Before"), None)
    assert (await detail_of(tx, owner, course_id)).version == 1
    assert await factories.events_of(tx, course_id) == ["course.created"]


async def test_a_stale_version_is_refused(tx: Writer, owner: Actor) -> None:
    course_id = await factories.make_course(tx, owner)
    await courses.update_course(tx, owner, str(course_id), CourseChanges(subtitle="One"), 1)
    with pytest.raises(errors.PreconditionFailed):
        await courses.update_course(tx, owner, str(course_id), CourseChanges(subtitle="Two"), 1)
    with pytest.raises(errors.PreconditionFailed):
        await courses.delete_course(tx, owner, str(course_id), 1)
    assert (await tx.one(FIND_FIELDS, course_id)).subtitle == "One"


async def test_a_new_price_needs_if_match(tx: Writer, owner: Actor) -> None:
    course_id = await factories.make_course(tx, owner)
    changes = CourseChanges(price=Price(amount=500, currency="USD"))
    with pytest.raises(errors.PreconditionRequired):
        await courses.update_course(tx, owner, str(course_id), changes, None)
    await courses.update_course(tx, owner, str(course_id), changes, 1)
    assert (await tx.one(FIND_FIELDS, course_id)).price_minor == 500
    await courses.update_course(tx, owner, str(course_id), changes, None)


async def test_fewer_seats_than_are_taken_is_a_conflict(tx: Writer) -> None:
    outline = await factories.make_published(tx, seats=5)
    from_here = command("UPDATE courses.courses SET seats_taken = 3 WHERE id = $1")
    await tx.execute(from_here, outline.course_id)
    with pytest.raises(facts.CourseStateConflict):
        await courses.update_course(
            tx, outline.owner, str(outline.course_id), CourseChanges(seats=2), None
        )


async def test_publishing_says_all_that_is_missing(tx: Writer, owner: Actor) -> None:
    ended = datetime(2001, 1, 1, tzinfo=UTC)
    course_id = await factories.make_course(tx, owner, description="", ends_at=ended)
    with pytest.raises(facts.CourseNotReady) as refused:
        await courses.publish_course(tx, owner, course_id)
    missing = [part["field"] for part in refused.value.data["missing"]]
    assert missing == ["description", "chapters", "lectures", "endsAt"]


async def test_the_life_of_a_course(tx: Writer, owner: Actor) -> None:
    course_id = await factories.make_course(tx, owner)
    await factories.make_outline(tx, owner, course_id)
    await courses.publish_course(tx, owner, course_id)
    first = await detail_of(tx, owner, course_id)
    assert first.status == "published"
    with pytest.raises(facts.CourseStateConflict):
        await courses.publish_course(tx, owner, course_id)
    with pytest.raises(facts.CourseStateConflict):
        await courses.restore_course(tx, owner, course_id)
    await courses.archive_course(tx, owner, course_id)
    assert (await detail_of(tx, owner, course_id)).status == "archived"
    with pytest.raises(facts.CourseStateConflict):
        await courses.archive_course(tx, owner, course_id)
    await courses.restore_course(tx, owner, course_id)
    again = await detail_of(tx, owner, course_id)
    assert (again.status, again.published_at) == ("published", first.published_at)
    await courses.delete_course(tx, owner, again.slug, None)
    with pytest.raises(errors.Deleted):
        await access.get_visible_course(tx, owner, course_id)
    with pytest.raises(errors.Deleted):
        await courses.delete_course(tx, owner, again.slug, None)
    with pytest.raises(errors.Deleted):
        await structure.add_chapter(tx, owner, course_id, "More")
    await courses.restore_course(tx, owner, course_id)
    assert (await detail_of(tx, owner, course_id)).status == "published"
    told = await factories.events_of(tx, course_id)
    assert [name for name in told if name != "course.updated"] == [
        "course.created", "course.published", "course.archived", "course.published",
        "course.deleted", "course.restored",
    ]  # fmt: skip


async def test_who_sees_a_course(tx: Writer) -> None:
    """Everybody by everything: status and visibility of the course, standing of the person."""
    owner = await factories.make_person(tx, "instructor")
    learner, stranger = await factories.make_person(tx), await factories.make_person(tx)
    teacher = await factories.make_person(tx, "instructor")
    manager = await factories.make_person(tx, "manager")
    assistant = await factories.make_person(tx)
    staff = {"owner": owner, "assistant": assistant, "manager": manager}
    others = {"learner": learner, "stranger": stranger, "teacher": teacher, "nobody": ANONYMOUS}
    everybody = set(staff) | set(others)
    expected = {
        ("draft", "public"): set(staff),
        ("published", "public"): everybody,
        ("published", "unlisted"): everybody,
        ("published", "invited"): {*staff, "learner"},
        ("archived", "public"): {*staff, "learner"},
        ("archived", "invited"): {*staff, "learner"},
        ("in_review", "public"): set(staff),
    }
    set_status = command(
        """
        UPDATE courses.courses SET status = $2, visibility = $3, published_at = now()
        WHERE id = $1
        """
    )
    course_id = await factories.make_course(tx, owner)
    await factories.add_instructor(tx, course_id, assistant, "assistant")
    await factories.enrol(tx, course_id, learner)
    for (status, visibility), wanted in expected.items():
        await tx.execute(set_status, course_id, status, visibility)
        seen = set()
        for name, actor in (staff | others).items():
            try:
                await access.get_visible_course(tx, actor, course_id)
                seen.add(name)
            except errors.NotFound:
                continue
        assert seen == wanted, (status, visibility)


async def test_a_dropped_learner_is_a_stranger(tx: Writer) -> None:
    outline = await factories.make_published(tx, visibility="invited")
    learner = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, learner, status="dropped")
    with pytest.raises(errors.NotFound):
        await access.get_visible_course(tx, learner, outline.course_id)


async def test_who_may_do_what(tx: Writer) -> None:
    outline = await factories.make_published(tx)
    course_id = outline.course_id
    people = {
        "co": await factories.make_person(tx, "instructor"),
        "assistant": await factories.make_person(tx, "instructor"),
        "demoted": await factories.make_person(tx, "student"),
        "other": await factories.make_person(tx, "instructor"),
        "student": await factories.make_person(tx, "student"),
    }
    await factories.add_instructor(tx, course_id, people["co"], "co_instructor")
    await factories.add_instructor(tx, course_id, people["demoted"], "co_instructor")
    await factories.add_instructor(tx, course_id, people["assistant"], "assistant")

    async def update(actor: Actor) -> object:
        return await courses.update_course(
            tx, actor, str(course_id), CourseChanges(tags=("x",)), None
        )

    for name in ("assistant", "demoted", "other", "student"):
        with pytest.raises(errors.Forbidden):
            await update(people[name])
        with pytest.raises(errors.Forbidden):
            await courses.archive_course(tx, people[name], course_id)
        with pytest.raises(errors.Forbidden):
            await courses.delete_course(tx, people[name], str(course_id), None)
    with pytest.raises(errors.Unauthorized):
        await update(ANONYMOUS)
    await update(people["co"])
    with pytest.raises(errors.Forbidden):
        await courses.delete_course(tx, people["co"], str(course_id), None)
    await courses.archive_course(tx, people["co"], course_id)
    await courses.delete_course(
        tx, await factories.make_person(tx, "manager"), str(course_id), None
    )
    with pytest.raises(errors.NotFound):
        await courses.restore_course(tx, people["other"], course_id)
    with pytest.raises(errors.Forbidden):
        await courses.restore_course(tx, people["co"], course_id)
    await courses.restore_course(tx, system_actor("test"), course_id)


async def test_a_scoped_key_is_held_to_its_scopes(tx: Writer) -> None:
    outline = await factories.make_published(tx)
    key = msgspec.structs.replace(outline.owner, scopes=frozenset({"courses:update"}))
    await courses.update_course(tx, key, str(outline.course_id), CourseChanges(tags=("a",)), None)
    with pytest.raises(errors.Forbidden):
        await courses.archive_course(tx, key, outline.course_id)
    with pytest.raises(errors.Forbidden):
        await courses.delete_course(tx, key, str(outline.course_id), None)
