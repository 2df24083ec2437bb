"""What belongs to the entry being served and is needed everywhere: the id of the request, its
trace, and the address of the client.

Whatever comes of the entry (events, jobs, and what those do) carries them on. The trace is a
`traceparent` of the W3C: that of the caller, or one of ours. Not here: the actor, which is passed
as an argument on purpose.
"""

import os
import re
from contextvars import ContextVar
from typing import Final, NamedTuple

_TRACE: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LATER_TRACE: Final = re.compile(
    r"(?!ff|00)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)


class Cause(NamedTuple):
    """Where what happens now comes from; '' and None where that is not known."""

    request_id: str = ""
    trace: str | None = None
    origin: str | None = None


_cause: ContextVar[Cause] = ContextVar("cause", default=Cause())  # noqa: B039 - it is frozen


def enter(request_id: str, trace: str | None, origin: str | None) -> None:
    """Bind what is served now to the current task and all it awaits."""
    _cause.set(Cause(request_id, trace, origin))


def set_request_id(value: str) -> None:
    """Bind an id alone: nothing else is known."""
    _cause.set(Cause(value))


def current() -> Cause:
    """Return the request, message, command or job being served."""
    return _cause.get()


def current_request_id() -> str:
    """Return the id of the request, message, command or job being served, or ''."""
    return _cause.get().request_id


def told() -> dict[str, str]:
    """Return what logs tell of it: the ids, where there are any."""
    request_id, trace, _ = _cause.get()
    known = {"request_id": request_id, "trace_id": id_of(trace)}
    return {name: value for name, value in known.items() if value}


def trace_of(header: bytes | None) -> str:
    """Return the trace of a `traceparent` header, or a new one when there is none that is valid.

    One of a later version is read as the first one, whose parts it begins with.
    """
    if header is not None and len(header) < 512:
        text = header.decode("latin-1")
        if _TRACE.fullmatch(text):
            return text
        later = _LATER_TRACE.fullmatch(text)
        if later is not None:
            return f"00-{later[1]}-{later[2]}-{later[3]}"
    return new_trace()


def new_trace() -> str:
    """Return a trace of our own."""
    # Zero is as likely as a collision.
    drawn = os.urandom(24).hex()
    return f"00-{drawn[:32]}-{drawn[32:]}-00"


def id_of(trace: str | None) -> str:
    """Return the id of a whole trace, as logs tell it, or ''."""
    return trace[3:35] if trace else ""
