"""A lean pool of asyncpg connections. Not here: transactions and errors (`database`).

asyncpg's own pool resets a connection after each use, which costs more than most of our
statements. Nothing here leaves state behind (no session settings, no temporary tables), so
a connection goes back as it is; one whose query was cut short is thrown away.
"""

import asyncio
import contextlib
from collections import deque
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

ACQUIRE_TIMEOUT_SECONDS = 10.0
SERVER_SETTINGS = {
    "application_name": "lyceum",
    "timezone": "UTC",
    "jit": "off",
    # Every statement is prepared once and run with a plan that does not depend on its arguments.
    "plan_cache_mode": "force_generic_plan",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}


class Link:
    """One connection and the statements that it has prepared."""

    __slots__ = ("connection", "count", "prepared")

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.count = 0
        self.prepared: dict[str, PreparedStatement[Any]] = {}

    async def prepare(self, text: str) -> "PreparedStatement[Any]":
        """Return the prepared form of `text`, preparing it the first time."""
        found = self.prepared.get(text)
        if found is None:
            # Only a named statement is kept by the server; another is parsed again at each use.
            self.count += 1
            name = f"lyceum_{self.count}"
            found = self.prepared[text] = await self.connection.prepare(text, name=name)
        return found


async def connect(dsn: str) -> Any:
    """Open one connection with our settings and codecs (json and jsonb travel as bytes)."""
    connection = await asyncpg.connect(
        dsn, server_settings=SERVER_SETTINGS, statement_cache_size=0, timeout=10
    )
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )
    # The binary form of jsonb is one version byte and the text.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + value,
        decoder=lambda value: bytes(value[1:]),
        format="binary",
    )
    return connection


class Pool:
    """At most `size` connections, opened when needed, given in the order of asking."""

    def __init__(self, dsn: str, size: int) -> None:
        self.dsn = dsn
        self.size = size
        self._idle: list[Link] = []
        self._waiting: deque[tuple[float, asyncio.Future[Link | None]]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._open = 0
        self._is_closed = False

    @property
    def in_use(self) -> int:
        """How many connections are out."""
        return self._open - len(self._idle)

    @property
    def waiting(self) -> int:
        """How many callers wait for a connection."""
        return len(self._waiting)

    async def acquire(self) -> Link:
        """Return a connection; TimeoutError after 10 s of waiting, OSError when none can be had."""
        while self._idle:
            link = self._idle.pop()
            if not link.connection.is_closed():
                return link
            self._open -= 1
        if self._is_closed:
            raise ConnectionError("the pool is closed")
        if self._open >= self.size:
            handed = await self._wait()
            if handed is not None:
                return handed
        else:
            self._open += 1
        try:
            return Link(await connect(self.dsn))
        except BaseException:
            self._give_up_place()
            raise

    async def _wait(self) -> Link | None:
        """Return the connection that somebody hands over, or None: a place to open one in."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Link | None] = loop.create_future()
        place = loop.time() + ACQUIRE_TIMEOUT_SECONDS, turn
        self._waiting.append(place)
        if self._alarm is None:
            self._alarm = loop.call_at(place[0], self._expire)
        try:
            return await turn
        except BaseException:
            with contextlib.suppress(ValueError):
                self._waiting.remove(place)
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                # It was handed over in the moment that the caller gave up.
                handed = turn.result()
                if handed is None:
                    self._give_up_place()
                else:
                    self.release(handed)
            raise

    def _expire(self) -> None:
        """Give up for who has waited too long; one alarm at a time serves them all."""
        loop = asyncio.get_running_loop()
        self._alarm = None
        while self._waiting:
            until, turn = self._waiting[0]
            if until > loop.time():
                self._alarm = loop.call_at(until, self._expire)
                return
            self._waiting.popleft()
            if not turn.done():
                turn.set_exception(TimeoutError("no connection to the database became free"))

    def _hand_over(self, link: Link | None) -> bool:
        """Give a connection, or a place for one, to who has waited longest."""
        while self._waiting:
            _, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(link)
                return True
        return False

    def _give_up_place(self) -> None:
        if not self._hand_over(None):
            self._open -= 1

    def release(self, link: Link) -> None:
        """Take a connection back; one that is broken or still in a transaction is closed."""
        if link.connection.is_closed() or link.connection.is_in_transaction() or self._is_closed:
            self.discard(link)
        elif not self._hand_over(link):
            self._idle.append(link)

    def discard(self, link: Link) -> None:
        """Close a connection that must not be used again."""
        link.prepared.clear()
        link.connection.terminate()
        self._give_up_place()

    async def close(self) -> None:
        """Close the idle connections now and the others when they come back."""
        self._is_closed = True
        if self._alarm is not None and not self._waiting:
            self._alarm.cancel()
            self._alarm = None
        idle, self._idle = self._idle, []
        for link in idle:
            self._open -= 1
            link.prepared.clear()
            with contextlib.suppress(Exception):
                await link.connection.close(timeout=2)
