"""Routes as values: what a domain's `http.py` declares, and what the doors are built from.

    routes = Routes("courses")

    @routes.post("/courses", access=permissions.CREATE_COURSE, summary="Create a course")
    async def create_course(tx: Writer, actor: Actor, data: schemas.NewCourse) -> Answer[Course]:

The function's parameters say what it needs; the names are fixed:
`tx` (Reader, Writer or SoleWriter), `actor`, `data` (JSON body), `query` (an `Input`),
`if_match` (`int | None`), `request` (RequestInfo), `engines`, and the path's own parameters.
It returns a struct, an `Answer`, a `Content`, or None (204). Not here: running a route (`http`).
"""

import inspect
import re
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import Permission
from lyceum.platform.database import Reader, SoleWriter, Writer
from lyceum.platform.record_reads import Record
from lyceum.platform.wire import Answer

API = "/api/v1"
MEBIBYTE = 1024 * 1024


class Access(Enum):
    """Who may knock, when no permission says it."""

    PUBLIC = "public"
    SIGNED_IN = "signed in"
    """Everybody who is somebody; an API key needs `self:read` or `self:write` in its scopes."""
    IN_PERSON = "in person"
    """A person in a session of their own: what concerns how they sign in, and their secrets."""
    SERVICE = "service"
    """Another program of the operator, by a signed request."""


PUBLIC = Access.PUBLIC
SIGNED_IN = Access.SIGNED_IN
IN_PERSON = Access.IN_PERSON
SERVICE = Access.SERVICE


class Route(msgspec.Struct, frozen=True):
    """One operation of the HTTP interface; made by `Routes`."""

    domain: str
    method: str
    path: str
    function: Callable[..., Awaitable[Any]]
    access: Access | Permission
    summary: str
    description: str
    status: int
    found_status: int
    bucket: str | None
    max_body: int
    is_hot: bool
    own_pages_only: bool
    facts: tuple[type[errors.Fact], ...]
    media_type: str
    upload_media_types: tuple[str, ...]
    needs_if_match: bool
    keeps_response: bool
    shows: Record | None
    path_type: type[msgspec.Struct] | None
    path_names: tuple[str, ...]
    query_type: type[msgspec.Struct] | None
    body_type: Any
    result_type: Any
    tx_type: type[Reader] | None
    wants: frozenset[str]

    @property
    def is_idempotent_post(self) -> bool:
        """Whether the route takes `Idempotency-Key`."""
        return self.method == "POST" and self.tx_type is Writer and self.keeps_response

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET" or self.tx_type is Reader

    @property
    def operation_id(self) -> str:
        """The function's name in camelCase, unique over the program."""
        first, *rest = self.function.__name__.split("_")
        return first + "".join(word.capitalize() for word in rest)


_RESERVED = {"tx", "actor", "data", "query", "if_match", "request", "engines"}
Handler = Callable[..., Awaitable[Any]]


class Routes:
    """The routes of one domain, in the order of declaration."""

    def __init__(self, domain: str, prefix: str = API) -> None:
        self.domain = domain
        self.prefix = prefix
        self.all: list[Route] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        access: Access | Permission,
        summary: str,
        status: int = 0,
        found_status: int = 0,
        bucket: str | None = None,
        max_body: int = MEBIBYTE,
        is_hot: bool = False,
        own_pages_only: bool = False,
        facts: tuple[type[errors.Fact], ...] = (),
        media_type: str = "application/json",
        upload_media_types: tuple[str, ...] = (),
        needs_if_match: bool = False,
        keeps_response: bool = True,
        shows: Record | None = None,
        returns: Any = None,
    ) -> Callable[[Handler], Handler]:
        """Declare a route.

        `facts` are the domain's own errors, for the document; `bucket` names a rate limit beside
        the general one; `returns` is the type of data that PostgreSQL built; a hot route is
        answered before the router is asked; `own_pages_only` refuses what a page of another site
        makes a browser send, for those who are nobody yet; `keeps_response=False` is for answers
        that hold secrets, which no Idempotency-Key may store; `upload_media_types` is for a route
        that reads its body itself, from `request.stream`; `found_status` is what a POST answers
        that found what it would have made; `shows` is the record of people that the answer is.
        """

        def declare(function: Handler) -> Handler:
            taken = _take_apart(function, path, returns)
            is_empty = taken["result_type"] is type(None)
            self.all.append(
                Route(
                    domain=self.domain,
                    method=method,
                    path=self.prefix + path,
                    access=access,
                    summary=summary,
                    status=status or (204 if is_empty else 200),
                    bucket=bucket,
                    max_body=max_body,
                    is_hot=is_hot,
                    own_pages_only=own_pages_only,
                    facts=facts,
                    media_type=media_type,
                    upload_media_types=upload_media_types,
                    needs_if_match=needs_if_match,
                    keeps_response=keeps_response,
                    shows=shows,
                    found_status=found_status,
                    **taken,
                )
            )
            return function

        return declare

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a GET route; options are those of `add`."""
        return self.add("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a POST route; options are those of `add`."""
        return self.add("POST", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a PUT route; options are those of `add`."""
        return self.add("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a PATCH route; options are those of `add`."""
        return self.add("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a DELETE route; options are those of `add`."""
        return self.add("DELETE", path, **options)


def _take_apart(function: Handler, path: str, returns: Any) -> dict[str, Any]:
    """Return what a route's function says by its signature and docstring."""
    hints = get_type_hints(function, include_extras=True)
    names = tuple(re.findall(r"{(\w+)}", path))
    unknown = set(inspect.signature(function).parameters) - _RESERVED - set(names)
    if unknown or not set(names) <= set(hints):
        raise TypeError(f"{function.__name__}: parameters {unknown or names} do not fit")
    return {
        "function": function,
        "description": inspect.cleandoc(function.__doc__ or ""),
        "path_type": _path_type(function.__name__, names, hints),
        "path_names": names,
        "query_type": hints.get("query"),
        "body_type": hints.get("data"),
        "result_type": returns or _data_type(hints.get("return")),
        "tx_type": _tx_type(hints.get("tx")),
        "wants": frozenset(hints) & _RESERVED,
    }


def _data_type(annotation: Any) -> Any:
    if get_origin(annotation) is Answer:
        return get_args(annotation)[0]
    return annotation


def _path_type(
    function: str, names: tuple[str, ...], hints: dict[str, Any]
) -> type[msgspec.Struct] | None:
    if not names:
        return None
    fields = [(name, hints[name]) for name in names]
    return msgspec.defstruct(f"{function}_path", fields, frozen=True)


def _tx_type(annotation: Any) -> type[Reader] | None:
    if annotation is None or annotation in (Reader, Writer, SoleWriter):
        return cast("type[Reader] | None", annotation)
    raise TypeError(f"tx must be a Reader, Writer or SoleWriter, not {annotation}")
