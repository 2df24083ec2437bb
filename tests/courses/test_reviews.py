"""Reviews: who may, once, and a rating that is always the sum of them."""

import httpx
import msgspec
import pytest

from lyceum.courses import errors as facts
from lyceum.courses.schemas.courses import CourseDetail
from lyceum.courses.schemas.reviews import (
    NewReview,
    ReviewChanges,
    ReviewQuery,
    ReviewView,
)
from lyceum.courses.service import catalogue, courses, reviews
from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Database, Writer
from tests.courses import factories
from tests.courses.conftest import SignIn
from tests.courses.factories import Outline


async def rating_of(tx: Writer, outline: Outline) -> tuple[float, int, tuple[int, ...]]:
    shown = await catalogue.show_changed_course(tx, ANONYMOUS, outline.course_id)
    course = msgspec.json.decode(shown.body, type=CourseDetail)
    return course.rating.average, course.rating.count, course.rating_distribution


async def make_learner(tx: Writer, outline: Outline, percent: int = 20) -> Actor:
    learner = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, learner, percent=percent)
    return learner


@pytest.fixture
async def outline(tx: Writer) -> Outline:
    return await factories.make_published(tx)


async def test_ratings_are_counted(tx: Writer, outline: Outline) -> None:
    course_id = outline.course_id
    assert await rating_of(tx, outline) == (0, 0, (0, 0, 0, 0, 0))
    learners = [await make_learner(tx, outline) for _ in range(3)]
    posted = [
        await reviews.post_review(tx, learner, course_id, NewReview(rating=rating, text="Good."))
        for learner, rating in zip(learners, (5, 4, 4), strict=True)
    ]
    assert (posted[0].rating, posted[0].body, posted[0].display_name) == (
        5,
        "Good.",
        "Ada Lovelace",
    )
    assert await rating_of(tx, outline) == (4.33, 3, (0, 0, 0, 2, 1))
    await reviews.update_review(tx, learners[0], posted[0].id, ReviewChanges(rating=1), 1)
    assert await rating_of(tx, outline) == (3.0, 3, (1, 0, 0, 2, 0))
    await reviews.delete_review(tx, learners[1], posted[1].id, None)
    assert await rating_of(tx, outline) == (2.5, 2, (1, 0, 0, 1, 0))
    again = await reviews.post_review(tx, learners[1], course_id, NewReview(rating=3))
    assert await rating_of(tx, outline) == (2.67, 3, (1, 0, 1, 1, 0))
    assert again.id != posted[1].id
    told = await factories.events_of(tx, course_id)
    assert told.count("review.posted") == 4


async def test_one_review_each(tx: Writer, outline: Outline) -> None:
    learner = await make_learner(tx, outline)
    await reviews.post_review(tx, learner, outline.course_id, NewReview(rating=5))
    with pytest.raises(facts.ReviewExists):
        await reviews.post_review(tx, learner, outline.course_id, NewReview(rating=1))
    assert await rating_of(tx, outline) == (5.0, 1, (0, 0, 0, 0, 1))


async def test_who_may_review(tx: Writer, outline: Outline) -> None:
    early = await make_learner(tx, outline, percent=19)
    dropped = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, dropped, percent=90, status="dropped")
    stranger = await factories.make_person(tx)
    for actor in (early, dropped, stranger, outline.owner):
        with pytest.raises(facts.ReviewTooEarly) as refused:
            await reviews.post_review(tx, actor, outline.course_id, NewReview(rating=5))
        assert refused.value.data["needed_percent"] == 20
    with pytest.raises(errors.Unauthorized):
        await reviews.post_review(tx, ANONYMOUS, outline.course_id, NewReview(rating=5))
    completed = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, completed, percent=100, status="completed")
    await reviews.post_review(tx, completed, outline.course_id, NewReview(rating=5))


async def test_only_the_author_changes_a_review(tx: Writer, outline: Outline) -> None:
    author = await make_learner(tx, outline)
    review = await reviews.post_review(tx, author, outline.course_id, NewReview(rating=5))
    others = [outline.owner, await make_learner(tx, outline)]
    manager = await factories.make_person(tx, "manager")
    for actor in (*others, manager):
        with pytest.raises(errors.Forbidden):
            await reviews.update_review(tx, actor, review.id, ReviewChanges(rating=1), None)
    for actor in others:
        with pytest.raises(errors.Forbidden):
            await reviews.delete_review(tx, actor, review.id, None)
    for actor in (ANONYMOUS,):
        with pytest.raises(errors.Unauthorized):
            await reviews.delete_review(tx, actor, review.id, None)
    changed = await reviews.update_review(tx, author, review.id, ReviewChanges(text="More"), 1)
    assert (changed.body, changed.rating, changed.version) == ("More", 5, 2)
    with pytest.raises(errors.PreconditionFailed):
        await reviews.update_review(tx, author, review.id, ReviewChanges(text="Stale"), 1)
    await reviews.delete_review(tx, manager, review.id, None)
    with pytest.raises(errors.NotFound):
        await reviews.delete_review(tx, author, review.id, None)
    with pytest.raises(errors.NotFound):
        await reviews.update_review(tx, author, ids.new_id(), ReviewChanges(text="x"), None)


async def test_reviews_of_a_hidden_course_are_hidden(tx: Writer, outline: Outline) -> None:
    author = await make_learner(tx, outline)
    review = await reviews.post_review(tx, author, outline.course_id, NewReview(rating=5))
    await courses.archive_course(tx, outline.owner, outline.course_id)
    stranger = await factories.make_person(tx)
    with pytest.raises(errors.NotFound):
        await reviews.list_reviews(tx, stranger, outline.course_id, ReviewQuery())
    with pytest.raises(errors.NotFound):
        await reviews.delete_review(tx, stranger, review.id, None)
    found, total = await reviews.list_reviews(tx, author, outline.course_id, ReviewQuery())
    assert ([r.id for r in found], total) == ([review.id], 1)


async def test_a_review_is_plain_text(tx: Writer, outline: Outline) -> None:
    text = "a < b\r\n\r\n\r\n\r\n\u202e<script>alert(1)</script>\x07  c"
    learner = await make_learner(tx, outline)
    new = NewReview(rating=2, text=text)
    review = await reviews.post_review(tx, learner, outline.course_id, new)
    assert review.body == "a < b\n\n<script>alert(1)</script> c"


async def test_reviews_page_by_page(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    outline = await factories.store_published(database)
    path = f"/api/v1/courses/{outline.course_id}/reviews"
    for rating in (1, 2, 3):
        async with database.transaction() as tx:
            learner = await make_learner(tx, outline)
        posted = await client.post(
            path, json={"rating": rating, "text": "Well."}, headers=await sign_in(learner)
        )
        assert posted.status_code == 201, posted.text
        assert posted.headers["etag"] == '"v1"'
        view = msgspec.convert(posted.json()["data"], ReviewView)
        assert posted.headers["location"] == f"/api/v1/reviews/{view.id}"
        assert (view.author.user_id, view.rating, view.text) == (learner.user_id, rating, "Well.")
    page = await client.get(path, params={"perPage": 2})
    assert [review["rating"] for review in page.json()["data"]] == [3, 2]
    assert page.json()["meta"]["total"] == 3
    rest = await client.get(path, params={"perPage": 2, "page": 2})
    assert [review["rating"] for review in rest.json()["data"]] == [1]
    shown = await client.get(f"/api/v1/courses/{outline.course_id}")
    assert shown.json()["data"]["rating"] == {"average": 2.0, "count": 3}
