"""What happened in courses that others may care about."""

from uuid import UUID

from lyceum.platform.events import Event, event


@event("course.created")
class CourseCreated(Event, frozen=True, kw_only=True):
    """A course was made; it is a draft."""

    course_id: UUID
    owner_id: UUID


@event("course.updated")
class CourseUpdated(Event, frozen=True, kw_only=True):
    """A course has changed; `changed` names the fields, or `outline` for its structure."""

    course_id: UUID
    changed: tuple[str, ...]


@event("course.published")
class CoursePublished(Event, frozen=True, kw_only=True):
    """A course is open to learners from now on, for the first time or again."""

    course_id: UUID
    owner_id: UUID


@event("course.archived")
class CourseArchived(Event, frozen=True, kw_only=True):
    """A course is for those alone who learn it already."""

    course_id: UUID
    owner_id: UUID


@event("course.deleted")
class CourseDeleted(Event, frozen=True, kw_only=True):
    """A course exists for nobody until it is restored."""

    course_id: UUID
    owner_id: UUID


@event("course.restored")
class CourseRestored(Event, frozen=True, kw_only=True):
    """A deleted course is back as it was."""

    course_id: UUID
    owner_id: UUID


@event("course.submitted")
class CourseSubmitted(Event, frozen=True, kw_only=True):
    """A course waits for a reviewer."""

    course_id: UUID
    owner_id: UUID


@event("course.returned")
class CourseReturned(Event, frozen=True, kw_only=True):
    """A course that waited for a reviewer is a draft again."""

    course_id: UUID
    owner_id: UUID


@event("course.duplicated")
class CourseDuplicated(Event, frozen=True, kw_only=True):
    """A course was made as a copy of another; what other domains keep of it follows."""

    course_id: UUID
    source_id: UUID
    owner_id: UUID


@event("course.purged")
class CoursePurged(Event, frozen=True, kw_only=True):
    """A deleted course, in which nobody had a history, is gone for good."""

    course_id: UUID


@event("lecture.purged")
class LecturePurged(Event, frozen=True, kw_only=True):
    """A deleted lecture, in which nobody had a history, is gone for good."""

    course_id: UUID
    lecture_id: UUID


@event("course.staff_changed")
class StaffChanged(Event, frozen=True, kw_only=True):
    """Somebody's role in a course is another; `role` is None for who teaches it no longer."""

    course_id: UUID
    user_id: UUID
    role: str | None


@event("review.posted")
class ReviewPosted(Event, frozen=True, kw_only=True):
    """A learner has rated a course."""

    course_id: UUID
    review_id: UUID
    user_id: UUID
    rating: int


@event("review.changed")
class ReviewChanged(Event, frozen=True, kw_only=True):
    """A review was edited, answered, hidden, shown again or deleted; `changed` says what."""

    course_id: UUID
    review_id: UUID
    changed: tuple[str, ...]


@event("review.reported")
class ReviewReported(Event, frozen=True, kw_only=True):
    """Somebody says that a review breaks the rules."""

    course_id: UUID
    review_id: UUID
    report_id: UUID


@event("review.report_resolved")
class ReviewReportResolved(Event, frozen=True, kw_only=True):
    """A moderator has decided about a report."""

    course_id: UUID
    review_id: UUID
    report_id: UUID
    resolution: str


@event("enrollment.created")
class EnrolmentCreated(Event, frozen=True, kw_only=True):
    """Somebody learns a course from now on, for the first time or again; `source` says how."""

    enrolment_id: UUID
    course_id: UUID
    user_id: UUID
    source: str


@event("enrollment.dropped")
class EnrolmentDropped(Event, frozen=True, kw_only=True):
    """A learner has left a course; the progress is kept."""

    enrolment_id: UUID
    course_id: UUID
    user_id: UUID


@event("enrollment.expired")
class EnrolmentExpired(Event, frozen=True, kw_only=True):
    """The time of an enrolment is over; the progress is kept."""

    enrolment_id: UUID
    course_id: UUID
    user_id: UUID


@event("waiting_list.joined")
class WaitingListJoined(Event, frozen=True, kw_only=True):
    """Somebody waits for a seat in a course."""

    course_id: UUID
    user_id: UUID


@event("waiting_list.left")
class WaitingListLeft(Event, frozen=True, kw_only=True):
    """Somebody waits no longer, without a seat."""

    course_id: UUID
    user_id: UUID


@event("waiting_list.admitted")
class WaitingListAdmitted(Event, frozen=True, kw_only=True):
    """Somebody who waited has a seat now, and is enrolled."""

    course_id: UUID
    user_id: UUID
    enrolment_id: UUID


@event("invitation.created")
class InvitationCreated(Event, frozen=True, kw_only=True):
    """There is a code that lets people into a course; the code itself is not told."""

    course_id: UUID
    invitation_id: UUID


@event("invitation.revoked")
class InvitationRevoked(Event, frozen=True, kw_only=True):
    """The code of an invitation lets nobody in any more."""

    course_id: UUID
    invitation_id: UUID


@event("invitation.accepted")
class InvitationAccepted(Event, frozen=True, kw_only=True):
    """Somebody has enrolled by an invitation."""

    course_id: UUID
    invitation_id: UUID
    user_id: UUID


@event("cohort.changed")
class CohortChanged(Event, frozen=True, kw_only=True):
    """A cohort was made, is called otherwise, has other dates or people, or is gone."""

    course_id: UUID
    cohort_id: UUID
    what: str


# The next two are written by SQL functions (migration 0004), so a new field needs a new version.


@event("lesson.completed")
class LessonCompleted(Event, frozen=True, kw_only=True):
    """A learner has completed a lecture, for the first and only time."""

    enrolment_id: UUID
    course_id: UUID
    lecture_id: UUID
    user_id: UUID


@event("course.completed")
class CourseCompleted(Event, frozen=True, kw_only=True):
    """A learner has completed a course, for the first and only time."""

    enrolment_id: UUID
    course_id: UUID
    user_id: UUID


@event("certificate.issued")
class CertificateIssued(Event, frozen=True, kw_only=True):
    """A learner holds a certificate; its code is not told, because whoever knows it may verify."""

    certificate_id: UUID
    enrolment_id: UUID
    course_id: UUID
    user_id: UUID


@event("certificate.reissued")
class CertificateReissued(Event, frozen=True, kw_only=True):
    """A certificate was issued anew, under another code; the one of before holds no longer."""

    certificate_id: UUID
    course_id: UUID
    user_id: UUID


@event("certificate.revoked")
class CertificateRevoked(Event, frozen=True, kw_only=True):
    """A certificate holds no longer."""

    certificate_id: UUID
    course_id: UUID
    user_id: UUID
