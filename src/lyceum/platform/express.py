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
from lyceum.platform.headers import CommonHeaders, lines, matches
from lyceum.platform.http import RequestInfo, Response
from lyceum.platform.limits import Limits
from lyceum.platform.plain_requests import Asked
from lyceum.platform.watch import Served, Watch

MAX_ADDRESSES: Final = 4096
LONGEST: Final = 256
"""How many addresses are remembered, and of how many bytes: those of searches are longer."""
_OWN_HEADERS = frozenset((b"x-request-id", b"content-length", b"content-encoding"))
_OF_REQUESTS = (b"ratelimit-", b"access-control-")

_OK: Final = b"HTTP/1.1 200 OK\r\n"
_NOT_MODIFIED: Final = b"HTTP/1.1 304 Not Modified\r\n"

Parts = tuple[bytes | memoryview, ...]
"""A response: the status line, then what comes after the server's own headers."""


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
        """Return the parts of a response, or None: go the normal way."""
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
        own = f"x-request-id: {request_id}\r\n{limits}"
        same = known.headers + own
        parts, status, size = answer_to(asked, self._common, same, begun, b"", meta)
        if self._watch is not None:
            seconds = time.perf_counter() - started
            self._watch(
                Served(
                    "GET", known.route, known.path, status, seconds, size, request_id, None,
                    asked.ip,
                )
            )  # fmt: skip
        return parts

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
) -> tuple[Parts, int, int]:
    """Return the response, its status and the size of its body in bytes as a request asked for it;
    `headers` are lines, the data are `beginning`, which others share, and `end`."""
    if asked.origin is not None:
        headers += lines(common.to(asked.origin))
    if asked.known_tags is not None and _are_known(asked.known_tags, headers):
        return (_NOT_MODIFIED, f"{headers}\r\n".encode("latin-1")), 304, 0
    begun = beginning.data
    body: Parts = OPEN, begun, end, meta
    size = len(OPEN) + len(begun) + len(end) + len(meta)
    if asked.coding is not None and size >= compression.MINIMUM:
        squeezed = beginning.squeeze(asked.coding, end + meta)
        headers, body, size = compression.mark(headers, asked.coding), (squeezed,), len(squeezed)
    head = f"{headers}content-length: {size}\r\n\r\n".encode("latin-1")
    return (_OK, head, *body), 200, size


def _are_known(tags: bytes, headers: str) -> bool:
    """Return whether a client has the answer with these headers, by the tags it names."""
    _, name, rest = headers.partition("\r\netag: ")
    return bool(name) and matches(tags.decode("latin-1"), rest.partition("\r\n")[0])


def url_of(request: RequestInfo) -> bytes:
    """Return the address of a request as it was sent."""
    scope = request.scope
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path
