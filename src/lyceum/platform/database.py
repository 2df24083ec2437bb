"""Connections, and the two ways to use them: `Reader` and `Writer`.

Only this module begins and ends transactions. A `Reader` runs each statement by itself on any free
connection (or a replica); a `Writer` holds one connection in one transaction; a `SoleWriter` runs
exactly one command as its own transaction, which saves two round trips on hot writes.
Not here: SQL (each domain's `queries.py`), starting PostgreSQL (`embedded`), the pool (`pool`).
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import asyncpg

from lyceum.platform import errors, ids
from lyceum.platform.cache import Invalidations
from lyceum.platform.database_errors import FAILURES, translate
from lyceum.platform.database_errors import ConstraintBroken as ConstraintBroken
from lyceum.platform.database_errors import constraint_facts as constraint_facts
from lyceum.platform.gathering import Gathered, GatheredQuery, Gatherer
from lyceum.platform.pool import Link, Pool
from lyceum.platform.statements import Command, Composed, Query, Statement, command

T = TypeVar("T")

INVALIDATION_CHANNEL = "lyceum_invalidate"
PROCESS_ID = ids.new_secret(64)
_NOTIFY = command("SELECT pg_notify($1, $2)")


def _convert(statement: Statement[T], record: Any) -> T:
    if statement.is_struct:
        return cast(T, statement.row(*record))
    return cast(T, record[0])


class Reader:
    """Runs statements that read, each on any free connection, outside a transaction."""

    def __init__(self, database: "Database") -> None:
        self.database = database

    async def one_or_none(self, statement: Query[T], *arguments: object) -> T | None:
        """Return the first row, or None when there is none."""
        rows = await self._run(statement, arguments)
        return _convert(statement, rows[0]) if rows else None

    async def one(self, statement: Query[T], *arguments: object) -> T:
        """Return the first row; having none is a bug (LookupError)."""
        rows = await self._run(statement, arguments)
        if not rows:
            raise LookupError(f"{statement.name} returned no row")
        return _convert(statement, rows[0])

    async def all(self, statement: Query[T], *arguments: object) -> list[T]:
        """Return every row."""
        rows = await self._run(statement, arguments)
        if statement.is_struct:
            row = statement.row
            return [row(*record) for record in rows]
        return [record[0] for record in rows]

    def find_gathered(self, gathered: GatheredQuery[T], *arguments: object) -> Awaitable[T | None]:
        """Return the row of a query, or None, which runs together with those of other callers."""
        return self.database.gatherer(gathered).run(arguments)

    async def _run(self, statement: Statement[Any], arguments: tuple[Any, ...]) -> Any:
        return await self._run_alone(self.database.read_pool, statement, arguments)

    async def _run_alone(
        self, pool: Pool, statement: Statement[Any], arguments: tuple[Any, ...]
    ) -> Any:
        try:
            link = await pool.acquire()
            try:
                return await self.database.fetch(link, statement, arguments)
            finally:
                pool.release(link)
        except FAILURES as problem:
            raise translate(problem) from problem


class Writer(Reader):
    """Runs any statement in one transaction, begun at the first and ended by the platform."""

    def __init__(self, database: "Database") -> None:
        super().__init__(database)
        self._link: Link | None = None
        self._tags: dict[str, None] = {}
        self._channels: dict[str, None] = {}
        self._after: list[Callable[[], None]] = []

    # A Writer widens what a Reader takes, so a use case that reads accepts either.
    async def one_or_none(self, statement: Query[T] | Command[T], *arguments: object) -> T | None:
        """Return the first row, or None when there is none."""
        return await super().one_or_none(cast("Query[T]", statement), *arguments)

    async def one(self, statement: Query[T] | Command[T], *arguments: object) -> T:
        """Return the first row; having none is a bug (LookupError)."""
        return await super().one(cast("Query[T]", statement), *arguments)

    async def all(self, statement: Query[T] | Command[T], *arguments: object) -> list[T]:
        """Return every row."""
        return await super().all(cast("Query[T]", statement), *arguments)

    async def one_gathered(self, gathered: Gathered[T], *arguments: object) -> T:
        """Return the row of a command that others may run together with; here, it runs alone."""
        return await self.one(gathered.alone, *arguments)

    def find_gathered(self, gathered: GatheredQuery[T], *arguments: object) -> Awaitable[T | None]:
        """Return the row of a query, or None, as this transaction sees it: alone."""
        return self.one_or_none(gathered.alone, *arguments)

    async def execute(self, statement: Command[Any], *arguments: object) -> None:
        """Run a command for its effect."""
        await self._run(statement, arguments)

    async def execute_many(self, statement: Command[Any], rows: list[tuple[Any, ...]]) -> None:
        """Run a command once for each row of arguments, in one round trip."""
        link = await self._begin()
        try:
            await (await link.prepare(statement.text)).executemany(rows)
        except FAILURES as problem:
            raise translate(problem) from problem

    def invalidate(self, *tags: str) -> None:
        """Make every process forget what it cached under `tags` when this commits."""
        self._tags.update(dict.fromkeys(tags))

    def notify(self, channel: str) -> None:
        """Wake whoever listens on `channel` when this commits; repeated calls wake once."""
        self._channels[channel] = None

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once this has committed; for pushes whose loss is harmless."""
        self._after.append(callback)

    async def _begin(self) -> Link:
        if self._link is None:
            pool = self.database.write_pool
            try:
                link = await pool.acquire()
                try:
                    await link.connection.execute("BEGIN")
                except BaseException:
                    pool.discard(link)
                    raise
            except FAILURES as problem:
                raise translate(problem) from problem
            self._link = link
        return self._link

    async def _run(self, statement: Statement[Any], arguments: tuple[Any, ...]) -> Any:
        link = await self._begin()
        try:
            return await self.database.fetch(link, statement, arguments)
        except FAILURES as problem:
            raise translate(problem) from problem

    async def finish(self) -> None:
        """Commit; the platform calls this, never a use case."""
        if self._link is None:
            return
        tags = tuple(self._tags)
        invalidations = self.database.invalidations
        if tags and invalidations is not None:
            await invalidations.block(tags)
        try:
            for start in range(0, len(tags), 50):
                payload = "\n".join((PROCESS_ID, *tags[start : start + 50]))
                await self._run(_NOTIFY, (INVALIDATION_CHANNEL, payload))
            for channel in self._channels:
                await self._run(_NOTIFY, (channel, ""))
            await self._end("COMMIT")
        finally:
            if tags and invalidations is not None:
                await invalidations.release(tags)
        for heard in self.database.heard if tags else ():
            heard(tags)
        for callback in self._after:
            callback()

    async def abandon(self) -> None:
        """Roll back; the platform calls this, never a use case."""
        if self._link is not None:
            await self._end("ROLLBACK")

    async def _end(self, how: str) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        pool = self.database.write_pool
        try:
            status = await link.connection.execute(how)
        except BaseException as problem:
            pool.discard(link)
            if isinstance(problem, FAILURES):
                raise translate(problem) from problem
            raise
        pool.release(link)
        if status != how:
            raise errors.TransactionFailed


class SoleWriter(Writer):
    """Runs exactly one command, which is its own transaction."""

    def __init__(self, database: "Database") -> None:
        super().__init__(database)
        self._is_spent = False

    async def one_gathered(self, gathered: Gathered[T], *arguments: object) -> T:
        """Return the row of a command, which commits with those of other callers."""
        self._spend(gathered.alone)
        return cast(T, await self.database.gatherer(gathered).run(arguments))

    async def _run(self, statement: Statement[Any], arguments: tuple[Any, ...]) -> Any:
        self._spend(statement)
        return await self._run_alone(self.database.write_pool, statement, arguments)

    def _spend(self, statement: Statement[Any]) -> None:
        if self._is_spent and statement.writes:
            raise RuntimeError(f"{statement.name} would be a second transaction")
        self._is_spent = self._is_spent or statement.writes


class Database:
    """The pools of one process. Open it before use and close it at the end."""

    def __init__(self, dsn: str, *, replica_dsn: str | None = None, connections: int = 10) -> None:
        self.write_pool = Pool(dsn, connections)
        self.read_pool = Pool(replica_dsn, connections) if replica_dsn else self.write_pool
        self.invalidations: Invalidations | None = None
        self.heard: list[Callable[[tuple[str, ...]], None]] = []
        self.observe: Callable[[str, float], None] | None = None
        self._gatherers: dict[Statement[Any], Gatherer[Any]] = {}

    async def open(self) -> None:
        """Connect once, so that a wrong address is said at the start."""
        try:
            for pool in {self.write_pool, self.read_pool}:
                pool.release(await pool.acquire())
        except FAILURES as problem:
            raise translate(problem) from problem

    async def close(self) -> None:
        """Close every connection, waiting for none."""
        await self.write_pool.close()
        await self.read_pool.close()

    def on_invalidation(self, heard: Callable[[tuple[str, ...]], None]) -> None:
        """Call `heard` with what a transaction of this process has invalidated, once it has
        committed; for those of other processes there is the listener."""
        self.heard.append(heard)

    def reader(self) -> Reader:
        """Return a Reader; it holds nothing and needs no end."""
        return Reader(self)

    def sole_writer(self) -> SoleWriter:
        """Return a SoleWriter; it holds nothing and needs no end."""
        return SoleWriter(self)

    def gatherer(self, gathered: Gathered[T] | GatheredQuery[T]) -> Gatherer[T]:
        """Return where the callers of a gathered statement meet; for this module only."""
        found = self._gatherers.get(gathered.together)
        if found is None:
            runner = self.sole_writer if gathered.together.writes else self.reader
            found = self._gatherers[gathered.together] = Gatherer(gathered, runner)
        return found

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Writer]:
        """Give a Writer, and commit when the block ends well; otherwise roll back."""
        writer = Writer(self)
        try:
            yield writer
            await writer.finish()
        except BaseException:
            await writer.abandon()
            raise

    async def fetch(self, link: Link, statement: Statement[Any], arguments: tuple[Any, ...]) -> Any:
        """Run one statement on `link` and return its records; for this module only."""
        if isinstance(statement, Composed):
            prepared = await link.connection.prepare(statement.text)
        else:
            prepared = link.prepared.get(statement.text) or await link.prepare(statement.text)
        started = time.perf_counter()
        try:
            return await prepared.fetch(*arguments)
        except asyncpg.InvalidCachedStatementError:
            # The schema changed under a prepared statement: the next use prepares it again.
            link.prepared.clear()
            raise
        finally:
            if self.observe is not None:
                self.observe(statement.name, time.perf_counter() - started)
