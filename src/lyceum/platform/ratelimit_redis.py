"""The limiter that processes share: the same log as `ratelimit`, in Redis, one round trip a call.

A script of our own and not the library `limits`: that needs a second round trip for what is left
and when. Redis's clock counts, so the clocks of machines do not matter. While Redis is gone each
process counts for itself, and asks again after a second, one request at a time.
Not here: buckets and decisions (`ratelimit`).
"""

import logging
from math import ceil
from typing import Final

from lyceum.platform import redis_client
from lyceum.platform.cache import Clock
from lyceum.platform.clock import monotonic
from lyceum.platform.ratelimit import SLOTS, Bucket, Decision, ProcessLimiter, bounded

log = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 1.0

# KEYS: the log of one key. ARGV: limit, window in ms, what to do, slots.
# Returns hits used, whether it was allowed, ms until a hit is allowed, ms until one is given back.
_COUNT: Final = """
local limit, window, act = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local slots = tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local raw = redis.call('GET', KEYS[1])
local log = raw and cmsgpack.unpack(raw) or {0}
while #log > 1 and log[2] <= now - window do
  log[1] = log[1] - log[3]
  table.remove(log, 2)
  table.remove(log, 2)
end
local allowed = log[1] < limit
if act == 'hit' or (act == 'check' and allowed) then
  local slot = window / slots
  local same = limit > slots and #log > 1
    and math.floor(log[#log - 1] / slot) == math.floor(now / slot)
  log[1] = log[1] + 1
  if same or #log >= 1 + 2 * (slots + 1) then
    log[#log - 1] = now
    log[#log] = log[#log] + 1
  else
    log[#log + 1] = now
    log[#log + 1] = 1
  end
elseif act == 'refund' and #log > 1 then
  log[1] = log[1] - 1
  log[#log] = log[#log] - 1
  if log[#log] == 0 then
    table.remove(log)
    table.remove(log)
  end
end
if act ~= 'peek' then
  if #log > 1 then
    redis.call('SET', KEYS[1], cmsgpack.pack(log), 'PX', math.ceil(window))
  else
    redis.call('DEL', KEYS[1])
  end
end
local reset, wait, left = 0, 0, log[1]
if #log > 1 then reset = log[2] + window - now end
for place = 2, #log, 2 do
  if left < limit then break end
  left = left - log[place + 1]
  wait = log[place] + window - now
end
return {log[1], allowed and 1 or 0, wait, reset}
"""


class RedisLimiter:
    """A limiter shared through Redis, or of this process while Redis is gone; `close` it."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "limit:",
        timeout: float = 1.0,
        max_keys: int = 50_000,
        clock: Clock = monotonic,
    ) -> None:
        self.healthy = True
        """Whether the last call reached Redis; for /ready."""
        self._alone = ProcessLimiter(max_keys, clock=clock)
        self._redis = redis_client.open_redis(url, timeout=timeout)
        self._script = self._redis.register_script(_COUNT)
        self._prefix = prefix
        self._clock = clock
        self._ask_again_at = 0.0

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()

    async def look(self) -> str:
        """Say that it is Redis; raises one of `redis_client.FAULTS` when that does not answer."""
        await redis_client.ping(self._redis)
        return "Redis"

    async def check(self, bucket: Bucket, key: str) -> Decision:
        """Count a hit if it is allowed; a refused one is not counted."""
        return await self._count(bucket, key, "check") or await self._alone.check(bucket, key)

    async def peek(self, bucket: Bucket, key: str) -> Decision:
        """Say what `check` would, and count nothing."""
        return await self._count(bucket, key, "peek") or await self._alone.peek(bucket, key)

    async def hit(self, bucket: Bucket, key: str) -> Decision:
        """Count a hit, allowed or not."""
        return await self._count(bucket, key, "hit") or await self._alone.hit(bucket, key)

    async def refund(self, bucket: Bucket, key: str) -> None:
        """Take the last hit back."""
        if await self._count(bucket, key, "refund") is None:
            await self._alone.refund(bucket, key)

    async def _count(self, bucket: Bucket, key: str, act: str) -> Decision | None:
        if not self.healthy:
            if self._clock() < self._ask_again_at:
                return None
            self._ask_again_at = self._clock() + _RETRY_SECONDS  # the others need not wait too
        try:
            used, allowed, wait_ms, reset_ms = await self._script(
                keys=[f"{self._prefix}{bucket.name}:{bounded(key)}"],
                args=[bucket.limit, round(bucket.window_seconds * 1000), act, SLOTS],
            )
        except redis_client.FAULTS as fault:
            if self.healthy:
                log.warning("limits: Redis is gone (%s)", type(fault).__name__)
            self.healthy = False
            self._ask_again_at = self._clock() + _RETRY_SECONDS
            return None
        if not self.healthy:
            log.info("limits: Redis answers")
        self.healthy = True
        return Decision(
            bool(allowed),
            bucket.limit,
            max(0, bucket.limit - used),
            ceil(reset_ms / 1000),
            0 if allowed else max(1, ceil(wait_ms / 1000)),
            used,
        )
