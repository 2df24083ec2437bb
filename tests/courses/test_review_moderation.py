"""What others do about a review: answers, votes, reports, hiding; the rating stays exact."""

import asyncio

import httpx
import pytest

from lyceum.courses import errors as facts
from lyceum.courses.records import Review
from lyceum.courses.schemas.reviews import (
    NewReview,
    ReviewChanges,
    ReviewQuery,
    ReviewReportQuery,
    ReviewResolution,
)
from lyceum.courses.service import review_moderation as moderation
from lyceum.courses.service import reviews
from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Database, Writer
from tests.courses import factories
from tests.courses.conftest import SignIn
from tests.courses.factories import Outline
from tests.courses.test_reviews import make_learner, rating_of


@pytest.fixture
async def outline(tx: Writer) -> Outline:
    return await factories.make_published(tx)


async def post(tx: Writer, outline: Outline, rating: int = 1) -> tuple[Actor, Review]:
    author = await make_learner(tx, outline)
    new = NewReview(rating=rating, text="Dull.")
    return author, await reviews.post_review(tx, author, outline.course_id, new)


async def listed(tx: Writer, outline: Outline, query: ReviewQuery) -> list[int]:
    found, total = await reviews.list_reviews(tx, ANONYMOUS, outline.course_id, query)
    assert total == len(found)
    return [review.rating for review in found]


async def test_the_instructor_answers(tx: Writer, outline: Outline) -> None:
    author, review = await post(tx, outline)
    answered = await moderation.reply_to_review(tx, outline.owner, review.id, "Which part?")
    assert answered.reply == "Which part?"
    assert answered.replied_at is not None
    for actor in (author, await make_learner(tx, outline)):
        with pytest.raises(errors.Forbidden):
            await moderation.reply_to_review(tx, actor, review.id, "Me too")
    taken_back = await moderation.reply_to_review(tx, outline.owner, review.id, "")
    assert (taken_back.reply, taken_back.replied_at) == ("", None)


async def test_helpful_votes_count_once(tx: Writer, outline: Outline) -> None:
    author, review = await post(tx, outline)
    voter = await factories.make_person(tx)
    for _ in range(2):
        await moderation.vote_for_review(tx, voter, review.id, up=True)
    await moderation.vote_for_review(tx, outline.owner, review.id, up=True)
    assert (await reviews.get_review(tx, ANONYMOUS, review.id)).helpful_count == 2
    for _ in range(2):
        await moderation.vote_for_review(tx, voter, review.id, up=False)
    assert (await reviews.get_review(tx, ANONYMOUS, review.id)).helpful_count == 1
    with pytest.raises(facts.OwnReview):
        await moderation.vote_for_review(tx, author, review.id, up=True)


async def test_lists_filter_and_sort(tx: Writer, outline: Outline) -> None:
    _, worst = await post(tx, outline, 1)
    await post(tx, outline, 5)
    await post(tx, outline, 3)
    await moderation.vote_for_review(tx, outline.owner, worst.id, up=True)
    assert await listed(tx, outline, ReviewQuery()) == [3, 5, 1]
    assert (await listed(tx, outline, ReviewQuery(sort="helpful")))[0] == 1
    assert await listed(tx, outline, ReviewQuery(sort="best")) == [5, 3, 1]
    assert await listed(tx, outline, ReviewQuery(sort="worst")) == [1, 3, 5]
    assert await listed(tx, outline, ReviewQuery(rating=5)) == [5]
    assert await listed(tx, outline, ReviewQuery(rating=2)) == []


async def test_a_hidden_review_is_not_counted(tx: Writer, outline: Outline) -> None:
    author, review = await post(tx, outline, 1)
    await post(tx, outline, 5)
    moderator = await factories.make_person(tx, "manager")
    with pytest.raises(errors.Forbidden):
        await moderation.hide_review(tx, outline.owner, review.id, is_hidden=True)
    for _ in range(2):
        await moderation.hide_review(tx, moderator, review.id, is_hidden=True)
    assert await rating_of(tx, outline) == (5.0, 1, (0, 0, 0, 0, 1))
    assert await listed(tx, outline, ReviewQuery()) == [5]
    for actor in (ANONYMOUS, outline.owner):
        with pytest.raises(errors.NotFound):
            await reviews.get_review(tx, actor, review.id)
    assert (await reviews.get_review(tx, author, review.id)).is_hidden
    await reviews.update_review(tx, author, review.id, ReviewChanges(rating=2), None)
    assert await rating_of(tx, outline) == (5.0, 1, (0, 0, 0, 0, 1))
    await moderation.hide_review(tx, moderator, review.id, is_hidden=False)
    assert await rating_of(tx, outline) == (3.5, 2, (0, 1, 0, 0, 1))
    await moderation.hide_review(tx, moderator, review.id, is_hidden=True)
    await reviews.delete_review(tx, author, review.id, None)
    assert await rating_of(tx, outline) == (5.0, 1, (0, 0, 0, 0, 1))


async def test_reports_are_decided_once(tx: Writer, outline: Outline) -> None:
    author, review = await post(tx, outline)
    moderator = await factories.make_person(tx, "manager")
    first = await moderation.report_review(tx, outline.owner, review.id, "Rude")
    second = await moderation.report_review(tx, moderator, review.id, "Very rude")
    with pytest.raises(facts.ReviewReported):
        await moderation.report_review(tx, moderator, review.id, "Still rude")
    with pytest.raises(facts.OwnReview):
        await moderation.report_review(tx, author, review.id, "Mine")
    with pytest.raises(errors.Forbidden):
        await moderation.list_review_reports(tx, outline.owner, ReviewReportQuery())
    found, _ = await moderation.list_review_reports(tx, moderator, ReviewReportQuery(per_page=100))
    assert [r.id for r in found if r.review_id == review.id] == [first, second]
    hide = ReviewResolution(resolution="hidden")
    await moderation.resolve_review_report(tx, moderator, first, hide)
    with pytest.raises(facts.ReviewReportResolved):
        await moderation.resolve_review_report(tx, moderator, second, hide)
    with pytest.raises(errors.NotFound):
        await moderation.resolve_review_report(tx, moderator, ids.new_id(), hide)
    assert await rating_of(tx, outline) == (0, 0, (0, 0, 0, 0, 0))
    told = await factories.events_of(tx, outline.course_id)
    assert told.count("review.report_resolved") == 2


async def test_parallel_votes_and_hiding_stay_exact(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    async with database.transaction() as tx:
        outline = await factories.make_published(tx)
        _, review = await post(tx, outline, 4)
        voters = [await factories.make_person(tx) for _ in range(8)]
        moderator = await factories.make_person(tx, "manager")
    path = f"/api/v1/reviews/{review.id}"
    hands = [await sign_in(voter) for voter in voters]
    boss = await sign_in(moderator)
    calls = [client.put(f"{path}/helpful", headers=hand) for hand in hands for _ in range(5)]
    calls += [client.put(f"{path}/hidden", headers=boss) for _ in range(5)]
    answers = await asyncio.gather(*calls)
    # Who comes after the hiding finds nothing.
    assert {answer.status_code for answer in answers} <= {204, 404}
    await client.delete(f"{path}/hidden", headers=boss)
    await asyncio.gather(*[client.put(f"{path}/helpful", headers=hand) for hand in hands])
    shown = (await client.get(path)).json()["data"]
    assert shown["helpfulCount"] == 8
    course = (await client.get(f"/api/v1/courses/{outline.course_id}")).json()["data"]
    assert course["rating"] == {"average": 4.0, "count": 1}
