"""The rate limits of the HTTP interface: which buckets there are and who is counted in them.

Not here: counting (`ratelimit`). Signed-in people are counted each by themselves, guests by
address; the numbers are settings.
"""

from typing import Protocol

from lyceum.platform import errors, metrics
from lyceum.platform.access import Actor
from lyceum.platform.ratelimit import (
    Bucket,
    Decision,
    Limiter,
    ProcessLimiter,
    address_key,
)
from lyceum.platform.settings import Settings


class Caller(Protocol):
    """The part of a request that limits look at."""

    ip: str
    path: str
    actor: Actor
    limit_headers: list[tuple[bytes, bytes]]


UNLIMITED = ("/health", "/ready", "/metrics")


class Limits:
    """Admits requests, or raises RateLimitExceeded with Retry-After."""

    def __init__(self, limiter: Limiter, settings: Settings) -> None:
        self._limiter = limiter
        self._signed_in = Bucket("signed-in", settings.rate_limit_signed_in, 60)
        self._service = Bucket("service", settings.rate_limit_service, 60)
        self._guest = Bucket("guest", settings.rate_limit_guest, 60)
        self._buckets = {
            "login": Bucket("login", settings.rate_limit_login, 60),
            "registration": Bucket("registration", settings.rate_limit_registration, 60),
        }

    async def look(self) -> str:
        """Say where requests are counted; raises when it cannot be reached."""
        return await self._limiter.look()

    async def admit(self, caller: Caller) -> None:
        """Count a request against its caller's general limit."""
        if caller.path in UNLIMITED:
            return
        await self._count(*self._place_of(caller.actor, caller.ip), caller)

    @property
    def are_here(self) -> bool:
        """Whether hits are counted in this process, so that nobody waits for it."""
        return isinstance(self._limiter, ProcessLimiter)

    def admit_now(self, actor: Actor, ip: str) -> Decision | None:
        """Count a request without waiting; None when that is not possible or not allowed, and then
        nothing was counted."""
        if not isinstance(self._limiter, ProcessLimiter):
            return None
        decision = self._limiter.check_now(*self._place_of(actor, ip))
        return decision if decision.allowed else None

    def _place_of(self, actor: Actor, ip: str) -> tuple[Bucket, str]:
        """Return where a request is counted: of a service, a guest's address, a person."""
        if actor.service is not None:
            return self._service, actor.service
        if actor.user_id is None:
            return self._guest, address_key(ip)
        return self._signed_in, str(actor.user_id)

    async def admit_to(self, bucket: str, caller: Caller) -> None:
        """Count a request against a route's own bucket, by address."""
        await self._count(self._buckets[bucket], address_key(caller.ip), caller)

    async def _count(self, bucket: Bucket, key: str, caller: Caller) -> None:
        decision = await self._limiter.check(bucket, key)
        caller.limit_headers = decision.headers()
        if not decision.allowed:
            metrics.RATE_LIMITED.inc(bucket.name)
            raise _exceeded(decision)


def _exceeded(decision: Decision) -> errors.RateLimitExceeded:
    return errors.RateLimitExceeded(
        f"Too many requests: try again in {decision.retry_after} s.",
        retry_after=decision.retry_after,
    )
