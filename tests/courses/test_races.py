"""What holds when many do it at once: slugs, reviews, counters, order, categories, cards."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from lyceum.courses import api
from lyceum.courses import errors as facts
from lyceum.courses.records import ChapterDraft, CourseDraft, LectureDraft
from lyceum.courses.schemas.categories import CategoryChanges, NewCategory
from lyceum.courses.schemas.courses import CourseCard, CourseChanges, CourseDetail
from lyceum.courses.schemas.reviews import NewReview, ReviewChanges
from lyceum.courses.schemas.structure import ChapterOrder, NewLecture, OutlineChapter, OutlineOrder
from lyceum.courses.service import catalogue, categories, courses, reviews, structure
from lyceum.platform import ids
from lyceum.platform.access import ANONYMOUS
from lyceum.platform.database import Database, Writer
from lyceum.platform.statements import sql
from tests.courses import factories
from tests.courses.factories import Outline

T = TypeVar("T")
_SLUG = sql("SELECT slug FROM courses.courses WHERE id = $1", str)
_CARD = sql("SELECT card::text FROM courses.catalogue WHERE course_id = $1", str)
_FRESH_CARD = sql("SELECT courses.course_card(c)::text FROM courses.courses c WHERE c.id = $1", str)
_SIZE = sql(
    """
    SELECT s.listed = (SELECT count(*) FROM courses.catalogue) AND NOT s.is_stale
        AND (SELECT count(*) FROM courses.catalogue_marks) = s.listed / 20
        AND NOT EXISTS (
            SELECT 1 FROM (
                SELECT course_id, row_number() OVER (
                    ORDER BY published_at DESC, course_id DESC) AS place
                FROM courses.catalogue) p
            JOIN courses.catalogue_marks m ON m.number * 20 = p.place
            WHERE m.course_id <> p.course_id)
    FROM courses.catalogue_size s
    """,
    bool,
)


async def at_once(
    database: Database, attempts: Iterable[Callable[[Writer], Awaitable[T]]]
) -> list[T | BaseException]:
    """Run every attempt in a transaction of its own, all together."""

    async def run(attempt: Callable[[Writer], Awaitable[T]]) -> T:
        async with database.transaction() as tx:
            return await attempt(tx)

    return await asyncio.gather(*map(run, attempts), return_exceptions=True)


def mixed(attempts: list[T]) -> list[T]:
    """The same in another order, so that unlike attempts meet."""
    return [*attempts[::3], *attempts[1::3], *attempts[2::3]]


async def detail_of(database: Database, course_id: UUID) -> CourseDetail:
    reader = database.reader()
    shown = await catalogue.show_changed_course(reader, ANONYMOUS, course_id)
    return msgspec.json.decode(shown.body, type=CourseDetail)


def raised(results: list[Any]) -> list[BaseException]:
    return [result for result in results if isinstance(result, BaseException)]


async def test_thirty_courses_of_one_title_have_thirty_slugs(database: Database) -> None:
    owner = await factories.store_person(database, "instructor")
    new = factories.new_course(category=f"Raced {ids.new_id().hex}")
    made = await at_once(
        database, [lambda tx: courses.create_course(tx, owner, new) for _ in range(30)]
    )
    assert raised(made) == []
    reader = database.reader()
    slugs = [await reader.one(_SLUG, course_id) for course_id in made]
    assert len(set(slugs)) == 30
    shown = [
        await detail_of(database, course_id) for course_id in made if isinstance(course_id, UUID)
    ]
    assert len({course.category.id for course in shown if course.category}) == 1


async def test_fifty_reviews_are_counted_exactly(database: Database) -> None:
    outline = await factories.store_published(database)
    course_id = outline.course_id
    learners = []
    for _ in range(50):
        async with database.transaction() as tx:
            learner = await factories.make_person(tx)
            await factories.enrol(tx, course_id, learner, percent=60)
            learners.append(learner)
    given = [1 + number * number % 5 for number in range(50)]
    # Each learner twice: one of the two is refused.
    posted = await at_once(
        database,
        [
            lambda tx, who=who, stars=stars: reviews.post_review(  # type: ignore[misc]
                tx, who, course_id, NewReview(rating=stars)
            )
            for who, stars in [*zip(learners, given, strict=True)] * 2
        ],
    )
    refused = raised(posted)
    assert len(refused) == 50
    assert all(isinstance(problem, facts.ReviewExists) for problem in refused)
    shown = await detail_of(database, course_id)
    assert shown.rating_distribution == tuple(given.count(stars) for stars in range(1, 6))
    assert shown.rating.count == 50
    assert shown.rating.average == round(sum(given) / 50, 2)

    own = [review for review in posted if not isinstance(review, BaseException)]
    by_author = {learner.user_id: learner for learner in learners}
    changes: list[Callable[[Writer], Awaitable[object]]] = [
        lambda tx, review=review: reviews.update_review(  # type: ignore[misc]
            tx, by_author[review.user_id], review.id, ReviewChanges(rating=3), None
        )
        for review in own[:25]
    ]
    changes += [
        lambda tx, review=review: reviews.delete_review(  # type: ignore[misc]
            tx, by_author[review.user_id], review.id, None
        )
        for review in own[25:]
    ]
    changed = await at_once(database, mixed(changes))
    assert raised(changed) == []
    assert (await detail_of(database, course_id)).rating_distribution == (0, 0, 25, 0, 0)


async def test_the_card_is_right_after_everything_at_once(database: Database) -> None:
    """Learners enrol, the owner edits, somebody renames the category and joins the teachers."""
    category = f"Raced {ids.new_id().hex}"
    outline = await factories.store_published(database, category=category)
    course_id, owner = outline.course_id, outline.owner
    manager = await factories.store_person(database, "manager")
    people = [await factories.store_person(database) for _ in range(20)]
    teachers = [await factories.store_person(database, "instructor") for _ in range(5)]
    async with database.transaction() as tx:
        category_id = await categories.find_or_create_category(tx, manager, category)
    attempts: list[Callable[[Writer], Awaitable[Any]]] = [
        lambda tx, who=who: factories.enrol(tx, course_id, who)  # type: ignore[misc]
        for who in people
    ]
    attempts += [
        lambda tx, who=who: factories.add_instructor(  # type: ignore[misc]
            tx, course_id, who, "co_instructor"
        )
        for who in teachers
    ]
    attempts += [
        lambda tx, n=n: categories.update_category(  # type: ignore[misc]
            tx, manager, category_id, CategoryChanges(name=f"{category} {n}"), None
        )
        for n in range(5)
    ]
    attempts += [
        lambda tx, n=n: courses.update_course(  # type: ignore[misc]
            tx, owner, str(course_id), CourseChanges(subtitle=f"Edition {n}"), None
        )
        for n in range(5)
    ]
    assert raised(await at_once(database, mixed(attempts))) == []
    reader = database.reader()
    card = await reader.one(_CARD, course_id)
    assert card == await reader.one(_FRESH_CARD, course_id)
    shown = msgspec.json.decode(card, type=CourseCard)
    assert (shown.enrolment_count, len(shown.instructors)) == (20, 6)


async def test_lectures_added_together_are_all_counted(database: Database) -> None:
    outline = await factories.store_published(database)
    owner = outline.owner
    new = NewLecture(title="One of many", type="text", duration_seconds=10)

    def add(chapter: int) -> Callable[[Writer], Awaitable[object]]:
        return lambda tx: structure.add_lecture(tx, owner, outline.chapters[chapter].id, new)

    attempts: list[Callable[[Writer], Awaitable[object]]] = [add(n % 2) for n in range(30)]
    attempts += [
        lambda tx: structure.add_chapter(tx, owner, outline.course_id, "More") for _ in range(5)
    ]
    attempts.append(lambda tx: structure.delete_lecture(tx, owner, outline.lectures[0].id, None))
    assert raised(await at_once(database, attempts)) == []
    shown = await detail_of(database, outline.course_id)
    lectures = [part for chapter in shown.outline for part in chapter.lectures]
    assert (
        (shown.chapter_count, shown.lecture_count) == (7, 33) == (len(shown.outline), len(lectures))
    )
    assert shown.duration_seconds == 3 * 60 + 30 * 10


def turned(outline: Outline, number: int) -> OutlineOrder:
    """Another order for another number."""
    lectures = [lecture.id for lecture in outline.lectures]
    lectures = lectures[number % 4 :] + lectures[: number % 4]
    one, two = (chapter.id for chapter in outline.chapters)
    cut = number % 5
    return OutlineOrder(
        chapters=(
            ChapterOrder(id=two, lectures=tuple(lectures[:cut])),
            ChapterOrder(id=one, lectures=tuple(lectures[cut:])),
        )
    )


async def test_orders_against_each_other_and_against_inserts(database: Database) -> None:
    """Either an order holds as a whole, or it is refused because the outline has changed."""
    outline = await factories.store_published(database)
    course_id, owner = outline.course_id, outline.owner
    new = NewLecture(title="Inserted", type="text")
    orders = [turned(outline, number) for number in range(12)]
    attempts: list[Callable[[Writer], Awaitable[object]]] = [
        lambda tx, order=order: structure.reorder_outline(  # type: ignore[misc]
            tx, owner, course_id, order, None
        )
        for order in orders
    ]
    attempts.insert(6, lambda tx: structure.add_lecture(tx, owner, outline.chapters[0].id, new))
    results = await at_once(database, attempts)
    assert all(isinstance(problem, facts.OutlineChanged) for problem in raised(results))
    shown = await detail_of(database, course_id)
    found = [
        (chapter.id, [part.id for part in chapter.lectures if part.title != "Inserted"])
        for chapter in shown.outline
    ]
    wanted = [[(part.id, list(part.lectures)) for part in order.chapters] for order in orders]
    assert found in wanted
    titles = [part.title for chapter in shown.outline for part in chapter.lectures]
    assert titles.count("Inserted") == 1
    assert len(titles) == shown.lecture_count == 5


async def test_two_moves_make_no_loop(database: Database) -> None:
    manager = await factories.store_person(database, "manager")
    for _ in range(5):
        async with database.transaction() as tx:
            one, two = [
                await categories.create_category(tx, manager, NewCategory(name=ids.new_id().hex))
                for _ in range(2)
            ]

        def move(child: UUID, parent: UUID) -> Callable[[Writer], Awaitable[object]]:
            changes = CategoryChanges(parent_id=parent)
            return lambda tx: categories.update_category(tx, manager, child, changes, None)

        results = await at_once(database, [move(one.id, two.id), move(two.id, one.id)])
        assert [type(problem) for problem in raised(results)] == [facts.CategoryLoop]


async def test_one_category_of_a_new_name(database: Database) -> None:
    owner = await factories.store_person(database, "instructor")
    name = f"Raced {ids.new_id().hex}"
    made = await at_once(
        database,
        [lambda tx: categories.find_or_create_category(tx, owner, name) for _ in range(20)],
    )
    assert raised(made) == []
    assert len(set(made)) == 1


async def test_one_course_of_one_source(database: Database) -> None:
    owner = await factories.store_person(database, "instructor")
    lectures = tuple(
        LectureDraft(source_key=f"l{n}", title=f"Lecture {n}", type="text") for n in range(20)
    )
    chapter = ChapterDraft(source_key="c", title="Chapter", lectures=lectures)
    draft = CourseDraft(source_key="raced", title="Raced course", chapters=(chapter,))
    stored = await at_once(
        database,
        [
            lambda tx: api.store_course(tx, owner, owner_id=owner.require_user(), draft=draft)
            for _ in range(8)
        ],
    )
    assert raised(stored) == []
    made = [course for course in stored if not isinstance(course, BaseException)]
    assert len({course.course_id for course in made}) == 1
    assert [course.is_new for course in made].count(True) == 1
    assert all(course.lecture_ids == made[0].lecture_ids for course in made)
    found = await structure.list_outline(database.reader(), owner, made[0].course_id)
    outline = msgspec.json.decode(found, type=tuple[OutlineChapter, ...])
    assert len(outline[0].lectures) == 20


async def test_publishing_and_archiving_together_keeps_the_count(database: Database) -> None:
    owner = await factories.store_person(database, "instructor")
    drafts = []
    for _ in range(25):
        async with database.transaction() as tx:
            outline = await factories.make_outline(
                tx, owner, await factories.make_course(tx, owner)
            )
            drafts.append(outline.course_id)
    published = [await factories.store_published(database) for _ in range(10)]
    attempts: list[Callable[[Writer], Awaitable[object]]] = [
        lambda tx, course_id=course_id: courses.publish_course(  # type: ignore[misc]
            tx, owner, course_id
        )
        for course_id in drafts
    ]
    attempts += [
        lambda tx, made=made: courses.archive_course(  # type: ignore[misc]
            tx, made.owner, made.course_id
        )
        for made in published
    ]
    assert raised(await at_once(database, mixed(attempts))) == []
    assert await database.reader().one(_SIZE)


async def test_two_publish_and_one_does(database: Database) -> None:
    owner = await factories.store_person(database, "instructor")
    async with database.transaction() as tx:
        made = await factories.make_outline(tx, owner, await factories.make_course(tx, owner))
    results = await at_once(
        database,
        [lambda tx: courses.publish_course(tx, owner, made.course_id) for _ in range(5)],
    )
    assert [type(problem) for problem in raised(results)] == [facts.CourseStateConflict] * 4
    async with database.transaction() as tx:
        told = await factories.events_of(tx, made.course_id)
    assert told.count("course.published") <= 1
