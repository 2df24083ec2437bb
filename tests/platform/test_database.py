"""Readers and writers: what commits, what rolls back, what is refused."""

import asyncio
from typing import Any

import pytest

from lyceum.platform import errors
from lyceum.platform.database import ConstraintBroken, Database, Writer
from lyceum.platform.pool import Pool
from lyceum.platform.statements import Json, command, sql

_INSERT = command(
    "INSERT INTO platform.inbox (handler, event_id) VALUES ($1, gen_random_uuid()) RETURNING 1", int
)
_COUNT = sql("SELECT count(*)::int FROM platform.inbox WHERE handler = $1", int)
_JSON = sql("SELECT jsonb_build_object('a', $1::int)", Json)
_ECHO = sql("SELECT $1::jsonb", Json)
_BAD_CHECK = command(
    "INSERT INTO platform.jobs (id, name, queue, arguments, request_id, state)"
    " VALUES (gen_random_uuid(), 'x', 'default', '{}', '', 'nonsense')"
)
_TEXT = sql("SELECT $1::text", str)
_SMALL = sql("SELECT $1::smallint", int)
_SLEEP = sql("SELECT 1 FROM pg_sleep(5)", int)


async def test_a_transaction_commits_at_the_end_of_its_block(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.one(_INSERT, "commits")
        assert await database.reader().one(_COUNT, "commits") == 0
    assert await database.reader().one(_COUNT, "commits") == 1


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await tx.one(_INSERT, "fails")
            raise errors.NotFound

    with pytest.raises(errors.NotFound):
        await fail()
    assert await database.reader().one(_COUNT, "fails") == 0


async def test_a_sole_writer_runs_one_command_only(database: Database) -> None:
    writer = database.sole_writer()
    await writer.one(_INSERT, "sole")
    assert await database.reader().one(_COUNT, "sole") == 1
    with pytest.raises(RuntimeError, match="second transaction"):
        await writer.one(_INSERT, "sole")


async def test_json_travels_as_bytes_both_ways(tx: Writer) -> None:
    assert await tx.one(_JSON, 1) == b'{"a": 1}'
    assert await tx.one(_ECHO, b'{"a":[1,2]}') == b'{"a": [1, 2]}'


async def test_a_broken_constraint_has_its_name(tx: Writer) -> None:
    with pytest.raises(ConstraintBroken) as broken:
        await tx.execute(_BAD_CHECK)
    assert broken.value.constraint == "jobs_state"


@pytest.mark.parametrize(("statement", "value"), [(_TEXT, "a\x00b"), (_SMALL, 1 << 40)])
async def test_a_value_that_cannot_be_stored_is_invalid_input(
    tx: Writer, statement: Any, value: object
) -> None:
    with pytest.raises(errors.InvalidInput):
        await tx.one(statement, value)


async def test_more_callers_than_connections_wait_their_turn(database: Database) -> None:
    counts = await asyncio.gather(*(database.reader().one(_COUNT, "nobody") for _ in range(200)))
    assert counts == [0] * 200


async def test_a_cancelled_query_gives_its_connection_back(database: Database) -> None:
    tasks = [asyncio.create_task(database.reader().one(_SLEEP)) for _ in range(10)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(3):
        assert await database.reader().one(_COUNT, "nobody") == 0
    assert database.read_pool.in_use == 0


async def test_callers_get_connections_in_the_order_of_asking(dsn: str) -> None:
    pool = Pool(dsn, 2)
    first, second = await pool.acquire(), await pool.acquire()
    order: list[int] = []

    async def use(number: int) -> None:
        link = await pool.acquire()
        order.append(number)
        await asyncio.sleep(0)
        pool.release(link)

    tasks = [asyncio.create_task(use(number)) for number in range(20)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    pool.release(first)
    pool.discard(second)
    await asyncio.gather(*tasks, return_exceptions=True)
    # The second in the row got the place of a closed connection, and had to open one first.
    assert [number for number in order if number != 1] == [0, 2, *range(4, 20)]
    assert 1 in order
    assert (pool.in_use, pool.waiting) == (0, 0)
    await pool.close()
