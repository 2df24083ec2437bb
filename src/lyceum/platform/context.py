"""What belongs to the entry being served and is needed everywhere: the request id.

Not here: the actor, which is passed as an argument on purpose.
"""

from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """Return the id of the request, message, command or job being served, or ''."""
    return _request_id.get()


def set_request_id(value: str) -> None:
    """Bind the id to the current task and all it awaits."""
    _request_id.set(value)
