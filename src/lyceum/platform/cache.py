"""A cache of bytes in the process, invalidated by tag.

An entry is valid while the generations of its tags are those it was filled under, so invalidating a
tag is O(1). A writer blocks its tags before it commits and releases them after; both move the
generation, so bytes read before either are never stored after it.
Event loop only, not threads. Not here: what is held and in which form (`cache_tiers`), Redis as a
second level (`cache_redis`), whoever listens for the invalidations of other processes (it calls
`on_remote_invalidation`, `pause`, `resume`), and objects (`value_cache`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar, cast
from weakref import WeakValueDictionary

import msgspec

from lyceum.platform.cache_tiers import OVERHEAD, Entry, Stamps, Tag, Tiers, is_current
from lyceum.platform.clock import monotonic

T = TypeVar("T")

Fill = Callable[[], Awaitable[bytes]]
Read = Callable[[], Awaitable[tuple[bytes, float]]]
Clock = Callable[[], float]

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
        """As `peek`, but return what `make` makes of the body, once until that is packed; it may
        look into the body, and is counted for a quarter of it. A key has one `make`."""

    def beside(self, key: str, body: bytes, thing: T) -> T:
        """Keep `thing` for as long as `body` is held under `key` as it is, counted for a quarter of
        it, and return what is kept beside that body already, if anything is."""

    async def get_or_fill(self, key: str, tags: tuple[str, ...], ttl: float, fill: Fill) -> bytes:
        """Return the body of `key`, calling `fill` if nobody has it; `ttl` in seconds, ± 10 %.

        Callers of one key at one time share one `fill`, and its error. Never raises by itself.
        """

    def on_remote_invalidation(self, tags: Iterable[str]) -> None:
        """Forget what is kept under `tags`, because another process said so."""

    def stats(self) -> CacheStats:
        """Return the counters of this process."""


class _Flight:
    """One `fill` under way and those who wait for it."""

    __slots__ = ("stamps", "waiters")

    def __init__(self, stamps: Stamps) -> None:
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


class ProcessCache:
    """A cache of bytes in this process, least recently used packed first and then forgotten."""

    def __init__(self, max_bytes: int = 64 << 20, *, clock: Clock = monotonic) -> None:
        self.healthy = True
        self._max_bytes = max_bytes
        self._clock = clock
        self._held = Tiers(max_bytes)
        self._flights: dict[str, _Flight] = {}
        self._tags: WeakValueDictionary[str, Tag] = WeakValueDictionary()
        self._blocked: dict[str, Tag] = {}
        self._everything = Tag()  # every entry carries it: `clear` and `pause` act on it
        self._hits = self._misses = 0

    def peek(self, key: str) -> bytes | None:
        """Return the body if it is here and valid; does not count a miss."""
        entry = self._find(key)
        return entry.body if entry is not None else None

    def peek_made(self, key: str, make: Callable[[bytes], T]) -> T | None:
        """As `peek`, but return what `make` makes of the body; made once, until it is packed."""
        entry = self._find(key)
        if entry is None:
            return None
        made = entry.made
        if made is None:
            made = entry.made = make(entry.body)
            self._held.grow(entry, len(entry.body) // 4)
        return cast(T, made)

    def beside(self, key: str, body: bytes, thing: T) -> T:
        """Keep `thing` for as long as `body` is held under `key` as it is, or return what is kept
        there already."""
        entry = self._find(key)
        if entry is None or entry.body is not body:
            return thing
        if entry.beside is None:
            entry.beside = thing
            self._held.grow(entry, len(body) // 4)
        return cast(T, entry.beside)

    def _find(self, key: str) -> Entry | None:
        entry = self._held.warm.get(key) or self._held.warm_up(key)
        if entry is None:
            return None
        entry.is_used = True
        for tag, generation in entry.stamps:
            if tag.generation != generation:
                break
        else:
            if entry.expires > self._clock():
                self._hits += 1
                return entry
        self._held.drop(key)
        return None

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
            if flight is None or not is_current(flight.stamps):
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
        self._held.clear()

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
        held = self._held
        return CacheStats(self._hits, self._misses, held.evictions, len(held), held.size)

    def _tag(self, name: str) -> Tag:
        tag = self._tags.get(name)
        if tag is None:
            tag = self._tags[name] = Tag()
        return tag

    def _stamp(self, tags: tuple[str, ...]) -> Stamps:
        found = (self._everything, *map(self._tag, tags))
        return tuple((tag, tag.generation) for tag in found)

    def _store(self, key: str, body: bytes, keep: float, stamps: Stamps) -> None:
        if keep <= 0 or not is_current(stamps) or any(tag.blockers for tag, _ in stamps):
            return
        if len(body) + len(key) + OVERHEAD <= self._max_bytes // _LARGEST_SHARE:
            self._held.put(key, body, self._clock() + keep, stamps)
