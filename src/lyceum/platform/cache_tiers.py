"""What a cache holds in a number of bytes: what is asked for often as it is, the rest packed.

The least recently used body is packed with zstd, which leaves a fifth of a course, and forgotten in
the end. Asked for again it is unpacked: microseconds, where its source takes a query.
Not here: who fills an entry and for how long it is good (`cache`).
"""

from collections import OrderedDict
from typing import Any, Final

import msgspec
import zstandard

# What an entry costs beside its key and body: the entry, its stamps, its place in two tables.
OVERHEAD: Final = 400
# How much of the bytes bodies may take as they are.
_WARM: Final = 0.55
_LEVEL: Final = 1
# Packing runs between requests: 0.4 ms for this much, and for nothing where little is gained.
_LARGEST_TO_PACK: Final = 128 * 1024
_LEAST_TO_PACK: Final = 512


class Tag:
    """The state of one tag; it lives while an entry, a flight or a writer refers to it."""

    __slots__ = ("__weakref__", "blockers", "generation")

    def __init__(self) -> None:
        self.generation = 0
        self.blockers = 0


Stamps = tuple[tuple[Tag, int], ...]


def is_current(stamps: Stamps) -> bool:
    """Whether nothing was invalidated since."""
    return all(tag.generation == generation for tag, generation in stamps)


class _Packed(msgspec.Struct, frozen=True, gc=False):
    """A body that is not asked for, as it is kept then; `size` in bytes with all it costs."""

    body: bytes
    is_squeezed: bool
    size: int


class Entry:
    """A body as it is, with what was `made` of it and what is kept `beside` it."""

    __slots__ = ("beside", "body", "expires", "is_used", "made", "packed", "size", "stamps")

    def __init__(self, body: bytes, expires: float, stamps: Stamps) -> None:
        self.body = body
        self.expires = expires
        self.stamps = stamps
        self.size = 0
        self.made: Any = None
        self.beside: Any = None
        self.packed: _Packed | None = None
        self.is_used = True


class Tiers:
    """Entries by key in at most `max_bytes`. The event loop's, not for threads."""

    def __init__(self, max_bytes: int) -> None:
        self.size = self.evictions = 0
        self._max_bytes = max_bytes
        self.warm: OrderedDict[str, Entry] = OrderedDict()
        """What is here as it is; whoever uses an entry says so in it."""
        self._warm_size = 0
        self._cold: OrderedDict[str, tuple[_Packed, float, Stamps]] = OrderedDict()
        self._packer = zstandard.ZstdCompressor(level=_LEVEL)
        self._unpacker = zstandard.ZstdDecompressor()

    def __len__(self) -> int:
        return len(self.warm) + len(self._cold)

    def warm_up(self, key: str) -> Entry | None:
        """Unpack a body, if it is here."""
        cold = self._cold.pop(key, None)
        if cold is None:
            return None
        packed, expires, stamps = cold
        self.size -= packed.size
        body, size = packed.body, packed.size
        if packed.is_squeezed:
            body = self._unpacker.decompress(body)
            size += len(body)
        entry = self.warm[key] = Entry(body, expires, stamps)
        # Kept, so that what comes and goes is packed once.
        entry.packed = packed
        self.grow(entry, size)
        return entry

    def put(self, key: str, body: bytes, expires: float, stamps: Stamps) -> None:
        """Keep a body in place of what was there."""
        self.drop(key)
        entry = Entry(body, expires, stamps)
        self.warm[key] = entry
        self.grow(entry, len(body) + len(key) + OVERHEAD)

    def grow(self, entry: Entry, by: int) -> None:
        """Count so many bytes more for an entry."""
        entry.size += by
        self._warm_size += by
        self.size += by
        while self._warm_size > self._max_bytes * _WARM:
            self._cool_down()
        while self.size > self._max_bytes:
            _, (oldest, _, _) = self._cold.popitem(last=False)
            self.size -= oldest.size
            self.evictions += 1

    def drop(self, key: str) -> None:
        """Forget an entry, if it is there."""
        entry = self.warm.pop(key, None)
        if entry is not None:
            self.size -= entry.size
            self._warm_size -= entry.size
        elif (cold := self._cold.pop(key, None)) is not None:
            self.size -= cold[0].size

    def clear(self) -> None:
        """Forget everything."""
        self.warm.clear()
        self._cold.clear()
        self.size = self._warm_size = 0

    def _cool_down(self) -> None:
        """Pack the entry that is longest here and was not used since it was looked at last: nearly
        the least recently used, without a list that each use would change."""
        key, entry = self.warm.popitem(last=False)
        while entry.is_used and self.warm:
            entry.is_used = False
            self.warm[key] = entry
            key, entry = self.warm.popitem(last=False)
        self.size -= entry.size
        self._warm_size -= entry.size
        if len(entry.body) > _LARGEST_TO_PACK or not is_current(entry.stamps):
            self.evictions += 1
            return
        packed = entry.packed or self._pack(key, entry.body)
        self._cold[key] = packed, entry.expires, entry.stamps
        self.size += packed.size

    def _pack(self, key: str, body: bytes) -> _Packed:
        squeezed = body
        if len(body) >= _LEAST_TO_PACK:
            # A copy: what the packer returns lies where the worst case would have had its place.
            squeezed = bytes(memoryview(self._packer.compress(body)))
        best = min(squeezed, body, key=len)
        return _Packed(best, best is not body, len(best) + len(key) + OVERHEAD)
