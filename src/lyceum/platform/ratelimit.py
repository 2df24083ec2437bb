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
from typing import Final, Protocol

import msgspec

from lyceum.platform.cache import Clock
from lyceum.platform.clock import monotonic

SLOTS: Final = 16
# total, then (last hit, hits) of the slots that can touch one window
_FULL: Final = 1 + 2 * (SLOTS + 1)
_LONGEST_KEY: Final = 128
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

    Each bucket keeps `max_keys` keys at most (about 300 bytes each), the longest idle out first:
    more addresses than that at once find the limit more generous, never the process larger.
    """

    def __init__(self, max_keys: int = 50_000, *, clock: Clock = monotonic) -> None:
        self.healthy = True
        self._max_keys = max_keys
        self._clock = clock
        self._tables: dict[str, OrderedDict[str, list[float]]] = {}

    async def look(self) -> str:
        """Say that it is this process."""
        return "in process"

    async def check(self, bucket: Bucket, key: str) -> Decision:
        """Count a hit if it is allowed; a refused one is not counted."""
        return self.check_now(bucket, key)

    def check_now(self, bucket: Bucket, key: str) -> Decision:
        """Do what `check` does, for callers that cannot wait."""
        now = self._clock()
        log = self._log(bucket, key, now)
        if log[0] >= bucket.limit:
            return _refuse(bucket, log, now)
        _add(bucket, log, now)
        return _allow(bucket, log, now)

    async def peek(self, bucket: Bucket, key: str) -> Decision:
        """Say what `check` would, and count nothing."""
        now = self._clock()
        log = self._find(bucket, key) or [0]
        _forget(bucket, log, now)
        return (_allow if log[0] < bucket.limit else _refuse)(bucket, log, now)

    async def hit(self, bucket: Bucket, key: str) -> Decision:
        """Count a hit, allowed or not."""
        now = self._clock()
        log = self._log(bucket, key, now)
        answer = _allow if log[0] < bucket.limit else _refuse
        _add(bucket, log, now)
        return answer(bucket, log, now)

    async def refund(self, bucket: Bucket, key: str) -> None:
        """Take the last hit back."""
        log = self._find(bucket, key)
        if log is None or len(log) == 1:
            return
        log[0] -= 1
        log[-1] -= 1
        if log[-1] == 0:
            del log[-2:]

    def _find(self, bucket: Bucket, key: str) -> list[float] | None:
        table = self._tables.get(bucket.name)
        return None if table is None else table.get(bounded(key))

    def _log(self, bucket: Bucket, key: str, now: float) -> list[float]:
        table = self._tables.get(bucket.name)
        if table is None:
            table = self._tables[bucket.name] = OrderedDict()
        key = bounded(key)
        log = table.get(key)
        if log is None:
            self._make_room(table, now - bucket.window_seconds)
            log = table[key] = [0]
            return log
        table.move_to_end(key)
        _forget(bucket, log, now)
        return log

    def _make_room(self, table: OrderedDict[str, list[float]], horizon: float) -> None:
        """Let up to two idle keys go for one that comes, so that a flood is forgotten again."""
        for _ in range(2):
            if not table:
                return
            key, log = next(iter(table.items()))
            is_idle = len(log) == 1 or log[-2] <= horizon
            if not is_idle and len(table) < self._max_keys:
                return
            del table[key]


def _forget(bucket: Bucket, log: list[float], now: float) -> None:
    # Reckoned as `_refuse` does, to the last bit: who has waited as told is let in.
    while len(log) > 1 and log[1] + bucket.window_seconds <= now:
        log[0] -= log[2]
        del log[1:3]


def _add(bucket: Bucket, log: list[float], now: float) -> None:
    log[0] += 1
    if len(log) > 1:
        slot = bucket.window_seconds / SLOTS
        is_same_slot = bucket.limit > SLOTS and log[-2] // slot == now // slot
        if is_same_slot or len(log) >= _FULL:
            log[-2] = now
            log[-1] += 1
            return
    log.append(now)
    log.append(1)


def _allow(bucket: Bucket, log: list[float], now: float) -> Decision:
    used = int(log[0])
    reset = ceil(log[1] + bucket.window_seconds - now) if used else 0
    return Decision(True, bucket.limit, bucket.limit - used, reset, 0, used)


def _refuse(bucket: Bucket, log: list[float], now: float) -> Decision:
    used = int(log[0])
    reset = ceil(log[1] + bucket.window_seconds - now) if used else 0
    wait, left = 0.0, used
    for place in range(1, len(log), 2):
        if left < bucket.limit:
            break
        left -= int(log[place + 1])
        wait = log[place] + bucket.window_seconds - now
    return Decision(False, bucket.limit, 0, reset, max(1, ceil(wait)), used)


def _digits(number: int) -> bytes:
    return _DIGITS[number] if 0 <= number < len(_DIGITS) else b"%d" % number
