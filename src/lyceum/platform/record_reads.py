"""That a route shows a record of people: which kind, and where it names them.

    @routes.get("/attempts/{attempt_id}", …, shows=Record("attempt", people="user_id"))

When somebody else than the person is answered, whoever keeps an audit trail is told before the
answer goes out (`Witness`). Not here: what they do with it (`app.watch`, `audit`).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from lyceum.platform.access import Actor
from lyceum.platform.wire import Answer, Content

MOST_NAMED: Final = 200
"""How many people one reading names; more are counted."""

Named = Literal["user", "customer"]


class Record(msgspec.Struct, frozen=True):
    """A kind of record and who it is about.

    `people` is the path's parameter or the field of the answer (of each item of a list, through
    dots into what is nested) that holds the id of a person, or of a customer when it `names` one.
    A `Content` names its people itself. Without it the object of the path says whose the record is.
    With `only_with` the answer shows a record only when that field of it is set. `is_own` is for
    routes that show everybody their own: that is noted when somebody acts in another's name.
    """

    kind: str
    people: str = ""
    names: Named = "user"
    only_with: str = ""
    is_own: bool = False


class Shown(NamedTuple):
    """A record that an answer shows to `actor`; `ids` are at most `MOST_NAMED` of `total`."""

    kind: str
    names: Named
    ids: tuple[UUID, ...]
    total: int
    place: tuple[str, str] | None


Witness = Callable[[Any, Shown], None]
"""Told of a request (`platform.http.RequestInfo`) and of what its answer shows."""


def find_shown(
    record: Record, request: Any, path_names: Sequence[str], result: Any
) -> Shown | None:
    """Return what a route's result shows of others to who asked, or None if it is nothing."""
    actor: Actor = request.actor
    path = dict(zip(path_names, request.path_values, strict=True))
    if actor.user_id is None:
        return None
    place = next(iter(path.items()), None)
    data = result.data if isinstance(result, Answer) else result
    if record.only_with and not _field(data, record.only_with):
        return None
    if record.is_own:
        if actor.impersonator_id is None:
            return None
        return Shown(record.kind, "user", (actor.user_id,), 1, place)
    if record.people in path:
        found = [UUID(path[record.people])]
    elif isinstance(result, Content) and result.people:
        found = list(result.people)
    elif record.people:
        found = list(dict.fromkeys(_walk(_plain(data), record.people.split("."))))
    else:
        return Shown(record.kind, record.names, (), 0, place)
    if actor.impersonator_id is None:
        found = [person for person in found if person != actor.user_id]
    if not found:
        return None
    return Shown(record.kind, record.names, tuple(found[:MOST_NAMED]), len(found), place)


def _plain(data: Any) -> Any:
    """What PostgreSQL built is JSON already."""
    return msgspec.json.decode(data) if isinstance(data, bytes) else data


def _walk(data: Any, steps: list[str]) -> Iterator[UUID]:
    if isinstance(data, list | tuple):
        for item in data:
            yield from _walk(item, steps)
    elif not steps:
        if isinstance(data, str | UUID):
            yield UUID(str(data))
    elif data is not None:
        yield from _walk(_field(data, steps[0]), steps[1:])


def _field(data: Any, name: str) -> Any:
    if isinstance(data, dict):
        first, *rest = name.split("_")
        return data.get(first + "".join(word.capitalize() for word in rest))
    found = getattr(data, name, None)
    return None if found is msgspec.UNSET else found
