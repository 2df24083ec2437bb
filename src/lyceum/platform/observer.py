"""What the background work tells whoever measures it. Not here: the measures themselves."""

from typing import Protocol


class Observer(Protocol):
    """Called in the event loop after each piece of work, so it must be quick and never raise."""

    def job_started(self, name: str, queue: str, waited: float) -> None:
        """One try of a job began, so many seconds after it was due."""

    def job_finished(self, name: str, state: str, seconds: float) -> None:
        """One try of a job ended; `state` is the job's state after it."""

    def event_handled(self, name: str, handler: str, seconds: float, ok: bool) -> None:
        """One handler has had one event, or has failed with it."""

    def lag(self, seconds: float) -> None:
        """The oldest event of those just claimed had waited this long; 0 when there were none."""


class Unobserved:
    """The observer when nobody measures."""

    def job_started(self, name: str, queue: str, waited: float) -> None:
        """Do nothing."""

    def job_finished(self, name: str, state: str, seconds: float) -> None:
        """Do nothing."""

    def event_handled(self, name: str, handler: str, seconds: float, ok: bool) -> None:
        """Do nothing."""

    def lag(self, seconds: float) -> None:
        """Do nothing."""


UNOBSERVED = Unobserved()
