"""The only readers of the clock. Not here: scheduling, time zones of people."""

import time
from datetime import UTC, datetime
from typing import Final


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


monotonic: Final = time.monotonic
"""Seconds of a clock that never goes back; only differences mean something."""


def millisecond() -> int:
    """Return the present instant in whole milliseconds of the epoch."""
    return time.time_ns() // 1_000_000


_text_of_second = (-1, "")
_ENDS: Final = tuple(f".{millisecond:03d}Z" for millisecond in range(1000))


def now_text() -> str:
    """Return the present instant as `rfc3339` does."""
    return text_of(millisecond())


def text_of(instant: int) -> str:
    """Return a millisecond of the epoch as `rfc3339` does; its second is made once for those who
    ask in a row."""
    global _text_of_second
    second, rest = divmod(instant, 1000)
    known, text = _text_of_second
    if known != second:
        text = rfc3339(datetime.fromtimestamp(second, UTC))[:-5]
        _text_of_second = (second, text)
    return text + _ENDS[rest]


def rfc3339(instant: datetime) -> str:
    """Return `instant` as RFC 3339 in UTC with milliseconds and a `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
