"""`/health` and `/ready`. Not here: `/metrics` (`metrics`)."""

import asyncio
import os
import resource
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Literal

import msgspec

from lyceum.platform import clock, metrics
from lyceum.platform.wire import Output

CHECK_SECONDS = 2.0
_started = clock.monotonic()


class Health(Output, frozen=True, kw_only=True):
    """That the process lives."""

    status: str
    version: str
    environment: str
    uptime_seconds: float
    memory_bytes: int
    pid: int


class Dependency(Output, frozen=True, kw_only=True):
    """One thing the process needs or uses."""

    name: str
    is_needed: bool
    is_up: bool
    latency_ms: float | None
    note: str


Status = Literal["ready", "degraded", "not ready", "stopping"]


class Readiness(Output, frozen=True, kw_only=True):
    """Whether requests should come here. They should while it is `degraded`: something that can be
    done without is away."""

    status: Status
    dependencies: list[Dependency]


Check = Callable[[], Awaitable[str]]


class Probe(msgspec.Struct, frozen=True):
    """How to look at a dependency: `check` returns a note, or raises."""

    name: str
    is_needed: bool
    check: Check


class Doorkeeper:
    """Knows whether the process is ready; told when it is about to stop."""

    def __init__(self, probes: tuple[Probe, ...]) -> None:
        self._probes = probes
        self.is_stopping = False

    async def readiness(self) -> Readiness:
        """Look at every dependency at once; none is waited for longer than 2 s."""
        found = await asyncio.gather(*(_look(probe) for probe in self._probes))
        return Readiness(status=self._status(found), dependencies=list(found))

    def _status(self, found: list[Dependency]) -> Status:
        if self.is_stopping:
            return "stopping"
        if any(each.is_needed and not each.is_up for each in found):
            return "not ready"
        return "ready" if all(each.is_up for each in found) else "degraded"


async def _look(probe: Probe) -> Dependency:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            note = await probe.check()
    except Exception as problem:  # noqa: BLE001 - whatever it is, the dependency is down
        return Dependency(
            name=probe.name,
            is_needed=probe.is_needed,
            is_up=False,
            latency_ms=None,
            note=type(problem).__name__,
        )
    latency = round((time.perf_counter() - started) * 1000, 2)
    return Dependency(
        name=probe.name, is_needed=probe.is_needed, is_up=True, latency_ms=latency, note=note
    )


def health(environment: str) -> Health:
    """Return the state of this process."""
    return Health(
        status="ok",
        version=version("lyceum"),
        environment=environment,
        uptime_seconds=round(clock.monotonic() - _started, 1),
        memory_bytes=_resident_bytes(),
        pid=os.getpid(),
    )


def _resident_bytes() -> int:
    """Return the resident set; where the kernel does not say, its greatest size so far."""
    resident = metrics.find_resident_bytes()
    if resident is None:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return resident
