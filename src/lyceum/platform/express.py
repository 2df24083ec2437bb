"""The express lane: public answers from the cache, written without a task or an ASGI cycle.

A plain GET without credentials, whose answer the normal way found to be public and cached, is
remembered by its address; while the cache still holds the very same bytes, the next one is answered
from them at once, with the same headers, limits, log line and metrics.
Not here: the normal way (`edge`, `http`), what is plain (`plain_requests`), writing to the
connection (`protocol`). A test holds both answers against each other.
"""

import time
from collections.abc import Callable
from typing import Final
from weakref import ReferenceType, ref

import msgspec

from lyceum.platform import compression, wire
from lyceum.platform.access import ANONYMOUS
from lyceum.platform.beginnings import OPEN, Beginning
from lyceum.platform.bounded import Bounded
from lyceum.platform.cache import ByteCache
from lyceum.platform.headers import CommonHeaders, lines
from lyceum.platform.http import RequestInfo, Response
from lyceum.platform.limits import Limits
from lyceum.platform.plain_requests import Asked
from lyceum.platform.watch import Served, Watch

MAX_ADDRESSES: Final = 4096
LONGEST: Final = 256
"""How many addresses are remembered, and of how many bytes: those of searches are longer."""
_OWN_HEADERS = frozenset((b"x-request-id", b"content-length", b"content-encoding"))
_OF_REQUESTS = (b"ratelimit-", b"access-control-")

Parts = tuple[bytes | memoryview, ...]
"""A response after its status line."""


class _Remembered(msgspec.Struct, frozen=True, gc=False):
    """What another way found out about an address; the cache keeps the beginning, beside the bytes
    of which it is the end or all."""

    key: str
    beginning: ReferenceType[Beginning]
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
        common: CommonHeaders,
        new_request_id: Callable[[], str],
    ) -> None:
        self._cache = cache
        self._limits = limits
        self._watch = watch
        self._common = common
        self._new_request_id = new_request_id
        self._known: Bounded[_Remembered] = Bounded(MAX_ADDRESSES, LONGEST)

    def answer(self, url: bytes, asked: Asked) -> Parts | None:
        """Return the parts of a response after its status line, or None: go the normal way."""
        known = self._known.get(url)
        if known is None or asked.authorization is not None:
            return None
        started = time.perf_counter()
        begun = known.beginning()
        if begun is None or self._cache.peek(known.key) is not begun.source:
            del self._known[url]
            return None
        limits = ""
        if self._limits is not None:
            decision = self._limits.admit_now(ANONYMOUS, asked.ip)
            if decision is None:
                return None
            limits = decision.lines()
        request_id = self._new_request_id()
        meta = wire.finish_meta(request_id, known.place)
        headers, body, size = answer_to(asked, self._common, known.headers, begun, b"", meta)
        head = f"{headers}x-request-id: {request_id}\r\n{limits}content-length: {size}\r\n\r\n"
        if self._watch is not None:
            seconds = time.perf_counter() - started
            self._watch(
                Served(
                    "GET", known.route, known.path, 200, seconds, size, request_id, None, asked.ip
                )
            )
        return head.encode("latin-1"), *body

    def remember(self, request: RequestInfo, response: Response) -> None:
        """Let the next request like this plain one take the lane, if its answer allows that."""
        if request.cached is None or request.route is None:
            return
        kept, data, page = request.cached
        same = [
            (name, value.removeprefix(b"W/") if name == b"etag" else value)
            for name, value in response.headers
            if name not in _OWN_HEADERS and not name.startswith(_OF_REQUESTS)
        ]
        self.keep(
            url_of(request), kept, data, lines(same), wire.meta_place(page), request.path,
            request.route.path,
        )  # fmt: skip

    def keep(
        self,
        url: bytes,
        kept: tuple[str, bytes],
        data: bytes | memoryview,
        headers: str,
        place: str,
        path: str,
        route: str,
    ) -> None:
        """Let the next request for `url` be answered by `data`, which is what the cache holds under
        a key, or the end of it; `headers` are the lines that do not change."""
        key, source = kept
        body = data if data is source else memoryview(source)[len(source) - len(data) :]
        begun = self._cache.beside(key, source, Beginning(body))
        self._known.keep(url, _Remembered(key, ref(begun), headers, place, path, route))


def answer_to(
    asked: Asked,
    common: CommonHeaders,
    headers: str,
    beginning: Beginning,
    end: bytes,
    meta: bytes,
) -> tuple[str, Parts, int]:
    """Return the lines of headers, the body and its size in bytes as a request asked for them;
    the data are `beginning`, which others share, and `end`."""
    begun = beginning.data
    body: Parts = OPEN, begun, end, meta
    size = len(OPEN) + len(begun) + len(end) + len(meta)
    if asked.coding is not None and size >= compression.MINIMUM:
        squeezed = beginning.squeeze(asked.coding, end + meta)
        headers, body, size = compression.mark(headers, asked.coding), (squeezed,), len(squeezed)
    if asked.origin is not None:
        headers += lines(common.to(asked.origin))
    return headers, body, size


def url_of(request: RequestInfo) -> bytes:
    """Return the address of a request as it was sent."""
    scope = request.scope
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path
