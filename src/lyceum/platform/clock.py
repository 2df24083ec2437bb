"""The only readers of the clock. Not here: scheduling, time zones of people."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds of a clock that never goes back; only differences mean something."""
    return time.monotonic()


_text_of = (0, "")


def now_text() -> str:
    """Return the present instant as `rfc3339` does; made once a millisecond at most."""
    global _text_of
    millisecond = time.time_ns() // 1_000_000
    known, text = _text_of
    if known != millisecond:
        text = rfc3339(datetime.fromtimestamp(millisecond / 1000, UTC))
        _text_of = (millisecond, text)
    return text


def rfc3339(instant: datetime) -> str:
    """Return `instant` as RFC 3339 in UTC with milliseconds and a `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
