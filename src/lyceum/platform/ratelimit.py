"""How often a key may do something: buckets, decisions, and the limiter of one process.

A log of the last hits, so that no window of the length ever holds more than the limit, wherever
it begins (a fixed window lets twice the limit through at its edge, GCRA at its start). Hits are
kept in `SLOTS` slots of a window at most: up to that limit it is exact, above it a slot ends as a
whole, so room comes back up to 1/16 of the window late, never early.
Event loop only. Not here: Redis (`ratelimit_redis`), which bucket a route has, what a key is.
"""

from collections import OrderedDict
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv6Address
from math import ceil
from typing import Any, Final, Protocol

import msgspec

from lyceum.platform.cache import Clock
from lyceum.platform.clock import monotonic

SLOTS: Final = 16
# total, then (last hit, hits) of the slots that can touch one window
_FULL: Final = 1 + 2 * (SLOTS + 1)
_LONGEST_KEY: Final = 128
_Log = list[Any]
_Table = OrderedDict[str, _Log]
_DIGITS: Final = tuple(b"%d" % number for number in range(1024))


class Bucket(msgspec.Struct, frozen=True):
    """At most `limit` hits a key in any `window_seconds`; buckets of one name share their keys."""

    name: str
    limit: int
    window_seconds: float


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What a limiter says of one hit."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    """Until the next hit is given back; 0 when none is used."""
    retry_after: int
    """Seconds until a hit would be allowed; 0 when it is."""
    used: int
    """Hits in the window; above `limit` only by `hit`."""

    def lines(self) -> str:
        """Return the headers of an allowed hit as lines of a response's head."""
        return (
            f"ratelimit-limit: {self.limit}\r\nratelimit-remaining: {self.remaining}\r\n"
            f"ratelimit-reset: {self.reset_seconds}\r\n"
        )

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the `RateLimit-*` headers, and `Retry-After` when refused."""
        found = [
            (b"ratelimit-limit", _digits(self.limit)),
            (b"ratelimit-remaining", _digits(self.remaining)),
            (b"ratelimit-reset", _digits(self.reset_seconds)),
        ]
        if not self.allowed:
            found.append((b"retry-after", _digits(self.retry_after)))
        return found


class Limiter(Protocol):
    """What callers may ask, whichever engine counts. Never raises."""

    healthy: bool
    """Whether the engine counts that should; for /ready."""

    async def look(self) -> str:
        """Say where it counts; the one call that raises, when that cannot be reached."""

    async def check(self, bucket: Bucket, key: str) -> Decision:
        """Count a hit if it is allowed; a refused one is not counted."""

    async def peek(self, bucket: Bucket, key: str) -> Decision:
        """Say what `check` would, and count nothing."""

    async def hit(self, bucket: Bucket, key: str) -> Decision:
        """Count a hit, allowed or not."""

    async def refund(self, bucket: Bucket, key: str) -> None:
        """Take the last hit back: what was charged before it was tried did not fail after all."""


def address_key(address: str) -> str:
    """Return the key of an address: an IPv4 itself, of an IPv6 its /64, which is one customer.

    Anything else is its own key.
    """
    return address if ":" not in address else _network_key(address)


@lru_cache(maxsize=4096)
def _network_key(address: str) -> str:
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{int(parsed) >> 64:016x}::/64"


async def delay_for(
    limiter: Limiter, bucket: Bucket, key: str, *, step: float = 0.5, longest: float = 10.0
) -> float:
    """Count a request and return the seconds to hold it: `step` more for each above the limit."""
    decision = await limiter.hit(bucket, key)
    return min(max(0, decision.used - bucket.limit) * step, longest)


def bounded(key: str) -> str:
    """Return `key`, or a digest of one that is long."""
    if len(key) <= _LONGEST_KEY:
        return key
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class ProcessLimiter:
    """A limiter in this process; its methods never wait.

    Each bucket keeps `max_keys` keys at most (about 300 bytes each), out goes first whose last slot
    began first: more addresses than that at once find the limit more generous, never the process
    larger.
    """

    def __init__(self, max_keys: int = 50_000, *, clock: Clock = monotonic) -> None:
        self.healthy = True
        self._max_keys = max_keys
        self._clock = clock
        self._tables: dict[str, _Table] = {}

    async def look(self) -> str:
        """Say that it is this process."""
        return "in process"

    async def check(self, bucket: Bucket, key: str) -> Decision:
        """Count a hit if it is allowed; a refused one is not counted."""
        return self.check_now(bucket, key)

    def check_now(self, bucket: Bucket, key: str) -> Decision:
        """Do what `check` does, for callers that cannot wait."""
        return self._count(bucket, key, always=False)

    async def peek(self, bucket: Bucket, key: str) -> Decision:
        """Say what `check` would, and count nothing."""
        now = self._clock()
        log = self._find(bucket, key) or [0]
        _forget(bucket, log, now)
        return (_allow if log[0] < bucket.limit else _refuse)(bucket, log, now)

    async def hit(self, bucket: Bucket, key: str) -> Decision:
        """Count a hit, allowed or not."""
        return self._count(bucket, key, always=True)

    async def refund(self, bucket: Bucket, key: str) -> None:
        """Take the last hit back."""
        log = self._find(bucket, key)
        if log is None or len(log) == 1:
            return
        log[0] -= 1
        log[-1] -= 1
        if log[-1] == 0:
            del log[-2:]

    def _find(self, bucket: Bucket, key: str) -> _Log | None:
        table = self._tables.get(bucket.name)
        return None if table is None else table.get(bounded(key))

    def _count(self, bucket: Bucket, key: str, *, always: bool) -> Decision:
        """Count a hit that is allowed, or `always`; in one piece, because every request does it."""
        now = self._clock()
        limit, window = bucket.limit, bucket.window_seconds
        table = self._tables.get(bucket.name)
        log = table.get(key) if table is not None else None
        if table is None or log is None or len(log) == 1 or log[1] + window <= now:
            table, key, log = self._open(bucket, key, now)
        is_allowed = log[0] < limit
        if is_allowed or always:
            log[0] += 1
            slot = window / SLOTS
            if len(log) > 1 and (
                (limit > SLOTS and log[-2] // slot == now // slot) or len(log) >= _FULL
            ):
                log[-2] = now
                log[-1] += 1
            else:
                log += (now, 1)
                table.move_to_end(key)
        return (_allow if is_allowed else _refuse)(bucket, log, now)

    def _open(self, bucket: Bucket, key: str, now: float) -> tuple[_Table, str, _Log]:
        """Return the log of a key, without what has ended, and where it is kept."""
        table = self._tables.get(bucket.name)
        if table is None:
            table = self._tables[bucket.name] = OrderedDict()
        key = bounded(key)
        log = table.get(key)
        if log is None:
            self._make_room(table, now - bucket.window_seconds)
            log = table[key] = [0]
        else:
            _forget(bucket, log, now)
        return table, key, log

    def _make_room(self, table: _Table, horizon: float) -> None:
        """Let up to two idle keys go for one that comes, so that a flood is forgotten again."""
        for _ in range(2):
            if not table:
                return
            key, log = next(iter(table.items()))
            is_idle = len(log) == 1 or log[-2] <= horizon
            if not is_idle and len(table) < self._max_keys:
                return
            del table[key]


def _forget(bucket: Bucket, log: _Log, now: float) -> None:
    # Reckoned as `_refuse` does, to the last bit: who has waited as told is let in.
    while len(log) > 1 and log[1] + bucket.window_seconds <= now:
        log[0] -= log[2]
        del log[1:3]


def _allow(bucket: Bucket, log: _Log, now: float) -> Decision:
    used = log[0]
    reset = ceil(log[1] + bucket.window_seconds - now) if used else 0
    return Decision(True, bucket.limit, bucket.limit - used, reset, 0, used)


def _refuse(bucket: Bucket, log: _Log, now: float) -> Decision:
    used = log[0]
    reset = ceil(log[1] + bucket.window_seconds - now) if used else 0
    wait, left = 0.0, used
    for place in range(1, len(log), 2):
        if left < bucket.limit:
            break
        left -= log[place + 1]
        wait = log[place] + bucket.window_seconds - now
    return Decision(False, bucket.limit, 0, reset, max(1, ceil(wait)), used)


def _digits(number: int) -> bytes:
    return _DIGITS[number] if 0 <= number < len(_DIGITS) else b"%d" % number
