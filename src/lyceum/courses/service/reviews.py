"""Reviews: one per learner, with the course's rating kept exact on its row.

Whoever writes locks the course first, so ratings are counted one after another.
"""

from uuid import UUID

import msgspec
from msgspec import UNSET

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.adapters import text
from lyceum.courses.queries import catalogue
from lyceum.courses.queries import reviews as queries
from lyceum.courses.records import Review
from lyceum.courses.schemas.reviews import NewReview, ReviewChanges, ReviewQuery
from lyceum.courses.service import access
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit

NEEDED_PERCENT = 20


async def list_reviews(
    tx: Reader, actor: Actor, course_id: UUID, query: ReviewQuery
) -> tuple[list[Review], int]:
    """Return a page of the reviews of a visible course, newest first, and how many there are."""
    await access.get_visible_course(tx, actor, course_id)
    stars = None if query.rating is UNSET else query.rating
    total = await tx.one(queries.COUNT_REVIEWS, course_id, stars)
    found = await tx.all(
        queries.LIST_REVIEWS, course_id, stars, query.sort, query.offset, query.per_page
    )
    return found, total


async def get_review(tx: Reader, actor: Actor, review_id: UUID) -> Review:
    """Return a review of a visible course; a hidden one exists for its author and moderators."""
    found = await tx.one_or_none(queries.FIND_REVIEW, review_id)
    if found is None:
        raise errors.NotFound
    await access.get_visible_course(tx, actor, found.course_id)
    _require_shown(actor, found)
    return found


async def post_review(tx: Writer, actor: Actor, course_id: UUID, new: NewReview) -> Review:
    """Rate a course that the actor has learnt a part of; ReviewExists the second time."""
    user_id = actor.require_user()
    await access.lock_visible_course(tx, actor, course_id)
    actor.require(permissions.WRITE_REVIEW)
    percent = await tx.one_or_none(queries.FIND_PROGRESS_PERCENT, course_id, user_id)
    if percent is None:
        raise facts.ReviewTooEarly(
            "Only its learners review a course.", needed_percent=NEEDED_PERCENT
        )
    if percent < NEEDED_PERCENT:
        raise facts.ReviewTooEarly(
            f"Learn {NEEDED_PERCENT} % of the course first; you have learnt {percent} %.",
            needed_percent=NEEDED_PERCENT,
            progress_percent=percent,
        )
    review_id = await tx.one_or_none(
        queries.INSERT_REVIEW, ids.new_id(), course_id, user_id, new.rating, _clean(new.text)
    )
    if review_id is None:
        raise facts.ReviewExists
    await tx.execute(queries.COUNT_RATING, course_id, None, new.rating)
    catalogue.forget_course(tx, course_id)
    posted = events.ReviewPosted(
        course_id=course_id, review_id=review_id, user_id=user_id, rating=new.rating
    )
    await emit(tx, actor, posted)
    return await tx.one(queries.FIND_REVIEW, review_id)


async def update_review(
    tx: Writer, actor: Actor, review_id: UUID, changes: ReviewChanges, if_match: int | None
) -> Review:
    """Change one's own review."""
    before = await lock_review(tx, actor, review_id)
    if before.user_id != actor.require_user():
        raise errors.Forbidden("Only its author may change a review.")
    facts.require_version(before.version, if_match)
    sent = changes.changes()
    if "text" in sent:
        sent["body"] = _clean(sent.pop("text"))
    after = msgspec.structs.replace(before, **sent)
    if after == before:
        return before
    await tx.execute(queries.UPDATE_REVIEW, review_id, after.rating, after.body)
    if after.rating != before.rating and not before.is_hidden:
        await tx.execute(queries.COUNT_RATING, before.course_id, before.rating, after.rating)
        catalogue.forget_course(tx, before.course_id)
    await tell_change(tx, actor, before, *sent)
    return await tx.one(queries.FIND_REVIEW, review_id)


async def delete_review(tx: Writer, actor: Actor, review_id: UUID, if_match: int | None) -> None:
    """Delete one's own review, or as a moderator anybody's."""
    review = await lock_review(tx, actor, review_id)
    if review.user_id != actor.require_user() and not actor.may(permissions.MODERATE_REVIEWS):
        raise errors.Forbidden("Only its author or a moderator may delete a review.")
    facts.require_version(review.version, if_match)
    await tx.execute(queries.DELETE_REVIEW, review_id)
    if not review.is_hidden:
        await tx.execute(queries.COUNT_RATING, review.course_id, review.rating, None)
        catalogue.forget_course(tx, review.course_id)
    await tell_change(tx, actor, review, "deleted")


async def lock_review(tx: Writer, actor: Actor, review_id: UUID) -> Review:
    """Lock the review's course and return the review as it is under that lock."""
    found = await tx.one_or_none(queries.FIND_REVIEW, review_id)
    if found is None:
        raise errors.NotFound
    await access.lock_visible_course(tx, actor, found.course_id)
    locked = await tx.one_or_none(queries.FIND_REVIEW, review_id)
    if locked is None:
        raise errors.NotFound
    _require_shown(actor, locked)
    return locked


async def tell_change(tx: Writer, actor: Actor, review: Review, *changed: str) -> None:
    """Say that a review is not what it was."""
    told = events.ReviewChanged(course_id=review.course_id, review_id=review.id, changed=changed)
    await emit(tx, actor, told)


def _require_shown(actor: Actor, review: Review) -> None:
    is_author = actor.user_id is not None and actor.user_id == review.user_id
    if review.is_hidden and not is_author and not actor.may(permissions.MODERATE_REVIEWS):
        raise errors.NotFound


def _clean(written: str) -> str:
    cleaned = text.clean_lines(written)
    if len(cleaned) > 5000:
        raise facts.invalid("/text", "5000 characters at most, please")
    return cleaned
