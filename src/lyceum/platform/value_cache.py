"""A small bounded cache of objects for seconds: verified tokens, permissions, settings.

Event loop only. Not here: bytes for responses (`cache`). Other processes are not told: the `ttl` is
how long they may be behind, unless whoever listens for their invalidations calls these too.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from lyceum.platform.clock import monotonic

V = TypeVar("V")


class ValueCache(Generic[V]):
    """At most `max_entries` objects for at most `ttl` seconds each, the oldest out first."""

    def __init__(
        self, max_entries: int, ttl: float, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._max_entries = max_entries
        self._ttl = ttl
        self._clock = clock
        self._entries: dict[Hashable, tuple[V, float, tuple[Hashable, ...]]] = {}
        self._keys_of: dict[Hashable, set[Hashable]] = {}
        self.stamp = 0
        """Moves with every invalidation; read it before you look a value up, give it to `put`."""

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> V | None:
        """Return the value, or None if it is not here or past its time."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= self._clock():
            self._drop(key)
            return None
        return entry[0]

    def put(
        self,
        key: Hashable,
        value: V,
        *,
        tags: tuple[Hashable, ...] = (),
        stamp: int | None = None,
        ttl: float | None = None,
    ) -> None:
        """Keep `value`, unless anything was invalidated since `stamp`: it may be of before."""
        if stamp is not None and stamp != self.stamp:
            return
        self._drop(key)
        if len(self._entries) >= self._max_entries:
            self._drop(next(iter(self._entries)))
        lasting = self._ttl if ttl is None else min(ttl, self._ttl)
        self._entries[key] = (value, self._clock() + lasting, tags)
        for tag in tags:
            self._keys_of.setdefault(tag, set()).add(key)

    def invalidate(self, key: Hashable) -> None:
        """Forget one value."""
        self.stamp += 1
        self._drop(key)

    def invalidate_where(self, tag: Hashable) -> None:
        """Forget every value that carries `tag`."""
        self.stamp += 1
        for key in tuple(self._keys_of.get(tag, ())):
            self._drop(key)

    def clear(self) -> None:
        """Forget everything."""
        self.stamp += 1
        self._entries.clear()
        self._keys_of.clear()

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        for tag in entry[2]:
            keys = self._keys_of[tag]
            keys.discard(key)
            if not keys:
                del self._keys_of[tag]
