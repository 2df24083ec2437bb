"""What happened in discussions that others may care about. Ids alone, never what was written."""

from uuid import UUID

from lyceum.platform.events import Event, event


@event("question.asked")
class QuestionAsked(Event, frozen=True, kw_only=True):
    """A thread was begun; `lecture_id` is None for one about the whole course."""

    thread_id: UUID
    course_id: UUID
    lecture_id: UUID | None
    author_id: UUID
    mentioned_ids: tuple[UUID, ...]


@event("question.answered")
class QuestionAnswered(Event, frozen=True, kw_only=True):
    """Somebody wrote in a thread."""

    thread_id: UUID
    post_id: UUID
    course_id: UUID
    author_id: UUID
    mentioned_ids: tuple[UUID, ...]


@event("answer.accepted")
class AnswerAccepted(Event, frozen=True, kw_only=True):
    """A post was accepted as the answer of its thread."""

    thread_id: UUID
    post_id: UUID
    course_id: UUID
    author_id: UUID


@event("contribution.changed")
class ContributionChanged(Event, frozen=True, kw_only=True):
    """A thread (`post_id` is None) or post was edited, deleted, moderated; `changed` says what."""

    thread_id: UUID
    post_id: UUID | None
    course_id: UUID
    changed: tuple[str, ...]


@event("contribution.reported")
class ContributionReported(Event, frozen=True, kw_only=True):
    """Somebody says that a thread or post breaks the rules."""

    report_id: UUID
    thread_id: UUID
    post_id: UUID | None
    course_id: UUID


@event("report.resolved")
class ReportResolved(Event, frozen=True, kw_only=True):
    """Staff has decided about a report."""

    report_id: UUID
    course_id: UUID
    resolution: str


@event("announcement.posted")
class AnnouncementPosted(Event, frozen=True, kw_only=True):
    """The staff of a course tells its learners something."""

    announcement_id: UUID
    course_id: UUID
    author_id: UUID


@event("announcement.changed")
class AnnouncementChanged(Event, frozen=True, kw_only=True):
    """An announcement was edited, or deleted."""

    announcement_id: UUID
    course_id: UUID
    is_deleted: bool
