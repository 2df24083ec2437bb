"""The HTTP door of reviews."""

from typing import Literal
from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.records import Review, ReviewReport
from lyceum.courses.schemas import reviews as schemas
from lyceum.courses.service import review_moderation, reviews
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, PUBLIC, SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.get("/courses/{course_id}/reviews", access=PUBLIC, summary="List the reviews of a course")
async def list_reviews(
    tx: Reader, actor: Actor, course_id: UUID, query: schemas.ReviewQuery
) -> Answer[tuple[schemas.ReviewView, ...]]:
    """The newest first, or in the order asked for; hidden ones are not among them."""
    found, total = await reviews.list_reviews(tx, actor, course_id, query)
    return Answer(data=tuple(_view(review) for review in found), page=query.info(total))


@routes.post(
    "/courses/{course_id}/reviews",
    access=permissions.WRITE_REVIEW,
    summary="Review a course",
    status=201,
    facts=(facts.ReviewExists, facts.ReviewTooEarly),
)
async def post_review(
    tx: Writer, actor: Actor, course_id: UUID, data: schemas.NewReview
) -> Answer[schemas.ReviewView]:
    """Once, by a learner who has learnt 20 % of it or more."""
    review = await reviews.post_review(tx, actor, course_id, data)
    return _answer(review, location=f"{API}/reviews/{review.id}")


@routes.get("/reviews/{review_id}", access=PUBLIC, summary="A review")
async def get_review(tx: Reader, actor: Actor, review_id: UUID) -> Answer[schemas.ReviewView]:
    """A hidden one exists for its author and moderators alone."""
    return _answer(await reviews.get_review(tx, actor, review_id))


@routes.patch("/reviews/{review_id}", access=SIGNED_IN, summary="Change one's own review")
async def update_review(
    tx: Writer, actor: Actor, review_id: UUID, data: schemas.ReviewChanges, if_match: int | None
) -> Answer[schemas.ReviewView]:
    """Only what is sent changes."""
    return _answer(await reviews.update_review(tx, actor, review_id, data, if_match))


@routes.delete("/reviews/{review_id}", access=SIGNED_IN, summary="Delete a review")
async def delete_review(tx: Writer, actor: Actor, review_id: UUID, if_match: int | None) -> None:
    """One's own; a moderator anybody's."""
    await reviews.delete_review(tx, actor, review_id, if_match)


@routes.put(
    "/reviews/{review_id}/reply", access=permissions.UPDATE_COURSE, summary="Answer a review"
)
async def reply_to_review(
    tx: Writer, actor: Actor, review_id: UUID, data: schemas.ReviewReply
) -> Answer[schemas.ReviewView]:
    """By those who may change the course; an empty text takes the answer back."""
    return _answer(await review_moderation.reply_to_review(tx, actor, review_id, data.text))


@routes.put(
    "/reviews/{review_id}/helpful",
    access=SIGNED_IN,
    summary="Find a review helpful",
    facts=(facts.OwnReview,),
)
async def find_review_helpful(tx: Writer, actor: Actor, review_id: UUID) -> None:
    """Repeating changes nothing."""
    await review_moderation.vote_for_review(tx, actor, review_id, up=True)


@routes.delete(
    "/reviews/{review_id}/helpful",
    access=SIGNED_IN,
    summary="Find a review helpful no longer",
    facts=(facts.OwnReview,),
)
async def take_back_helpful(tx: Writer, actor: Actor, review_id: UUID) -> None:
    """Repeating changes nothing."""
    await review_moderation.vote_for_review(tx, actor, review_id, up=False)


@routes.put(
    "/reviews/{review_id}/hidden", access=permissions.MODERATE_REVIEWS, summary="Hide a review"
)
async def hide_review(tx: Writer, actor: Actor, review_id: UUID) -> None:
    """It counts no longer in the course's rating."""
    await review_moderation.hide_review(tx, actor, review_id, is_hidden=True)


@routes.delete(
    "/reviews/{review_id}/hidden",
    access=permissions.MODERATE_REVIEWS,
    summary="Show a review again",
)
async def show_review_again(tx: Writer, actor: Actor, review_id: UUID) -> None:
    """It counts in the course's rating again."""
    await review_moderation.hide_review(tx, actor, review_id, is_hidden=False)


@routes.post(
    "/reviews/{review_id}/reports",
    access=SIGNED_IN,
    summary="Report a review",
    status=201,
    facts=(facts.ReviewReported, facts.OwnReview),
)
async def report_review(
    tx: Writer, actor: Actor, review_id: UUID, data: schemas.NewReviewReport
) -> schemas.ReviewReportMade:
    """To the moderators."""
    report_id = await review_moderation.report_review(tx, actor, review_id, data.reason)
    return schemas.ReviewReportMade(id=report_id)


@routes.get(
    "/review-reports",
    access=permissions.MODERATE_REVIEWS,
    summary="List reported reviews",
    shows=Record("review report", people="reporter_id"),
)
async def list_review_reports(
    tx: Reader, actor: Actor, query: schemas.ReviewReportQuery
) -> Answer[list[schemas.ReviewReportView]]:
    """Those that wait, or those resolved; the oldest first."""
    found, total = await review_moderation.list_review_reports(tx, actor, query)
    return Answer(data=[_report(row) for row in found], page=query.info(total))


@routes.post(
    "/review-reports/{review_report_id}/resolve",
    access=permissions.MODERATE_REVIEWS,
    summary="Decide about a reported review",
    status=204,
    facts=(facts.ReviewReportResolved,),
)
async def resolve_review_report(
    tx: Writer, actor: Actor, review_report_id: UUID, data: schemas.ReviewResolution
) -> None:
    """Hides the review, or lets it stand; resolves every open report of it."""
    await review_moderation.resolve_review_report(tx, actor, review_report_id, data)


def _answer(review: Review, location: str | None = None) -> Answer[schemas.ReviewView]:
    return Answer(data=_view(review), version=review.version, location=location)


def _view(review: Review) -> schemas.ReviewView:
    author = schemas.ReviewAuthor(
        user_id=review.user_id,
        display_name=review.display_name or "Former member",
        avatar_url=review.avatar_url,
    )
    return schemas.ReviewView(
        id=review.id,
        course_id=review.course_id,
        author=author,
        rating=review.rating,
        text=review.body,
        reply=review.reply,
        replied_at=review.replied_at,
        helpful_count=review.helpful_count,
        is_hidden=review.is_hidden,
        version=review.version,
        created_at=review.created_at,
        updated_at=review.updated_at,
    )


def _report(report: ReviewReport) -> schemas.ReviewReportView:
    return schemas.ReviewReportView(
        id=report.id,
        review_id=report.review_id,
        course_id=report.course_id,
        rating=report.rating,
        text=report.body,
        reporter_id=report.reporter_id,
        reason=report.reason,
        created_at=report.created_at,
        resolution=msgspec.convert(report.resolution, Literal["hidden", "dismissed"] | None),
    )
