"""The express lane: public answers from the cache, written without a task or an ASGI cycle.

A GET without credentials, conditions or codings, whose answer the normal way found to be public
and cached, is remembered by its address; while the cache still holds the very same bytes, the
next one is answered from them at once, with the same headers, limits, log line and metrics.
Not here: the normal way (`edge`, `http`), writing to the connection (`protocol`). A test holds
both answers against each other.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection

import msgspec

from lyceum.platform import wire
from lyceum.platform.cache import ByteCache
from lyceum.platform.headers import Headers
from lyceum.platform.http import RequestInfo, Response
from lyceum.platform.limits import Limits
from lyceum.platform.watch import Served, Watch
from lyceum.platform.wire import PageInfo

MAX_ADDRESSES = 4096
PLAIN_HEADERS = frozenset((b"host", b"user-agent", b"accept", b"connection", b"accept-language"))
"""Request headers that do not change a public answer; any other one takes the normal way."""
_OWN_HEADERS = (b"x-request-id", b"content-length")


class _Remembered(msgspec.Struct, frozen=True, gc=False):
    """What the normal way found out about an address."""

    key: str
    body: bytes
    headers: bytes
    page: PageInfo | None
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
        self._known: OrderedDict[bytes, _Remembered] = OrderedDict()

    def answer(self, url: bytes, headers: Headers, ip: str) -> list[bytes] | None:
        """Return the parts of a response after its status line, or None: go the normal way."""
        known = self._known.get(url)
        if known is None:
            return None
        started = time.perf_counter()
        if self._cache.peek(known.key) is not known.body:
            del self._known[url]
            return None
        for name, _ in headers:
            if name not in PLAIN_HEADERS:
                return None
        if ip in self._proxies:
            return None
        limits: Headers | None = []
        if self._limits is not None:
            limits = self._limits.admit_guest_now(ip)
        if limits is None:
            return None
        request_id = self._new_request_id()
        meta = wire.encode_meta(request_id, known.page)
        size = len(known.body) + len(meta) + 8
        parts = [known.headers, b"x-request-id: ", request_id.encode(), b"\r\n"]
        for name, value in limits:
            parts += (name, b": ", value, b"\r\n")
        parts += (b"content-length: %d\r\n\r\n" % size, b'{"data":', known.body, meta)
        if self._watch is not None:
            path = url.partition(b"?")[0].decode("latin-1")
            seconds = time.perf_counter() - started
            self._watch(Served("GET", known.route, path, 200, seconds, size, request_id, None, ip))
        return parts

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
        key, body, page = request.cached
        lines = [
            name + b": " + value + b"\r\n"
            for name, value in response.headers
            if name not in _OWN_HEADERS and not name.startswith(b"ratelimit-")
        ]
        scope = request.scope
        query = scope["query_string"]
        url = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
        self._known[url] = _Remembered(key, body, b"".join(lines), page, request.route.path)
        if len(self._known) > MAX_ADDRESSES:
            self._known.popitem(last=False)
