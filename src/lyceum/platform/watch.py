"""Who is told of every request when it is over. Not here: what they do with it (`app.watch`)."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID


class Served(NamedTuple):
    """A request that is over; `route` is the template, `seconds` the time until it was sent."""

    method: str
    route: str
    path: str
    status: int
    seconds: float
    size: int
    request_id: str
    actor_id: UUID | None
    ip: str
    impersonator_id: UUID | None = None
    trace_id: str = ""


Watch = Callable[[Served], None]
