"""What people do to jobs, as events. Not here: what jobs do themselves (they emit their own)."""

from uuid import UUID

from lyceum.platform.events import Event, event


@event("job.cancelled")
class JobCancelled(Event, frozen=True, kw_only=True):
    """Somebody cancelled a job, or asked a running one to stop."""

    job_id: UUID
    job_name: str


@event("job.retried")
class JobRetried(Event, frozen=True, kw_only=True):
    """Somebody gave a failed job all its tries again."""

    job_id: UUID
    job_name: str


@event("job.discarded")
class JobDiscarded(Event, frozen=True, kw_only=True):
    """Somebody gave a failed job up."""

    job_id: UUID
    job_name: str


@event("job.failures_retried")
class FailuresRetried(Event, frozen=True, kw_only=True):
    """Somebody gave many failed jobs their tries again; None stands for every queue or name."""

    queue: str | None
    job_name: str | None
    count: int


@event("job.failures_discarded")
class FailuresDiscarded(Event, frozen=True, kw_only=True):
    """Somebody gave many failed jobs up; None stands for every queue or name."""

    queue: str | None
    job_name: str | None
    count: int


@event("job.schedule_started")
class ScheduleStarted(Event, frozen=True, kw_only=True):
    """Somebody started a scheduled job before its time."""

    job_name: str
    job_id: UUID
