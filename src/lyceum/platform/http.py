"""Running a route: from a request to a response, by the rules of the HTTP conventions.

One place for authentication, decoding, preconditions, idempotency, the envelope and problems.
Not here: what stands before every route (`edge`), declaring routes (`routing`).
"""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec

from lyceum.platform import compression, errors, idempotency, paging, wire
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.admission import admit
from lyceum.platform.database import SoleWriter, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.headers import matches
from lyceum.platform.record_reads import Shown, find_shown
from lyceum.platform.routing import Route
from lyceum.platform.wire import Answer, Content, PageInfo

JSON = b"application/json"
PRIVATE = (b"cache-control", b"private, no-store")
SHARED = (b"cache-control", b"public, no-cache")


class Response(msgspec.Struct):
    """What goes back: the edge adds the headers that every response has."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    chunks: AsyncIterable[bytes] | None = None


class RequestInfo:
    """One request, as the doors see it."""

    __slots__ = (
        "_headers", "actor", "arguments", "cached", "denial", "failure", "ip", "is_foreign",
        "limit_headers", "method", "path", "path_values", "receive", "request_id", "response",
        "route", "scope", "shown",
    )  # fmt: skip

    def __init__(self, scope: Any, receive: Any, request_id: str, ip: str) -> None:
        self.scope = scope
        self.receive = receive
        self.request_id = request_id
        self.ip = ip
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.actor: Actor = ANONYMOUS
        self.denial: errors.Fact | None = None
        self.is_foreign = False
        self.route: Route | None = None
        self.path_values: tuple[str, ...] = ()
        self.response: Response | None = None
        self.shown: Shown | None = None
        self.failure: Exception | None = None
        self.cached: tuple[tuple[str, bytes], bytes, PageInfo | None] | None = None
        self.arguments: dict[str, Any] | None = None
        self.limit_headers: list[tuple[bytes, bytes]] = []
        self._headers: dict[bytes, bytes] | None = None

    def header(self, name: bytes) -> str | None:
        """Return a header by its lower-case name; of repeated ones the last."""
        if self._headers is None:
            self._headers = dict(self.scope["headers"])
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def query_string(self) -> str:
        """The raw query."""
        return cast(bytes, self.scope["query_string"]).decode("latin-1")

    async def stream(self, limit: int) -> AsyncIterator[bytes]:
        """Yield the body; PayloadTooLarge above `limit` bytes, before they are read if declared."""
        declared = self.header(b"content-length")
        if declared is not None and (not declared.isdigit() or int(declared) > limit):
            raise _too_large(limit)
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise errors.InvalidFormat("The connection closed before the body was complete.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return

    async def body(self, limit: int) -> bytes:
        """Return the whole body, at most `limit` bytes."""
        return b"".join([chunk async for chunk in self.stream(limit)])


def _too_large(limit: int) -> errors.Fact:
    return errors.PayloadTooLarge(f"At most {limit} bytes, please.", limit=limit)


class Endpoint:
    """A route made ready to run: its decoders are built once."""

    def __init__(self, route: Route, engines: Engines) -> None:
        self.route = route
        self.engines = engines
        self._decoder = (
            msgspec.json.Decoder(route.body_type) if route.body_type is not None else None
        )
        self._query_names = (
            frozenset(f.encode_name for f in msgspec.structs.fields(route.query_type))
            if route.query_type
            else frozenset()
        )

    async def respond(self, request: RequestInfo) -> Response:
        """Answer a request; a Fact becomes its problem document, whatever else passes through."""
        request.route = self.route
        try:
            return await self._answer(request)
        except errors.Fact as fact:
            return problem(fact, request)

    async def _answer(self, request: RequestInfo) -> Response:
        route = self.route
        admit(route, request)
        if route.bucket is not None and self.engines.limits is not None:
            await self.engines.limits.admit_to(route.bucket, request)
        arguments = self._arguments(request)
        body = b""
        if self._decoder is not None:
            body = await self._body(request)
            arguments["data"] = wire.decode_body(body, self._decoder)
        if route.tx_type is None:
            return self._render(request, await route.function(**arguments))
        database = self.engines.database
        if route.tx_type is Writer:
            async with database.transaction() as tx:
                return await self._once(tx, request, arguments, body)
        arguments["tx"] = (
            database.sole_writer() if route.tx_type is SoleWriter else database.reader()
        )
        request.arguments = arguments
        return self._render(request, await route.function(**arguments))

    async def _once(
        self, tx: Writer, request: RequestInfo, arguments: dict[str, Any], body: bytes
    ) -> Response:
        """Run in `tx`, or replay what an earlier request with the same Idempotency-Key got."""
        arguments["tx"] = tx
        key = request.header(b"idempotency-key") if self.route.is_idempotent_post else None
        if key is None:
            return self._render(request, await self.route.function(**arguments))
        claim = idempotency.Claim.of(
            request.actor, request.ip, f"{self.route.method} {request.path}", key, body
        )
        stored = await idempotency.find_response(tx, claim)
        if stored is not None:
            headers = msgspec.json.decode(stored.headers, type=list[tuple[str, str]])
            replayed = [(name.encode(), value.encode()) for name, value in headers]
            replayed.append((b"idempotency-replayed", b"true"))
            return Response(stored.status, replayed, stored.body)
        response = self._render(request, await self.route.function(**arguments))
        await idempotency.keep_response(tx, claim, response.status, response.headers, response.body)
        return response

    def _arguments(self, request: RequestInfo) -> dict[str, Any]:
        route = self.route
        arguments: dict[str, Any] = {}
        if route.path_type is not None:
            values = dict(zip(route.path_names, request.path_values, strict=True))
            if any("\x00" in value for value in request.path_values):
                raise errors.NotFound
            parsed = wire.decode_parameters(values, route.path_type, "/path")
            for name in route.path_names:
                arguments[name] = getattr(parsed, name)
        if route.query_type is not None:
            values = self._query_values(request)
            arguments["query"] = wire.decode_parameters(values, route.query_type, "/query")
        wants = route.wants
        if "actor" in wants:
            arguments["actor"] = request.actor
        if "request" in wants:
            arguments["request"] = request
        if "engines" in wants:
            arguments["engines"] = self.engines
        if "if_match" in wants:
            arguments["if_match"] = self._if_match(request)
        return arguments

    def _query_values(self, request: RequestInfo) -> dict[str, str]:
        raw = request.query_string
        if not raw:
            return {}
        try:
            pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=50)
        except ValueError as problem:
            raise errors.InvalidFormat("The query string cannot be read.") from problem
        values = dict(pairs)
        if len(values) != len(pairs):
            raise errors.ValidationFailed(
                "", errors.FieldError("/query", "A parameter appears twice")
            )
        for name, value in pairs:
            if name not in self._query_names:
                known = errors.FieldError(f"/query/{name[:64]}", "This parameter is not known here")
                raise errors.ValidationFailed("", known)
            if "\x00" in value:
                raise errors.ValidationFailed(
                    "", errors.FieldError(f"/query/{name}", "NUL is not allowed")
                )
        return values

    def _if_match(self, request: RequestInfo) -> int | None:
        given = request.header(b"if-match")
        if given is None or given.strip() == "*":
            if self.route.needs_if_match and given is None:
                raise errors.PreconditionRequired
            return None
        version = given.strip().removeprefix("W/").removeprefix('"v').strip('"').split("-")[0]
        if not version.isdigit() or len(version) > 9:
            raise errors.PreconditionFailed
        return int(version)

    async def _body(self, request: RequestInfo) -> bytes:
        declared = (request.header(b"content-type") or "").split(";")[0].strip().lower()
        if declared != "application/json" and not declared.endswith("+json"):
            raise errors.UnsupportedMediaType("Send application/json.")
        return await request.body(self.route.max_body)

    def _render(self, request: RequestInfo, result: Any) -> Response:
        if self.route.shows is not None:
            names = self.route.path_names
            request.shown = find_shown(self.route.shows, request, names, result)
        if isinstance(result, Content):
            headers = [(b"content-type", result.media_type.encode())]
            _cache_headers(headers, result.etag, is_public=result.is_public)
            response = _finish(request, headers, result.headers, result.status, result.body)
            response.chunks = result.chunks
            return response
        answer: Answer[Any] = result if isinstance(result, Answer) else Answer(data=result)
        status = answer.status or self.route.status
        if result is None or status == 204:
            return _finish(request, [PRIVATE], answer.headers, 204, b"")
        headers = [(b"content-type", JSON)]
        _cache_headers(headers, etag_of(answer), is_public=answer.is_public)
        if answer.location:
            headers.append((b"location", answer.location.encode()))
        if answer.page is not None:
            query = dict(parse_qsl(request.query_string))
            link = paging.link_header(request.path, query, answer.page)
            if link:
                headers.append((b"link", link.encode("latin-1", "replace")))
        if answer.kept is not None and answer.is_public and isinstance(answer.data, bytes):
            request.cached = (answer.kept, answer.data, answer.page)
        body = wire.encode_success(answer.data, request.request_id, answer.page, answer.beginning)
        return _finish(request, headers, answer.headers, status, body)


def etag_of(answer: Answer[Any]) -> str | None:
    """Return the strong ETag of an answer: its version, or that of content without one."""
    return f'"v{answer.version}"' if answer.version is not None else answer.etag


def _cache_headers(
    headers: list[tuple[bytes, bytes]], etag: str | None, *, is_public: bool
) -> None:
    headers.append(SHARED if is_public else PRIVATE)
    if etag is not None:
        headers.append((b"etag", etag.encode()))


def _finish(
    request: RequestInfo,
    headers: list[tuple[bytes, bytes]],
    more: tuple[tuple[str, str], ...],
    status: int,
    body: bytes,
) -> Response:
    headers.extend((name.encode(), value.encode("latin-1", "replace")) for name, value in more)
    if status == 200 and request.method in ("GET", "HEAD"):
        known = request.header(b"if-none-match")
        etag = next((value for name, value in headers if name == b"etag"), None)
        if known is not None and etag is not None and matches(known, etag.decode()):
            return Response(304, headers + compression.vary(body, headers), b"")
    return Response(status, headers, body)


def problem(fact: errors.Fact, request: RequestInfo) -> Response:
    """Return the response that tells `fact`."""
    headers = [(b"content-type", b"application/problem+json"), PRIVATE]
    headers.extend((name.encode(), value.encode()) for name, value in fact.headers)
    body = wire.encode_problem(fact, request.path, request.request_id)
    return Response(fact.status, headers, body)
