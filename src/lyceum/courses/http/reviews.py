"""The HTTP door of reviews."""

from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.records import Review
from lyceum.courses.schemas import reviews as schemas
from lyceum.courses.service import reviews
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.paging import PageQuery
from lyceum.platform.routing import API, PUBLIC, SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.get("/courses/{course_id}/reviews", access=PUBLIC, summary="List the reviews of a course")
async def list_reviews(
    tx: Reader, actor: Actor, course_id: UUID, query: PageQuery
) -> Answer[tuple[schemas.ReviewView, ...]]:
    """The newest first."""
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
        version=review.version,
        created_at=review.created_at,
        updated_at=review.updated_at,
    )
