"""The express lane: public answers from the cache, written without a task or an ASGI cycle.

A GET without credentials, conditions or codings, whose answer the normal way found to be public
and cached, is remembered by its address; while the cache still holds the very same bytes, the
next one is answered from them at once, with the same headers, limits, log line and metrics.
Not here: the normal way (`edge`, `http`), writing to the connection (`protocol`). A test holds
both answers against each other.
"""

import time
from collections.abc import Callable, Collection

import msgspec

from lyceum.platform import wire
from lyceum.platform.access import ANONYMOUS
from lyceum.platform.bounded import Bounded
from lyceum.platform.cache import ByteCache
from lyceum.platform.headers import Headers
from lyceum.platform.http import RequestInfo, Response
from lyceum.platform.limits import Limits
from lyceum.platform.watch import Served, Watch

MAX_ADDRESSES = 4096
PLAIN_HEADERS = frozenset((b"host", b"user-agent", b"accept", b"connection", b"accept-language"))
"""Request headers that do not change a public answer; any other one takes the normal way."""
_OWN_HEADERS = (b"x-request-id", b"content-length")

Parts = tuple[bytes | memoryview, ...]
"""A response after its status line; the last two are the data and what follows."""


class _Remembered(msgspec.Struct, frozen=True, gc=False):
    """What another way found out about an address; `body` is `kept`, or the end of it."""

    key: str
    kept: bytes
    body: bytes | memoryview
    headers: str
    place: str
    path: str
    route: str


class ExpressLane:
    """The addresses that may take the lane, the least recently added forgotten first."""

    def __init__(
        self,
        cache: ByteCache,
        limits: Limits | None,
        watch: Watch | None,
        proxies: Collection[str],
        new_request_id: Callable[[], str],
    ) -> None:
        self._cache = cache
        self._limits = limits
        self._watch = watch
        self._proxies = proxies
        self._new_request_id = new_request_id
        self._known: Bounded[_Remembered] = Bounded(MAX_ADDRESSES)

    def answer(self, url: bytes, headers: Headers, ip: str) -> Parts | None:
        """Return the parts of a response after its status line, or None: go the normal way."""
        known = self._known.get(url)
        if known is None:
            return None
        started = time.perf_counter()
        if self._cache.peek(known.key) is not known.kept:
            del self._known[url]
            return None
        for name, _ in headers:
            if name not in PLAIN_HEADERS:
                return None
        if ip in self._proxies:
            return None
        limits = ""
        if self._limits is not None:
            decision = self._limits.admit_now(ANONYMOUS, ip)
            if decision is None:
                return None
            limits = decision.lines()
        request_id = self._new_request_id()
        meta = wire.finish_meta(request_id, known.place)
        size = len(known.body) + len(meta) + 8
        head = (
            f"{known.headers}x-request-id: {request_id}\r\n{limits}"
            f'content-length: {size}\r\n\r\n{{"data":'
        )
        if self._watch is not None:
            seconds = time.perf_counter() - started
            self._watch(
                Served("GET", known.route, known.path, 200, seconds, size, request_id, None, ip)
            )
        return head.encode("latin-1"), known.body, meta

    def remember(self, request: RequestInfo, asked: Collection[bytes], response: Response) -> None:
        """Let the next request like this one take the lane, if its answer allows that."""
        if (
            request.cached is None
            or request.route is None
            or response.status != 200
            or request.method != "GET"
            or not PLAIN_HEADERS.issuperset(asked)
        ):
            return
        kept, data, page = request.cached
        lines = [
            f"{name.decode('latin-1')}: {value.decode('latin-1')}\r\n"
            for name, value in response.headers
            if name not in _OWN_HEADERS and not name.startswith(b"ratelimit-")
        ]
        self.keep(
            url_of(request), kept, data, "".join(lines), wire.meta_place(page), request.path,
            request.route.path,
        )  # fmt: skip

    def keep(
        self,
        url: bytes,
        kept: tuple[str, bytes],
        data: bytes,
        headers: str,
        place: str,
        path: str,
        route: str,
    ) -> None:
        """Let the next request for `url` be answered by `data`, which is what the cache holds under
        a key, or the end of it; `headers` are the lines that do not change."""
        key, source = kept
        body = data if data is source else memoryview(source)[len(source) - len(data) :]
        self._known.keep(url, _Remembered(key, source, body, headers, place, path, route))


def url_of(request: RequestInfo) -> bytes:
    """Return the address of a request as it was sent."""
    scope = request.scope
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path
