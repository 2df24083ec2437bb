"""What others do about a review: answer it, find it helpful, report it, hide it.

Whoever writes locks the course first, as in `reviews`, so the rating stays exact.
"""

from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.adapters import text
from lyceum.courses.queries import catalogue
from lyceum.courses.queries import reviews as queries
from lyceum.courses.records import Review, ReviewReport
from lyceum.courses.schemas.reviews import ReviewReportQuery, ReviewResolution
from lyceum.courses.service import access, reviews
from lyceum.platform import errors, ids, richtext
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit


async def reply_to_review(tx: Writer, actor: Actor, review_id: UUID, written: str) -> Review:
    """Answer a review of a course that the actor may change; an empty text takes it back."""
    user_id = actor.require_user()
    review = await reviews.lock_review(tx, actor, review_id)
    await access.get_editable_course(tx, actor, review.course_id)
    reply = text.clean_lines(written)
    if reply != review.reply:
        await tx.execute(queries.REPLY, review_id, reply, user_id)
        await reviews.tell_change(tx, actor, review, "reply")
    return await tx.one(queries.FIND_REVIEW, review_id)


async def vote_for_review(tx: Writer, actor: Actor, review_id: UUID, *, up: bool) -> None:
    """Find a review helpful, or take that back; repeating changes nothing."""
    user_id = actor.require_user()
    review = await reviews.lock_review(tx, actor, review_id)
    if review.user_id == user_id:
        raise facts.OwnReview
    statement = queries.VOTE if up else queries.UNVOTE
    if await tx.one_or_none(statement, review_id, user_id) is not None:
        await tx.execute(queries.COUNT_VOTE, review_id, 1 if up else -1)


async def report_review(tx: Writer, actor: Actor, review_id: UUID, reason: str) -> UUID:
    """Tell the moderators that a review breaks the rules; once until they have decided."""
    user_id = actor.require_user()
    review = await reviews.lock_review(tx, actor, review_id)
    if review.user_id == user_id:
        raise facts.OwnReview
    said = richtext.clean_text(reason)
    if not said:
        raise facts.invalid("/reason", "Say why, please")
    report_id = await tx.one_or_none(queries.INSERT_REPORT, ids.new_id(), review_id, user_id, said)
    if report_id is None:
        raise facts.ReviewReported
    told = events.ReviewReported(
        course_id=review.course_id, review_id=review_id, report_id=report_id
    )
    await emit(tx, actor, told)
    return report_id


async def list_review_reports(
    tx: Reader, actor: Actor, query: ReviewReportQuery
) -> tuple[list[ReviewReport], int]:
    """Return a page of the reports about reviews, the oldest first, and how many there are."""
    actor.require(permissions.MODERATE_REVIEWS)
    found = await tx.all(queries.LIST_REPORTS, query.resolved, query.offset, query.per_page)
    return found, await tx.one(queries.COUNT_REPORTS, query.resolved)


async def resolve_review_report(
    tx: Writer, actor: Actor, report_id: UUID, decision: ReviewResolution
) -> None:
    """Hide what was reported, or let it stand; every open report of it is resolved with it."""
    actor.require(permissions.MODERATE_REVIEWS)
    report = await tx.one_or_none(queries.FIND_REPORT, report_id)
    if report is None:
        raise errors.NotFound
    review = await reviews.lock_review(tx, actor, report.review_id)
    resolved = await tx.all(
        queries.RESOLVE_REPORTS, review.id, decision.resolution, actor.require_user()
    )
    if report_id not in resolved:
        raise facts.ReviewReportResolved(resolution=report.resolution)
    if decision.resolution == "hidden":
        await _set_hidden(tx, actor, review, is_hidden=True)
    for resolved_id in resolved:
        told = events.ReviewReportResolved(
            course_id=review.course_id,
            review_id=review.id,
            report_id=resolved_id,
            resolution=decision.resolution,
        )
        await emit(tx, actor, told)


async def hide_review(tx: Writer, actor: Actor, review_id: UUID, *, is_hidden: bool) -> None:
    """Take a review out of sight and out of the rating, or put it back; repeating is nothing."""
    review = await reviews.lock_review(tx, actor, review_id)
    actor.require(permissions.MODERATE_REVIEWS)
    await _set_hidden(tx, actor, review, is_hidden=is_hidden)


async def _set_hidden(tx: Writer, actor: Actor, review: Review, *, is_hidden: bool) -> None:
    if review.is_hidden == is_hidden:
        return
    await tx.execute(queries.HIDE, review.id, is_hidden)
    gone, come = (review.rating, None) if is_hidden else (None, review.rating)
    await tx.execute(queries.COUNT_RATING, review.course_id, gone, come)
    catalogue.forget_course(tx, review.course_id)
    await reviews.tell_change(tx, actor, review, "is_hidden")
