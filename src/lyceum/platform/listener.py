"""Listens to what other processes say through PostgreSQL: invalidations, wake-ups.

Not here: saying it (`Writer.invalidate`, `Writer.notify`). While the connection is away the
caches are paused, because what was said meanwhile is lost.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from lyceum.platform.database import INVALIDATION_CHANNEL, PROCESS_ID
from lyceum.platform.database_errors import FAILURES
from lyceum.platform.pool import connect

log = logging.getLogger("lyceum.listener")
RETRY_SECONDS = 0.5
ALIVE_SECONDS = 1.0


class Listener:
    """One LISTEN connection of a process, kept alive until `close`."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._on_tags: list[Callable[[Iterable[str]], None]] = []
        self._on_away: list[Callable[[], None]] = []
        self._on_back: list[Callable[[], None]] = []
        self._on_wake: dict[str, list[Callable[[], None]]] = {}
        self._connection: Any = None
        self._one_command = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.is_connected = False

    def on_invalidation(
        self,
        tags: Callable[[Iterable[str]], None],
        *,
        away: Callable[[], None],
        back: Callable[[], None],
    ) -> None:
        """Call `tags` for every invalidation, `away` and `back` when the connection goes and
        comes."""
        self._on_tags.append(tags)
        self._on_away.append(away)
        self._on_back.append(back)

    @contextlib.asynccontextmanager
    async def waking(self, channel: str, wake: Callable[[], None]) -> AsyncIterator[None]:
        """Within the block, call `wake` when anybody notifies `channel`, and when the connection
        comes back, because what was said meanwhile is lost."""
        self._on_wake.setdefault(channel, []).append(wake)
        with contextlib.suppress(*FAILURES):
            async with self._one_command:
                if self._connection is not None:
                    await self._connection.add_listener(channel, self._hear_wake)
        try:
            yield
        finally:
            self._on_wake[channel].remove(wake)

    async def start(self) -> None:
        """Begin to listen; returns once it is connected or the first try has failed."""
        ready = asyncio.Event()
        self._task = asyncio.create_task(self._keep_listening(ready), name="listener")
        await ready.wait()

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep_listening(self, ready: asyncio.Event) -> None:
        while True:
            try:
                await self._listen(ready)
            except FAILURES as problem:
                log.warning("listener: %s; trying again", type(problem).__name__)
            finally:
                if self.is_connected:
                    self.is_connected = False
                    for away in self._on_away:
                        away()
                ready.set()
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self, ready: asyncio.Event) -> None:
        connection = await connect(self._dsn)
        try:
            async with self._one_command:
                self._connection = connection
                await connection.add_listener(INVALIDATION_CHANNEL, self._hear)
                for channel in list(self._on_wake):
                    await connection.add_listener(channel, self._hear_wake)
            self.is_connected = True
            for back in self._on_back:
                back()
            for channel in self._on_wake:
                self._wake(channel)
            ready.set()
            while not connection.is_closed():
                await asyncio.sleep(ALIVE_SECONDS)
                async with self._one_command:
                    await connection.fetchval("SELECT 1", timeout=ALIVE_SECONDS)
        finally:
            self._connection = None
            connection.terminate()

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        sender, *tags = payload.split("\n")
        if sender == PROCESS_ID:
            return
        for callback in self._on_tags:
            callback(tags)

    def _hear_wake(self, _connection: Any, _pid: int, channel: str, _payload: str) -> None:
        self._wake(channel)

    def _wake(self, channel: str) -> None:
        for wake in self._on_wake[channel]:
            wake()
