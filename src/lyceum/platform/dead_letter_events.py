"""What operators do to events that could not be handled, as events."""

from uuid import UUID

from lyceum.platform.events import Event, event


@event("dead_letter.replayed")
class DeadLetterReplayed(Event, frozen=True, kw_only=True):
    """Somebody had an event delivered again to `consumer`; '' stands for everybody."""

    dead_letter_id: UUID
    event_id: UUID
    event_name: str
    consumer: str


@event("dead_letter.dropped")
class DeadLetterDropped(Event, frozen=True, kw_only=True):
    """Somebody gave an event up: `consumer` will never have had it."""

    dead_letter_id: UUID
    event_id: UUID
    event_name: str
    consumer: str
