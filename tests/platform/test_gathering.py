"""Callers of one command who come at once: their answers, their troubles, and their commits."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from lyceum.platform import errors, ids
from lyceum.platform.database import ConstraintBroken, Database
from lyceum.platform.gathering import MOST, Gathered, GatheredQuery
from lyceum.platform.statements import command, sql
from tests.app.program import free_port


class _Found(msgspec.Struct, frozen=True):
    event_id: UUID


class _PlacedFound(_Found, frozen=True):
    place: int


class _Slept(msgspec.Struct, frozen=True):
    slept: int


class _PlacedSlept(_Slept, frozen=True):
    place: int


_ALONE = command(
    "INSERT INTO platform.inbox (handler, event_id) VALUES ($1, $2) RETURNING event_id", UUID
)
_TOGETHER = command(
    """
    INSERT INTO platform.inbox (handler, event_id) SELECT * FROM unnest($1::text[], $2::uuid[])
    RETURNING event_id
    """,
    UUID,
)
_WRITE = Gathered(_ALONE, _TOGETHER, sorted_by=2)
_BROKEN = Gathered(_ALONE, command("SELECT $1 = $2 FROM no_such_table", UUID), sorted_by=2)
_FIND = GatheredQuery(
    sql("SELECT event_id FROM platform.inbox WHERE handler = $1 AND event_id = $2", _Found),
    sql(
        """
        SELECT i.event_id, w.place FROM unnest($1::text[], $2::uuid[])
            WITH ORDINALITY w (handler, event_id, place)
        JOIN platform.inbox i ON i.handler = w.handler AND i.event_id = w.event_id
        """,
        _PlacedFound,
    ),
)
_SLEEP = GatheredQuery(
    sql("SELECT count(pg_sleep($1))::int AS slept", _Slept),
    sql(
        """
        SELECT 1 AS slept, w.place FROM unnest($1::float8[]) WITH ORDINALITY w (seconds, place)
        CROSS JOIN LATERAL (SELECT pg_sleep(w.seconds)) s
        """,
        _PlacedSlept,
    ),
)
_COMMITS = sql("SELECT count(DISTINCT xmin::text)::int FROM platform.inbox WHERE handler = $1", int)
_ROWS = sql("SELECT count(*)::int FROM platform.inbox WHERE handler = $1", int)


async def write(database: Database, name: str, thing: UUID) -> UUID:
    return await database.sole_writer().one_gathered(_WRITE, name, thing)


async def test_each_caller_has_the_row_of_its_own_and_few_commits_serve_all(
    database: Database,
) -> None:
    things = [ids.new_id() for _ in range(20 * MOST)]
    rows = await asyncio.gather(*(write(database, "own row", thing) for thing in reversed(things)))
    assert rows == list(reversed(things))
    assert await database.reader().one(_ROWS, "own row") == len(things)
    assert await database.reader().one(_COMMITS, "own row") == 20


async def test_the_trouble_of_one_is_not_that_of_others(database: Database) -> None:
    twice = ids.new_id()
    things = [twice, *(ids.new_id() for _ in range(10)), twice]
    found = await asyncio.gather(
        *(write(database, "trouble", thing) for thing in things), return_exceptions=True
    )
    assert set(things) - set(found) == set()
    assert [type(one) for one in found if not isinstance(one, UUID)] == [ConstraintBroken]
    assert await database.reader().one(_ROWS, "trouble") == 11


async def test_a_value_that_does_not_fit_is_the_fault_of_who_sent_it(database: Database) -> None:
    names = ["fits", "fits\x00not", "fits"]
    found = await asyncio.gather(
        *(write(database, name, ids.new_id()) for name in names), return_exceptions=True
    )
    assert [isinstance(one, UUID) for one in found] == [True, False, True]
    assert isinstance(found[1], errors.InvalidInput)


async def test_who_goes_away_changes_nothing_for_the_others(database: Database) -> None:
    tasks = [asyncio.create_task(write(database, "away", ids.new_id())) for _ in range(100)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, UUID) for one in found[1::2])
    assert all(isinstance(one, asyncio.CancelledError) for one in found[::2])
    assert 50 <= await database.reader().one(_ROWS, "away") <= 100
    assert isinstance(await write(database, "away", ids.new_id()), UUID)


async def test_all_hear_of_a_database_that_is_gone() -> None:
    gone = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    found = await asyncio.gather(
        *(write(gone, "gone", ids.new_id()) for _ in range(5)), return_exceptions=True
    )
    assert [type(one) for one in found] == [errors.DatabaseUnreachable] * 5


async def test_a_bug_in_the_command_is_told_to_each_caller(database: Database) -> None:
    found = await asyncio.gather(
        *(database.sole_writer().one_gathered(_BROKEN, "bug", ids.new_id()) for _ in range(3)),
        return_exceptions=True,
    )
    assert [type(one).__name__ for one in found] == ["UndefinedTableError"] * 3


async def test_too_few_rows_are_a_bug_that_leaves_nobody_waiting(database: Database) -> None:
    first = "INSERT INTO platform.inbox (handler, event_id) VALUES (($1::text[])[1],"
    short = command(f"{first} ($2::uuid[])[1]) RETURNING event_id", UUID)
    gathered = Gathered(_ALONE, short, sorted_by=2)
    found = await asyncio.gather(
        *(database.sole_writer().one_gathered(gathered, "few", ids.new_id()) for _ in range(3)),
        return_exceptions=True,
    )
    assert [type(one) for one in found] == [LookupError] * 3


async def test_a_transaction_keeps_it_to_itself(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.one_gathered(_WRITE, "transaction", ids.new_id())
        assert await database.reader().one(_ROWS, "transaction") == 0
    assert await database.reader().one(_ROWS, "transaction") == 1


async def test_it_is_the_only_command_of_a_sole_writer(database: Database) -> None:
    writer = database.sole_writer()
    await writer.one_gathered(_WRITE, "only", ids.new_id())
    with pytest.raises(RuntimeError, match="second transaction"):
        await writer.one_gathered(_WRITE, "only", ids.new_id())


async def find(database: Database, name: str, thing: UUID) -> _Found | None:
    return await database.reader().find_gathered(_FIND, name, thing)


async def sleep(database: Database, seconds: float) -> _Slept | None:
    return await database.reader().find_gathered(_SLEEP, seconds)


async def test_each_reader_has_its_own_row_or_none(database: Database) -> None:
    things = [ids.new_id() for _ in range(3 * MOST)]
    for thing in things[::2]:
        await write(database, "read", thing)
    calls: list[str] = []
    database.observe = lambda name, _: calls.append(name)
    found = await asyncio.gather(*(find(database, "read", one) for one in things))
    database.observe = None
    assert [row and row.event_id for row in found[::2]] == things[::2]
    assert set(found[1::2]) == {None}
    assert len(calls) <= 4


async def test_a_reader_with_a_wrong_value_is_alone_with_it(database: Database) -> None:
    thing = ids.new_id()
    await write(database, "wrong value", thing)
    found = await asyncio.gather(
        *(find(database, name, thing) for name in ("wrong value", "not\x00ours")),
        return_exceptions=True,
    )
    assert isinstance(found[0], _Found)
    assert isinstance(found[1], errors.InvalidInput)


async def test_a_transaction_reads_what_it_wrote(database: Database) -> None:
    thing = ids.new_id()
    async with database.transaction() as tx:
        await tx.one_gathered(_WRITE, "own eyes", thing)
        found: _Found | None = await tx.find_gathered(_FIND, "own eyes", thing)
        assert found is not None
        assert await find(database, "own eyes", thing) is None


async def test_nobody_waits_for_one_slow_call(database: Database) -> None:
    slow = asyncio.create_task(sleep(database, 2.0))
    await asyncio.sleep(0.05)
    quick = [asyncio.create_task(sleep(database, 0.0)) for _ in range(5)]
    done, _ = await asyncio.wait(quick, timeout=1.5)
    assert len(done) == 5
    assert not slow.done()
    assert await slow == _PlacedSlept(1, 1)
