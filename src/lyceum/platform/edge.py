"""The ASGI edge before every route: one small piece in place of a stack of middlewares.

Request id, client address, authentication, shedding, rate limits, compression, and the report of
every request. Hot routes are answered here at once; every other route goes through Litestar's
router to the same `Endpoint`. Not here: what a route does (`http`), answers from the cache
(`express`), the common headers (`headers`).
"""

import asyncio
import contextlib
import itertools
import logging
import os
import re
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from lyceum.platform import compression, context, errors, streaming
from lyceum.platform.access import ANONYMOUS
from lyceum.platform.database import ConstraintBroken
from lyceum.platform.engines import Engines
from lyceum.platform.express import ExpressLane, Parts
from lyceum.platform.headers import PREFLIGHT, CommonHeaders, Headers
from lyceum.platform.hot_routes import HotRoutes
from lyceum.platform.http import Endpoint, RequestInfo, Response, problem
from lyceum.platform.identification import Authenticator, Identification
from lyceum.platform.known_reads import KnownReads
from lyceum.platform.passage import Passage
from lyceum.platform.plain_requests import PlainRequests
from lyceum.platform.record_reads import Witness
from lyceum.platform.watch import Served, Watch

log = logging.getLogger("lyceum.http")

MAX_URL = 8192
RECHECK_SECONDS = 1.0
"""How often it is asked whether somebody who listens to a stream still may."""
_ROUTED = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
Client = tuple[str, int] | None
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{8,64}")


class Edge:
    """The outermost ASGI application."""

    def __init__(
        self,
        inner: Any,
        hot: Sequence[Endpoint],
        engines: Engines,
        *,
        authenticator: Authenticator,
        watch: Watch | None,
        witness: Witness | None = None,
    ) -> None:
        settings = engines.settings
        self._inner = inner
        self._hot = HotRoutes(hot)
        self._identification = Identification(authenticator, settings)
        self._limits = engines.limits
        self.watch = watch
        """Who is told of every request."""
        self._witness = witness
        self._max_in_flight = settings.max_in_flight
        self._in_flight = 0
        self._plain = PlainRequests(settings, authenticator.cookie_name)
        self._prefix = os.urandom(6).hex()
        self._counter = itertools.count(1)
        self.stopping = asyncio.Event()
        """Set when the process is about to stop: what would go on by itself ends."""
        self._common = CommonHeaders(settings)
        self._lane = ExpressLane(
            engines.cache, engines.limits, watch, self._common, self.new_request_id
        )
        self._reads = KnownReads(
            self, self._identification.peek, self._lane, engines.limits, watch, self._common
        )

    def straight(
        self, url: bytes, headers: Headers, client: Client
    ) -> Parts | Coroutine[Any, Any, Parts | Response] | None:
        """Return the response to a GET if the express lane has it, or what makes it if its address
        is known; None: go the normal way."""
        if client is None or self._in_flight + self._reads.in_flight > self._max_in_flight:
            return None
        asked = self._plain.read(headers, client[0])
        if asked is None:
            return None
        return self._lane.answer(url, asked) or self._reads.begin(url, headers, asked)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        response = await self.answer(scope, receive, send)
        if response is not None:
            await _send(send, response, is_head=scope["method"] == "HEAD")

    async def answer(self, scope: Any, receive: Any, send: Any) -> Response | None:
        """Return the whole response to a request, or None when it has been sent with `send`."""
        started = time.perf_counter()
        headers = dict(scope["headers"])
        request = RequestInfo(scope, receive, self._request_id(headers), self._address(scope))
        trace = context.trace_of(headers.get(b"traceparent"))
        context.enter(request.request_id, trace, request.ip)
        self._in_flight += 1
        passage = Passage(request, self._common, headers.get(b"origin"), send)
        try:
            response = await self._respond(request, headers, passage)
        finally:
            self._in_flight -= 1
        if response is None:
            status, size = passage.status, passage.size
        else:
            self._complete(request, headers, response)
            is_read = request.method == "GET" and response.status == 200
            if is_read and self._plain.are_plain(headers):
                self._lane.remember(request, response)
                self._reads.remember(request, response)
            status, size = response.status, len(response.body)
            if request.shown is not None and status < 400 and self._witness is not None:
                self._witness(request, request.shown)
            if response.chunks is not None and status != 304:
                begun = time.perf_counter()
                size = await self._stream(request, headers, response, send)
                if streaming.is_events(response):
                    started += time.perf_counter() - begun  # listening is not waiting
                response = None
        if self.watch is not None:
            self._report(self.watch, request, status, time.perf_counter() - started, size)
        return response

    async def _respond(
        self, request: RequestInfo, headers: dict[bytes, bytes], passage: Passage
    ) -> Response | None:
        """Return the response, or None when the inner application has sent its own."""
        try:
            if request.method == "OPTIONS" and b"access-control-request-method" in headers:
                return Response(204, list(PREFLIGHT), b"")
            await self._admit(request, headers)
            endpoint = self._hot.find(request)
            if endpoint is not None:
                return await endpoint.respond(request)
            scope = request.scope
            if request.method not in _ROUTED:
                # The endpoint sees the method as it is: HEAD, or one to answer 405 to.
                scope = {**scope, "method": "GET"}
            scope["lyceum.request"] = request
            await self._inner(scope, request.receive, passage.send)
            if request.failure is not None:
                raise request.failure
            return request.response
        except Exception as failure:  # noqa: BLE001 - everything is answered
            return _tell(failure, request)

    def fail(self, request: RequestInfo, started: float, failure: Exception) -> Response:
        """Return the whole response that tells the failure of a known read, and report it."""
        response = _tell(failure, request)
        self._complete(request, dict(request.scope["headers"]), response)
        if self.watch is not None:
            seconds, size = time.perf_counter() - started, len(response.body)
            self._report(self.watch, request, response.status, seconds, size)
        return response

    async def _admit(self, request: RequestInfo, headers: dict[bytes, bytes]) -> None:
        """Say who is asking, and raise the fact for which they are not let in now."""
        if self._in_flight + self._reads.in_flight > self._max_in_flight:
            raise errors.ServiceUnavailable("Too many requests at once.", retry_after=1)
        if len(request.path) + len(request.scope["query_string"]) > MAX_URL:
            raise errors.UriTooLong
        await self._identification.identify(request, headers)
        if self._limits is not None:
            await self._limits.admit(request)

    async def _stream(
        self, request: RequestInfo, headers: dict[bytes, bytes], response: Response, send: Any
    ) -> int:
        """Send a response whose body comes in chunks; return how many bytes that were."""
        chunks: Any = streaming.nothing() if request.method == "HEAD" else response.chunks
        if not streaming.is_events(response):
            return await streaming.pump(response, chunks, request.receive, send)
        ends = self.stopping.wait(), self._until_another(request, headers)
        return await streaming.pump(response, chunks, request.receive, send, *ends)

    async def _until_another(self, request: RequestInfo, headers: dict[bytes, bytes]) -> None:
        """Return when whoever sent the request is not, or may not do, what they were and might."""
        known = request.actor
        while known != ANONYMOUS and request.denial is None and request.actor == known:
            await asyncio.sleep(RECHECK_SECONDS)
            with contextlib.suppress(errors.Fact):
                await self._identification.identify(request, headers)
        if known == ANONYMOUS:
            await self.stopping.wait()

    def _request_id(self, headers: dict[bytes, bytes]) -> str:
        given = headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given.decode()
        return self.new_request_id()

    def new_request_id(self) -> str:
        """Return an id that no other request has."""
        return f"{self._prefix}{next(self._counter):08x}"

    def _address(self, scope: Any) -> str:
        client = scope.get("client")
        if client is None:
            return "local"
        forwarded = (v for name, v in scope["headers"] if name == b"x-forwarded-for")
        return self._plain.address(str(client[0]), next(forwarded, None))

    def _complete(
        self, request: RequestInfo, headers: dict[bytes, bytes], response: Response
    ) -> None:
        """Add the common headers, and compress where the client can take it."""
        ours = response.headers
        given = {name for name, _ in ours} - {b"vary"}  # of that there may be several
        common = self._common.of(request.request_id, request.limit_headers, headers.get(b"origin"))
        ours += [pair for pair in common if pair[0] not in given]
        if response.chunks is not None:
            return
        response.body = compression.compress(
            response.body, ours, headers.get(b"accept-encoding", b"")
        )
        if response.status not in (204, 304):
            ours.append((b"content-length", str(len(response.body)).encode()))

    @staticmethod
    def _report(watch: Watch, request: RequestInfo, status: int, seconds: float, size: int) -> None:
        watch(
            Served(
                request.method,
                request.route.path if request.route else "unknown",
                request.path,
                status,
                seconds,
                size,
                request.request_id,
                request.actor.user_id,
                request.ip,
                request.actor.impersonator_id,
                context.id_of(context.current().trace),
            )
        )


def _tell(failure: Exception, request: RequestInfo) -> Response:
    """Return the problem document of what was raised; what nobody meant to raise is logged."""
    if isinstance(failure, errors.Fact):
        return problem(failure, request)
    if isinstance(failure, ConstraintBroken):
        log.warning("constraint %s had no fact of its own", failure.constraint)
        return problem(errors.Conflict("This contradicts what is stored."), request)
    log.error("unhandled error in %s %s", request.method, request.path, exc_info=failure)
    return problem(errors.InternalError(), request)


async def _send(send: Any, response: Response, *, is_head: bool) -> None:
    await send(
        {"type": "http.response.start", "status": response.status, "headers": response.headers}
    )
    await send({"type": "http.response.body", "body": b"" if is_head else response.body})
