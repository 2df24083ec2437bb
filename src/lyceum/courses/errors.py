"""What can go wrong with courses that is nobody's bug.

Codes 6100-6129: structure, catalogue, reviews; 6130-6159: enrolment, progress, certificates.
"""

from lyceum.platform import errors


def invalid(pointer: str, message: str) -> errors.ValidationFailed:
    """Return the fact that one place of the input breaks a rule."""
    return errors.ValidationFailed("", errors.FieldError(pointer, message))


def require_version(version: int, if_match: int | None) -> None:
    """Raise PreconditionFailed when If-Match was sent and names another version."""
    if if_match is not None and if_match != version:
        raise errors.PreconditionFailed


class CourseNotReady(errors.Conflict):
    """The course cannot be published yet; `missing` lists all that is wanting."""

    code, title = 6100, "The course is not ready to be published"


class CourseStateConflict(errors.Conflict):
    """The course is in a status in which this makes no sense; `state` says which."""

    code, title = 6101, "The course is in another state"


class OutlineChanged(errors.Conflict):
    """An order was sent that is not an order of the chapters and lectures there are now."""

    code, title = 6102, "The outline has changed: read it again and send a whole order"


class OutlineFull(errors.Conflict):
    """The course holds as many chapters or lectures as it may."""

    code, title = 6103, "The course has as many chapters or lectures as it may"


class ChapterDeleted(errors.Conflict):
    """The chapter of the lecture is deleted: it has to be restored first."""

    code, title = 6104, "The chapter of the lecture is deleted"


class HasHistory(errors.Conflict):
    """People have learnt, reviewed or completed it: it can be deleted, and not removed for good."""

    code, title = 6105, "People have a history in it"


class PrerequisiteLoop(errors.Conflict):
    """A course cannot require what requires it."""

    code, title = 6106, "A course cannot require what requires it"


class StaffExists(errors.AlreadyExists):
    """The person teaches the course already."""

    code, title = 6107, "This person teaches the course already"


class OwnerNeeded(errors.Conflict):
    """A course has one owner, who can only hand it over."""

    code, title = 6108, "A course needs its owner"


class CategoryExists(errors.AlreadyExists):
    """Another category has the name."""

    code, title = 6110, "There is a category of this name"


class CategoryInUse(errors.Conflict):
    """The category has courses or subcategories."""

    code, title = 6111, "The category is in use"


class CategoryLoop(errors.Conflict):
    """A category cannot be moved below itself."""

    code, title = 6112, "A category cannot be moved below itself"


class ReviewExists(errors.AlreadyExists):
    """The learner has reviewed the course already."""

    code, title = 6120, "You have reviewed this course already"


class ReviewTooEarly(errors.Forbidden):
    """A review needs an enrolment with some progress; `needed_percent` says how much."""

    code, title = 6121, "Learn a part of the course before you review it"


class OwnReview(errors.Conflict):
    """Nobody votes for, or reports, their own review."""

    code, title = 6122, "This is your own review"


class ReviewReported(errors.AlreadyExists):
    """The person's report of this review waits for a moderator."""

    code, title = 6123, "You have reported this review already"


class ReviewReportResolved(errors.Conflict):
    """A moderator has decided about the report before; `resolution` says how."""

    code, title = 6124, "The report is resolved already"


class AlreadyEnrolled(errors.AlreadyExists):
    """The person learns, or has completed, the course already."""

    code, title = 6130, "Enrolled already"


class SeatLimitReached(errors.Conflict):
    """Every seat of the course is taken; `seats` says how many there are."""

    code, title = 6131, "Every seat is taken"


class EnrolmentClosed(errors.Conflict):
    """The course takes no enrolments now; `opens_at` and `closes_at` say when it does."""

    code, title = 6132, "The course takes no enrolments now"


class PaymentRequired(errors.Fact):
    """The course has a price; `price` says which."""

    status, code, title = 402, 6133, "The course has to be paid for"


class PrerequisitesMissing(errors.Conflict):
    """Other courses have to be completed first; `missing` says which."""

    code, title = 6136, "Complete other courses first"


class SeatsLeft(errors.Conflict):
    """Nobody has to wait: there are seats."""

    code, title = 6137, "There are seats: enrol instead"


class AlreadyWaiting(errors.AlreadyExists):
    """The person waits for a seat already."""

    code, title = 6138, "Waiting already"


class InvitationSpent(errors.Conflict):
    """The invitation holds no longer; `reason` is revoked, expired, used_up or used_by_you."""

    code, title = 6139, "The invitation holds no longer"


class InvitationForAnother(errors.Forbidden):
    """The invitation is for somebody else."""

    code, title = 6142, "The invitation is for somebody else"


class CohortExists(errors.AlreadyExists):
    """Another cohort of the course has the name."""

    code, title = 6143, "The course has a cohort of this name"


class NotEnrolled(errors.Forbidden):
    """The course is for enrolled learners, and the caller is not one of them now."""

    code, title = 6134, "Enrol in the course first"


class CompletedByQuiz(errors.Conflict):
    """A quiz is completed by passing it, not by saying so."""

    code, title = 6135, "A quiz is completed by passing it"


class CertificateRevoked(errors.Deleted):
    """The certificate was withdrawn, and its document with it; `revoked_at` says when."""

    code, title = 6140, "The certificate was revoked"


class RevokedAlready(errors.Conflict):
    """The certificate was revoked before; that stays as it is."""

    code, title = 6141, "The certificate is revoked already"
