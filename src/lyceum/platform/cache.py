"""A cache of bytes in the process, invalidated by tag.

An entry is valid while the generations of its tags are those it was filled under, so invalidating a
tag is O(1). A writer blocks its tags before it commits and releases them after; both move the
generation, so bytes read before either are never stored after it.
Event loop only, not threads. Not here: Redis as a second level (`cache_redis`), and whoever listens
for the invalidations of other processes (it calls `on_remote_invalidation`, `pause`, `resume`), and
objects (`value_cache`).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, TypeVar, cast
from weakref import WeakValueDictionary

import msgspec

from lyceum.platform.clock import monotonic

T = TypeVar("T")

Fill = Callable[[], Awaitable[bytes]]
Read = Callable[[], Awaitable[tuple[bytes, float]]]
Clock = Callable[[], float]

# What an entry costs beside its key and body: the entry, its stamps, its place in two tables.
_OVERHEAD = 400
# One body may take this share of a cache, so that one list cannot push out everything.
_LARGEST_SHARE = 8


def jittered(key: str, ttl: float) -> float:
    """Return `ttl` ± 10 %, by the key, so that what was filled together does not end together."""
    return ttl * (0.9 + (hash(key) & 0xFFFF) / 0xFFFF * 0.2)


class CacheStats(msgspec.Struct, frozen=True):
    """Counters since the start of the process; `entries` and `size` (bytes) are of now."""

    hits: int
    misses: int
    evictions: int
    entries: int
    size: int


class Invalidations(Protocol):
    """What a cache offers to transactions, so that nobody reads from it what a commit changes."""

    async def block(self, tags: tuple[str, ...]) -> None:
        """Invalidate `tags` and store nothing under them until `release`; call before a commit."""

    async def release(self, tags: tuple[str, ...]) -> None:
        """End one `block` of `tags`, after commit or rollback alike."""


class ByteCache(Invalidations, Protocol):
    """What a domain may ask of a cache, whichever engine is behind it."""

    healthy: bool
    """Whether the engine does all it is there for; for /ready."""

    def peek(self, key: str) -> bytes | None:
        """Return the body if this process holds it, without waiting; a miss is not counted."""

    def peek_made(self, key: str, make: Callable[[bytes], T]) -> T | None:
        """As `peek`, but return what `make` makes of the body, which is made once and counted for
        as much again; a key has one `make`."""

    async def get_or_fill(self, key: str, tags: tuple[str, ...], ttl: float, fill: Fill) -> bytes:
        """Return the body of `key`, calling `fill` if nobody has it; `ttl` in seconds, ± 10 %.

        Callers of one key at one time share one `fill`, and its error. Never raises by itself.
        """

    def on_remote_invalidation(self, tags: Iterable[str]) -> None:
        """Forget what is kept under `tags`, because another process said so."""

    def stats(self) -> CacheStats:
        """Return the counters of this process."""


class _Tag:
    """The state of one tag; it lives while an entry, a flight or a writer refers to it."""

    __slots__ = ("__weakref__", "blockers", "generation")

    def __init__(self) -> None:
        self.generation = 0
        self.blockers = 0


_Stamps = tuple[tuple[_Tag, int], ...]


class _Entry:
    __slots__ = ("body", "expires", "made", "size", "stamps")

    def __init__(self, body: bytes, expires: float, size: int, stamps: _Stamps) -> None:
        self.body = body
        self.expires = expires
        self.size = size
        self.stamps = stamps
        self.made: Any = None


class _Flight:
    """One `fill` under way and those who wait for it."""

    __slots__ = ("stamps", "waiters")

    def __init__(self, stamps: _Stamps) -> None:
        self.stamps = stamps
        self.waiters: list[asyncio.Future[bytes | None]] = []

    def land(self, body: bytes | None, fault: BaseException | None = None) -> None:
        """Tell everyone who waits; None means: try again yourself."""
        for waiter in self.waiters:
            if waiter.done():
                continue
            if isinstance(fault, Exception):
                waiter.set_exception(fault)
            else:
                waiter.set_result(body)


def _is_current(stamps: _Stamps) -> bool:
    return all(tag.generation == generation for tag, generation in stamps)


class ProcessCache:
    """A cache of bytes in this process, least recently used out first."""

    def __init__(self, max_bytes: int = 64 << 20, *, clock: Clock = monotonic) -> None:
        self.healthy = True
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._flights: dict[str, _Flight] = {}
        self._tags: WeakValueDictionary[str, _Tag] = WeakValueDictionary()
        self._blocked: dict[str, _Tag] = {}
        self._everything = _Tag()  # every entry carries it: `clear` and `pause` act on it
        self._size = self._hits = self._misses = self._evictions = 0

    def peek(self, key: str) -> bytes | None:
        """Return the body if it is here and valid; does not count a miss."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        for tag, generation in entry.stamps:
            if tag.generation != generation:
                self._drop(key)
                return None
        if entry.expires <= self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        self._hits += 1
        return entry.body

    def peek_made(self, key: str, make: Callable[[bytes], T]) -> T | None:
        """As `peek`, but return what `make` makes of the body; made once for an entry."""
        body = self.peek(key)
        if body is None:
            return None
        entry = self._entries[key]
        if entry.made is None:
            entry.made = make(body)
            self._grow(entry, len(body))
        return cast(T, entry.made)

    async def get_or_fill(self, key: str, tags: tuple[str, ...], ttl: float, fill: Fill) -> bytes:
        """Return the body of `key`, calling `fill` once for all who ask; `ttl` in seconds, ± 10 %.

        `fill` runs in the task of the first who asked, so it may use that request's connection. If
        that task is cancelled the next in line fills; if `fill` raises, all who wait see the error.
        """

        async def read() -> tuple[bytes, float]:
            return await fill(), jittered(key, ttl)

        return await self.load(key, tags, read)

    async def load(self, key: str, tags: tuple[str, ...], read: Read) -> bytes:
        """As `get_or_fill`, for a `read` that says itself how many seconds to keep (0: not)."""
        while True:
            body = self.peek(key)
            if body is not None:
                return body
            self._misses += 1
            flight = self._flights.get(key)
            # A flight from before an invalidation would answer with what was true before it.
            if flight is None or not _is_current(flight.stamps):
                return await self._lead(key, tags, read)
            waiter: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
            flight.waiters.append(waiter)
            body = await waiter
            if body is not None:
                return body

    async def _lead(self, key: str, tags: tuple[str, ...], read: Read) -> bytes:
        flight = self._flights[key] = _Flight(self._stamp(tags))
        try:
            body, keep = await read()
        except BaseException as fault:
            self._land(key, flight)
            flight.land(None, fault)
            raise
        self._land(key, flight)
        self._store(key, body, keep, flight.stamps)
        flight.land(body)
        return body

    def _land(self, key: str, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def block(self, tags: tuple[str, ...]) -> None:
        """Invalidate `tags` and store nothing under them until `release`; never waits."""
        for name in tags:
            tag = self._blocked[name] = self._tag(name)
            tag.generation += 1
            tag.blockers += 1

    async def release(self, tags: tuple[str, ...]) -> None:
        """End one `block` of `tags` and invalidate what was read under it; never waits."""
        for name in tags:
            tag = self._blocked.get(name)
            if tag is None:
                continue
            tag.generation += 1
            tag.blockers -= 1
            if tag.blockers == 0:
                del self._blocked[name]

    def on_remote_invalidation(self, tags: Iterable[str]) -> None:
        """Forget what is kept or being read under `tags`."""
        for name in tags:
            tag = self._tags.get(name)
            if tag is not None:
                tag.generation += 1

    def clear(self) -> None:
        """Forget everything, and what is being read now."""
        self._everything.generation += 1
        self._entries.clear()
        self._size = 0

    def pause(self) -> None:
        """Forget everything and keep nothing until `resume`: nobody hears of invalidations."""
        self.clear()
        self._everything.blockers = 1

    def resume(self) -> None:
        """Keep again, from nothing."""
        self._everything.blockers = 0
        self.clear()

    def stats(self) -> CacheStats:
        """Return the counters of this process."""
        return CacheStats(self._hits, self._misses, self._evictions, len(self._entries), self._size)

    def _tag(self, name: str) -> _Tag:
        tag = self._tags.get(name)
        if tag is None:
            tag = self._tags[name] = _Tag()
        return tag

    def _stamp(self, tags: tuple[str, ...]) -> _Stamps:
        found = (self._everything, *map(self._tag, tags))
        return tuple((tag, tag.generation) for tag in found)

    def _store(self, key: str, body: bytes, keep: float, stamps: _Stamps) -> None:
        if keep <= 0 or not _is_current(stamps) or any(tag.blockers for tag, _ in stamps):
            return
        size = len(body) + len(key) + _OVERHEAD
        if size > self._max_bytes // _LARGEST_SHARE:
            return
        self._drop(key)
        entry = self._entries[key] = _Entry(body, self._clock() + keep, 0, stamps)
        self._grow(entry, size)

    def _grow(self, entry: _Entry, by: int) -> None:
        entry.size += by
        self._size += by
        while self._size > self._max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._size -= oldest.size
            self._evictions += 1

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= entry.size
