"""Known reads: a hot route asked again, without finding out anew what its address means.

When the normal way has answered a hot public GET, its route and what its path and query say are
remembered by the address. The next plain request for it, by a guest or with a token that was
verified a moment ago, goes straight to the same function, with the same limits, headers, log line
and metrics. Not here: the normal way (`edge`, `http`), what is plain (`plain_requests`), what the
cache has (`express`), writing to the connection (`protocol`). A test holds both answers against
each other.
"""

import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import msgspec

from lyceum.platform import compression, context, paging, wire
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.beginnings import OPEN, Beginning
from lyceum.platform.bounded import Bounded
from lyceum.platform.database import Reader
from lyceum.platform.express import LONGEST, ExpressLane, Parts, answer_to, url_of
from lyceum.platform.headers import SECURITY, CommonHeaders, Headers, lines
from lyceum.platform.http import PRIVATE, SHARED, RequestInfo, Response, etag_of
from lyceum.platform.limits import Limits
from lyceum.platform.plain_requests import Asked
from lyceum.platform.routing import PUBLIC, Route
from lyceum.platform.watch import Served, Watch
from lyceum.platform.wire import Answer, PageInfo

MAX_ADDRESSES: Final = 8_192
_USUAL = {name for name, _ in SECURITY} | {
    b"content-type", b"cache-control", b"etag", b"link", b"vary", b"x-request-id",
    b"content-length", b"content-encoding", b"ratelimit-limit", b"ratelimit-remaining",
    b"ratelimit-reset", b"access-control-allow-credentials", b"access-control-allow-origin",
    b"access-control-expose-headers",
}  # fmt: skip
_WANTS = {"tx", "actor", "query", "engines"}


class _Known(msgspec.Struct):
    """What the normal way found out about an address; of pages `link` and `place` are kept too."""

    route: Route
    path: str
    query: str
    arguments: dict[str, Any]
    wants_actor: bool
    page: PageInfo | None = None
    place: str = ""
    link: str = ""

    def ask(self, actor: Actor) -> Awaitable[Any]:
        """Run the route's function."""
        if self.wants_actor:
            return self.route.function(actor=actor, **self.arguments)
        return self.route.function(**self.arguments)

    def turn_to(self, page: PageInfo | None) -> None:
        """Have `place` and `link` say where a page stands."""
        if page == self.page:
            return
        self.page, self.place, self.link = page, wire.meta_place(page), ""
        if page is not None:
            link = paging.link_header(self.path, dict(parse_qsl(self.query)), page)
            self.link = f"link: {link}\r\n" if link else ""


class Rest(Protocol):
    """What else a known read needs of the edge."""

    def new_request_id(self) -> str:
        """Return an id that no other request has."""

    def fail(self, request: RequestInfo, started: float, failure: Exception) -> Response:
        """Return the whole response that tells a failure, and report it."""


class KnownReads:
    """The addresses that are known, the least recently added forgotten first."""

    def __init__(
        self,
        rest: Rest,
        peek: Callable[[bytes, str], Actor | None],
        lane: ExpressLane,
        limits: Limits | None,
        watch: Watch | None,
        common: CommonHeaders,
    ) -> None:
        """`peek` says who sent a header that was verified a moment ago, from which address."""
        self._rest = rest
        self._peek = peek
        self._lane = lane
        # One of them, or none: hits are counted at once, or after a wait.
        self._limits_here = limits if limits is not None and limits.are_here else None
        self._limits_elsewhere = limits if self._limits_here is None else None
        self._watch = watch
        self._common = common
        # By whether an answer is public, and whether it is one that would be compressed.
        self._usual = {
            (is_public, is_large): lines(
                [
                    (b"content-type", b"application/json"),
                    *common.always,
                    SHARED if is_public else PRIVATE,
                    *([(b"vary", b"Accept-Encoding")] if is_large else ()),
                ]
            )
            for is_public in (True, False)
            for is_large in (True, False)
        }
        self._known: Bounded[_Known] = Bounded(MAX_ADDRESSES, LONGEST)
        self.in_flight = 0

    def begin(
        self, url: bytes, headers: Headers, asked: Asked
    ) -> Coroutine[Any, Any, Parts | Response] | None:
        """Return what makes the response to a GET, or None: go the normal way."""
        known = self._known.get(url)
        if known is None:
            return None
        actor: Actor | None = ANONYMOUS
        if asked.authorization is not None:
            actor = self._peek(asked.authorization, asked.ip)
        if actor is None:
            return None
        limits = ""
        if self._limits_here is not None:
            decision = self._limits_here.admit_now(actor, asked.ip)
            if decision is None:
                return None
            limits = decision.lines()
        return self._run(url, known, headers, actor, asked, limits)

    async def _run(
        self,
        url: bytes,
        known: _Known,
        headers: Headers,
        actor: Actor,
        asked: Asked,
        limits: str,
    ) -> Parts | Response:
        """Return the response; `limits` are lines of its head, if it was counted already."""
        started = time.perf_counter()
        request_id = self._rest.new_request_id()
        trace = context.new_trace()
        context.enter(request_id, trace, asked.ip)
        self.in_flight += 1
        request: RequestInfo | None = None
        try:
            if self._limits_elsewhere is not None:
                request = _request(known, headers, actor, asked, request_id)
                await self._limits_elsewhere.admit(request)
                limits = lines(request.limit_headers)
            result = await known.ask(actor)
            answer = result if isinstance(result, Answer) else Answer(data=result)
            own = f"x-request-id: {request_id}\r\n{limits}"
            parts, status, size = self._parts(url, known, answer, actor, asked, own, request_id)
        except Exception as failure:  # noqa: BLE001 - the edge tells it
            request = request or _request(known, headers, actor, asked, request_id)
            return self._rest.fail(request, started, failure)
        finally:
            self.in_flight -= 1
        if self._watch is not None:
            seconds = time.perf_counter() - started
            self._watch(
                Served(
                    "GET", known.route.path, known.path, status, seconds, size, request_id,
                    actor.user_id, asked.ip, actor.impersonator_id, context.id_of(trace),
                )
            )  # fmt: skip
        return parts

    def _parts(
        self,
        url: bytes,
        known: _Known,
        answer: Answer[Any],
        actor: Actor,
        asked: Asked,
        own: str,
        request_id: str,
    ) -> tuple[Parts, int, int]:
        """Return what `answer_to` does; `own` are lines of this request alone."""
        end = answer.data if isinstance(answer.data, bytes) else wire.encode(answer.data)
        known.turn_to(answer.page)
        meta = wire.finish_meta(request_id, known.place)
        begun = answer.beginning
        if begun is None:
            begun, end = Beginning(end), b""
        is_large = len(OPEN) + len(begun.data) + len(end) + len(meta) >= compression.MINIMUM
        etag = etag_of(answer)
        tag = f"etag: {etag}\r\n{known.link}" if etag else known.link
        same, place = self._usual[answer.is_public, is_large] + tag, known.place
        if answer.kept is not None and actor is ANONYMOUS:
            self._lane.keep(url, answer.kept, begun.data, same, place, known.path, known.route.path)
        return answer_to(asked, self._common, same + own, begun, end, meta)

    def remember(self, request: RequestInfo, response: Response) -> None:
        """Let the next request for the address of this plain one go straight to its route, if that
        allows it."""
        route, arguments = request.route, request.arguments
        if (
            route is None
            or arguments is None
            or not _is_straight(route)
            or not request.path.isprintable()
            or not _USUAL.issuperset(name for name, _ in response.headers)
        ):
            return
        wants_actor = arguments.pop("actor", None) is not None
        known = _Known(
            route, request.path, request.query_string, arguments, wants_actor=wants_actor
        )
        self._known.keep(url_of(request), known)


def _request(
    known: _Known, headers: Headers, actor: Actor, asked: Asked, request_id: str
) -> RequestInfo:
    """Return the request as the normal way would have it."""
    scope = {
        "method": "GET",
        "path": known.path,
        "query_string": known.query.encode("latin-1"),
        "headers": headers,
    }
    request = RequestInfo(scope, None, request_id, asked.ip)
    request.actor, request.route = actor, known.route
    return request


def _is_straight(route: Route) -> bool:
    """Whether nothing stands between the limits and the function of a route."""
    return (
        route.is_hot
        and route.access is PUBLIC
        and route.tx_type is Reader
        and route.bucket is None
        and route.shows is None
        and not route.own_pages_only
        and _WANTS.issuperset(route.wants)
    )
