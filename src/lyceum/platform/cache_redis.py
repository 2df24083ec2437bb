"""The cache of bytes for many processes: the process cache in front, Redis behind it.

Each tag has a generation in Redis (a random word, so that a lost one never comes back) and each
entry there holds the generations it was filled under. Scripts compare and store in one step, so
stale bytes cannot be stored. A writer's `block` reaches Redis, and through its channel every
process, before the commit. Without Redis every process is alone: it answers from itself, keeps an
entry for `lone_ttl` seconds only (nobody tells it of changes), and comes back by itself.
One Redis or Sentinel, not Redis Cluster: the scripts touch keys of many slots.
Not here: the process cache itself (`cache`).
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, cast

import msgspec
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError

from lyceum.platform import redis_client
from lyceum.platform.cache import CacheStats, Fill, ProcessCache, jittered

T = TypeVar("T")

log = logging.getLogger(__name__)

# A generation outlives every entry filled under it: entries are kept half a day at most.
_GENERATION_SECONDS: Final = 86_400
_LONGEST_TTL: Final = 43_200.0
# A writer that died between `block` and `release` stops blocking after this long.
_BLOCK_MS: Final = 30_000
_CHANNEL: Final = "cache.invalidated"
_PING_SECONDS = 2.0
_LONGEST_PAUSE = 5.0

# KEYS: entry, then tags. ARGV: a new generation, its seconds.
_LOOK_UP: Final = """
local stamp = {}
for i = 2, #KEYS do
  local generation = redis.call('HGET', KEYS[i], 'g')
  if not generation then
    generation = ARGV[1]
    redis.call('HSET', KEYS[i], 'g', generation)
    redis.call('EXPIRE', KEYS[i], ARGV[2])
  end
  stamp[i - 1] = generation
end
local wanted = table.concat(stamp, ' ')
if redis.call('HGET', KEYS[1], 's') ~= wanted then return {wanted, false, 0} end
return {wanted, redis.call('HGET', KEYS[1], 'b'), redis.call('PTTL', KEYS[1])}
"""

# KEYS: entry, then tags. ARGV: stamp of the look-up, body, milliseconds to keep.
_STORE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stamp = {}
for i = 2, #KEYS do
  local tag = redis.call('HMGET', KEYS[i], 'g', 'n', 'u')
  if tonumber(tag[2] or 0) > 0 and tonumber(tag[3] or 0) > now then return 0 end
  stamp[i - 1] = tag[1] or ''
end
if table.concat(stamp, ' ') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 's', ARGV[1], 'b', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""

# KEYS: tags. ARGV: new generation, its seconds, +1 block / -1 release / 0, ms, channel, message.
_MARK: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, key in ipairs(KEYS) do
  local tag = redis.call('HMGET', key, 'n', 'u')
  local blockers = tonumber(tag[1] or 0)
  if tonumber(tag[2] or 0) <= now then blockers = 0 end
  blockers = math.max(0, blockers + tonumber(ARGV[3]))
  redis.call('HSET', key, 'g', ARGV[1], 'n', blockers, 'u', now + tonumber(ARGV[4]))
  redis.call('EXPIRE', key, ARGV[2])
end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
"""


class _Invalidation(msgspec.Struct, array_like=True):
    sender: str
    tags: tuple[str, ...]


class RedisCache:
    """A cache of bytes that processes share, behind `local`; `start` it and `close` it."""

    def __init__(
        self,
        url: str,
        local: ProcessCache,
        *,
        prefix: str = "cache:",
        lone_ttl: float = 5.0,
        timeout: float = 1.0,
    ) -> None:
        self.healthy = False
        """Whether Redis answers and tells us of invalidations; for /ready."""
        self.shared_hits = 0
        """Bodies that this process did not have and Redis did."""
        self._local = local
        self._redis = redis_client.open_redis(url, timeout=timeout)
        self._prefix = prefix
        self._channel = prefix + _CHANNEL
        self._lone_ttl = lone_ttl
        self._id = secrets.token_hex(8)
        self._look_up = self._redis.register_script(_LOOK_UP)
        self._store = self._redis.register_script(_STORE)
        self._mark = self._redis.register_script(_MARK)
        self._joined = asyncio.Event()
        self._was_apart = False
        self._listener: asyncio.Task[None] | None = None

    async def start(self, *, patience: float = 1.0) -> None:
        """Begin to listen; returns once Redis answers or after `patience` seconds; never raises."""
        self._listener = asyncio.create_task(self._keep_listening(), name="cache-listener")
        try:
            async with asyncio.timeout(patience):
                await self._joined.wait()
        except TimeoutError:
            log.warning("cache: Redis does not answer, every process caches for itself")

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        await self._redis.aclose()

    def peek(self, key: str) -> bytes | None:
        """Return the body if this process holds it; Redis is not asked."""
        return self._local.peek(key)

    def peek_made(self, key: str, make: Callable[[bytes], T]) -> T | None:
        """Return what `make` made of the body if this process holds it; Redis is not asked."""
        return self._local.peek_made(key, make)

    def beside(self, key: str, body: bytes, thing: T) -> T:
        """As `ProcessCache.beside`."""
        return self._local.beside(key, body, thing)

    async def get_or_fill(self, key: str, tags: tuple[str, ...], ttl: float, fill: Fill) -> bytes:
        """As `ProcessCache.get_or_fill`; Redis is asked before `fill`. `ttl` is 12 h at most."""

        async def read() -> tuple[bytes, float]:
            return await self._through(key, tags, jittered(key, min(ttl, _LONGEST_TTL)), fill)

        return await self._local.load(key, tags, read)

    async def block(self, tags: tuple[str, ...]) -> None:
        """As `ProcessCache.block`, in every process; one round trip."""
        await self._local.block(tags)
        await self._invalidate(tags, 1)

    async def release(self, tags: tuple[str, ...]) -> None:
        """As `ProcessCache.release`, in every process; one round trip."""
        try:
            await self._invalidate(tags, -1)
        finally:
            await self._local.release(tags)

    def on_remote_invalidation(self, tags: Iterable[str]) -> None:
        """Forget what this process keeps under `tags`."""
        self._local.on_remote_invalidation(tags)

    def stats(self) -> CacheStats:
        """Return the counters of this process; a hit in Redis counts as a miss here."""
        return self._local.stats()

    async def _through(
        self, key: str, tags: tuple[str, ...], ttl: float, fill: Fill
    ) -> tuple[bytes, float]:
        keys = [self._prefix + key, *self._tag_keys(tags)]
        found = await self._try(self._look_up, keys, secrets.token_hex(8), _GENERATION_SECONDS)
        if found is None:
            return await fill(), min(ttl, self._lone_ttl)
        stamp, body, left_ms = found
        if body is not None:
            self.shared_hits += 1
            return cast(bytes, body), left_ms / 1000
        body = await fill()
        # What Redis refuses (a writer is at it, or was since) this process does not keep either:
        # the writer may die before it tells us.
        stored = await self._try(self._store, keys, stamp, body, int(ttl * 1000))
        return body, ttl if stored == 1 else 0.0

    async def _invalidate(self, tags: tuple[str, ...], blockers: int) -> None:
        if tags:
            keys = self._tag_keys(tags)[1:]
            await self._try(self._mark, keys, *self._mark_arguments(tags, blockers))

    def _mark_arguments(self, tags: tuple[str, ...], blockers: int) -> tuple[Any, ...]:
        message = msgspec.json.encode(_Invalidation(self._id, tags))
        generation = secrets.token_hex(8)
        return generation, _GENERATION_SECONDS, blockers, _BLOCK_MS, self._channel, message

    def _tag_keys(self, tags: tuple[str, ...]) -> list[str]:
        """Return the keys of the tag that everything carries, and of `tags`."""
        return [f"{self._prefix}everything", *(f"{self._prefix}tag:{tag}" for tag in tags)]

    async def _try(self, script: Any, keys: list[str], *arguments: Any) -> Any:
        """Run a script, or return None and be alone from now on."""
        if not self.healthy:
            return None
        try:
            return await script(keys=keys, args=arguments)
        except redis_client.FAULTS as fault:
            self._part(fault)
            return None

    def _part(self, fault: BaseException) -> None:
        if self.healthy:
            log.warning("cache: Redis is gone (%s)", type(fault).__name__)
        self.healthy = False
        self._was_apart = True
        self._local.clear()

    async def _keep_listening(self) -> None:
        pause = 0.1
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await self._listen(channel)
            except redis_client.FAULTS as fault:
                pause = 0.1 if self.healthy else min(pause * 2, _LONGEST_PAUSE)
                self._part(fault)
            await asyncio.sleep(pause * (0.5 + secrets.randbelow(1000) / 1000))

    async def _listen(self, channel: PubSub) -> None:
        await channel.subscribe(self._channel)
        await self._join()
        unanswered = 0
        while self.healthy:
            message = await channel.get_message(timeout=_PING_SECONDS)
            if message is None:
                if unanswered == 2:
                    raise RedisConnectionError("no answer to two pings")
                unanswered += 1
                await channel.ping()
                continue
            unanswered = 0
            if message["type"] == "message":
                self._hear(message["data"])

    async def _join(self) -> None:
        """Trust Redis, after telling it that whatever it holds from before may be stale.

        Not at the first time: this process has changed nothing yet that Redis did not hear of.
        """
        if self._was_apart:
            await self._mark(keys=self._tag_keys(()), args=self._mark_arguments((), 0))
            self._was_apart = False
        self._local.clear()
        self.healthy = True
        self._joined.set()
        log.info("cache: Redis answers")

    def _hear(self, data: bytes) -> None:
        try:
            heard = msgspec.json.decode(data, type=_Invalidation)
        except msgspec.DecodeError:
            self._local.clear()  # somebody said something: forgetting too much is safe
            return
        if heard.sender == self._id:
            return
        if heard.tags:
            self._local.on_remote_invalidation(heard.tags)
        else:
            self._local.clear()
