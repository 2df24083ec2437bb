"""Logs: one event a line, JSON or pretty in a terminal, with its request, without its secrets.

Everything goes one way: our own events, those of libraries through `logging`, and the access log,
which has a short cut because it is written for every request. Not here: what must not be said
(`redaction`), the writing itself (`log_output`).
"""

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal, cast

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

from lyceum.platform import context, redaction
from lyceum.platform.clock import millisecond, rfc3339, text_of, utc_now
from lyceum.platform.log_output import LineWriter

Style = Literal["auto", "json", "pretty"]
Event = MutableMapping[str, Any]

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_LOUD: Final = frozenset(
    {"httpx", "httpcore", "botocore", "faker", "asyncio", "hpack", "alembic.runtime.plugins"}
)
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "taskName", "color_message",  # the last: uvicorn's event once more
}  # fmt: skip
_correlation: ContextVar[dict[str, Any]] = ContextVar("log_correlation", default={})  # noqa: B039
# Segments that hold no secret: words, small numbers, UUIDs. Other paths are looked at closely.
_PLAIN_PATH: Final = re.compile(
    r"(?:/(?:[a-z]+(?:[-_.][a-z]+)*(?:-?\d{1,4})?|\d{1,9}"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})){0,12}/?"
)


class _AccessLine(msgspec.Struct, omit_defaults=True, gc=False):
    time: datetime
    level: str
    event: str
    method: str
    route: str
    path: str
    status: int
    ms: float
    bytes: int
    ip: str
    request_id: str
    trace_id: str = ""
    actor_id: str = ""


_writer = LineWriter(2)
_style: Literal["json", "pretty"] = "json"
_encoder = msgspec.json.Encoder()


def configure(level: str = "info", style: Style = "auto", *, descriptor: int = 2) -> None:
    """Send every log of this process to `descriptor`; call once at its start.

    `auto` is pretty if that is a terminal, else JSON.
    """
    global _writer, _style
    _writer.close()
    _writer = LineWriter(descriptor)
    is_pretty = style == "pretty" or (style == "auto" and _is_terminal(descriptor))
    _style = "pretty" if is_pretty else "json"
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _complete,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_Sink,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_FromLogging()]
    root.setLevel(_LEVELS[level])
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(_LEVELS[level], logging.WARNING))
    # The access log is ours; uvicorn's would say it twice.
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(capture=True)


def get_logger(name: str) -> FilteringBoundLogger:
    """Return a logger that takes fields: `log.info("paid", order_id=…)`."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def flush() -> None:
    """Write what is gathered; for the end of a process that does not exit by itself."""
    _writer.flush()


def bind(**fields: Any) -> None:
    """Add fields, such as `actor_id`, to every event of this task and those it starts."""
    _correlation.set({**_correlation.get(), **fields})


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Add fields to every event in the block; for a worker, whose task outlives a message."""
    token = _correlation.set({**_correlation.get(), **fields})
    try:
        yield
    finally:
        _correlation.reset(token)


def access_log(
    method: str,
    route: str,
    path: str,
    status: int,
    duration_ms: float,
    request_id: str,
    actor_id: str,
    ip: str,
    size: int,
    trace_id: str = "",
    at: int | None = None,
) -> None:
    """Log one request; `size` is of the body that was sent, in bytes, `at` the millisecond of the
    epoch when it was over (now).

    Every text may be of a stranger. It is written whatever the level is: who wants none, does not
    call it.
    """
    at = millisecond() if at is None else at
    place = _place(method, route, path)
    is_plain = place and _is_plain_address(ip) and _is_short_word(request_id)
    if is_plain and _style == "json" and status < 500:
        # The common line needs no escaping; made this way it costs a third.
        trace = f',"trace_id":"{trace_id}"' if trace_id else ""
        actor = f',"actor_id":"{actor_id}"' if actor_id else ""
        _writer.write(
            f'{{"time":"{text_of(at)}","level":"info","event":"request",{place},'
            f'"status":{status},"ms":{duration_ms:.3f},"bytes":{size},"ip":"{ip}",'
            f'"request_id":"{request_id}"{trace}{actor}}}\n'.encode()
        )
        return
    line = _AccessLine(
        datetime.fromtimestamp(at / 1000, UTC),
        "info" if status < 500 else "error",
        "request",
        method if method.isalpha() and len(method) < 10 else redaction.clean_text(method),
        route,
        path if len(path) < 200 and _PLAIN_PATH.fullmatch(path) else _clean_path(path),
        status,
        round(duration_ms, 3),
        size,
        ip if len(ip) < 46 and ip.isascii() and ip.isprintable() else redaction.clean_text(ip),
        request_id if _is_short_word(request_id) else redaction.clean_text(request_id),
        trace_id,
        actor_id,
    )
    if _style == "json":
        _writer.write(_encoder.encode(line) + b"\n")
    else:
        _writer.write(_pretty_access(line))


def _is_terminal(descriptor: int) -> bool:
    stream = {1: sys.stdout, 2: sys.stderr}.get(descriptor)
    return stream is not None and stream.isatty()


@lru_cache(maxsize=4096)
def _place(method: str, route: str, path: str) -> str:
    """Return the part of the common line that says what was asked; '' if it takes more care."""
    if not method.isalpha() or len(path) >= 200 or _PLAIN_PATH.fullmatch(path) is None:
        return ""
    return f'"method":"{method}","route":"{route}","path":"{path}"'


@lru_cache(maxsize=4096)
def _is_plain_address(ip: str) -> bool:
    return len(ip) < 46 and ip.isascii() and ip.replace(".", "").replace(":", "").isalnum()


def _is_short_word(text: str) -> bool:
    return text.isalnum() and text.isascii() and len(text) <= 64


def _clean_path(path: str) -> str:
    return _remembered_path(path) if len(path) < 200 else redaction.clean_text(path, longest=512)


@lru_cache(maxsize=1024)
def _remembered_path(path: str) -> str:
    return redaction.clean_text(path)


class _Sink:
    """What structlog calls with a finished line."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: bytes) -> None:
        _writer.write(line)

    debug = info = warning = msg

    def error(self, line: bytes) -> None:
        _writer.write_now(line)

    critical = fatal = error


class _FromLogging(logging.Handler):
    """Takes what libraries, and our own `logging.getLogger`, say."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - wrong arguments of a library: its template is the event
            message = str(record.msg)
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        event: Event = {
            **extra,
            "event": message,
            "level": record.levelname.lower(),
            "logger": record.name,
            "exc_info": record.exc_info,
        }
        line = _render(None, "", _complete(None, "", event))
        if record.levelno >= logging.ERROR:
            _writer.write_now(line)
        else:
            _writer.write(line)


def _complete(_logger: Any, _method: str, event: Event) -> Event:
    """Add time, request and bound fields, in an order that reads well; take the secrets out."""
    traceback = _traceback(event.pop("exc_info", None))
    found: dict[str, Any] = {
        "time": rfc3339(utc_now()),
        "level": event.pop("level", "info"),
        "event": event.pop("event", ""),
    }
    found.update(context.told())
    found.update(redaction.clean({**_correlation.get(), **event}))
    found["event"] = redaction.clean(found["event"])
    if traceback:
        found["exception"] = redaction.clean_traceback(traceback)
    return found


def _traceback(exc_info: Any) -> str:
    if not exc_info:
        return ""
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    elif exc_info is True:
        exc_info = sys.exc_info()
    return "" if exc_info[0] is None else logging.Formatter().formatException(exc_info)


def _render(_logger: Any, _method: str, event: Event) -> bytes:
    if _style == "json":
        return _encoder.encode(event) + b"\n"
    return _pretty(event)


_COLOURS: Final = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31;1"}


def _pretty(event: Event) -> bytes:
    time, level = str(event.pop("time"))[11:23], event.pop("level")
    message, traceback = event.pop("event"), str(event.pop("exception", ""))
    fields = " ".join(f"\x1b[36m{name}\x1b[0m={value}" for name, value in event.items())
    line = (
        f"\x1b[2m{time}\x1b[0m \x1b[{_COLOURS.get(level, '0')}m{level:8}\x1b[0m {message} {fields}"
    )
    # Indented, so that nothing in the text of an error can pass for an event.
    lines = [line.rstrip(), *(f"  | {part}" for part in traceback.splitlines())]
    return ("\n".join(lines) + "\n").encode()


def _pretty_access(line: _AccessLine) -> bytes:
    colour = "32" if line.status < 400 else "33" if line.status < 500 else "31"
    time = rfc3339(line.time)[11:23]
    return (
        f"\x1b[2m{time}\x1b[0m \x1b[{colour}m{line.status}\x1b[0m {line.method:6} "
        f"{line.path} {line.ms:.1f} ms {line.bytes} B \x1b[2m{line.ip} {line.request_id} "
        f"{line.actor_id}\x1b[0m\n"
    ).encode()
