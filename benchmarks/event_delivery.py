"""How fast the worker delivers events on this machine: events a second, and idle latency.

    .venv/bin/python benchmarks/event_delivery.py [EVENTS]

Starts its own durable PostgreSQL in a temporary folder. Each event has one handler that writes
one row. Throughput is measured on a full outbox; latency from the commit of a single event to the
handler's turn, one event every 50 ms, delivered by the same process.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

from lyceum.platform import events, ids, migrations
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.embedded import start_embedded
from lyceum.platform.listener import Listener
from lyceum.platform.outbox import Deliverer
from lyceum.platform.statements import command, sql

ACTOR = system_actor("benchmark")
INSERT = command("INSERT INTO bench_effects (id) VALUES ($1)")
PENDING = sql("SELECT count(*) FROM platform.outbox", int)
SETUP = command("CREATE TABLE bench_effects (id uuid PRIMARY KEY)")


@events.event("bench.measured")
class Measured(events.Event, frozen=True, kw_only=True):
    """Something to handle."""

    thing_id: UUID
    text: str
    sent_at: float = 0.0


latencies: list[float] = []


@events.handles(Measured)
async def write_effect(tx: Writer, happened: Measured) -> None:
    """Write one row, as a small handler does."""
    if happened.sent_at:
        latencies.append(time.perf_counter() - happened.sent_at)
    await tx.execute(INSERT, ids.new_id())


async def fill(database: Database, count: int, keys: int) -> None:
    """Emit `count` events over `keys` keys."""
    names = [ids.new_id() for _ in range(keys)]
    async with database.transaction() as tx:
        for number in range(count):
            happened = Measured(thing_id=names[number % keys], text="something" * 10)
            await events.emit(tx, ACTOR, happened)


async def measure_throughput(database: Database, count: int, keys: int) -> None:
    """Print how many events a second leave a full outbox."""
    await fill(database, count, keys)
    stop = asyncio.Event()
    started, cpu = time.perf_counter(), time.process_time()
    running = asyncio.create_task(Deliverer(database).run(stop))
    while await database.reader().one(PENDING):  # noqa: ASYNC110 - rows do not set events
        await asyncio.sleep(0.02)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    stop.set()
    await running
    print(f"{count} events of {keys} keys: {count / seconds:.0f}/s (Python {cpu / seconds:.0%})")


async def measure_latency(database: Database, dsn: str) -> None:
    """Print the time from the commit of a lonely event to its handler."""
    stop = asyncio.Event()
    deliverer = Deliverer(database)
    listener = Listener(dsn)
    await listener.start()
    async with listener.waking(events.OUTBOX_CHANNEL, deliverer.wake):
        running = asyncio.create_task(deliverer.run(stop))
        for _ in range(200):
            await asyncio.sleep(0.05)
            async with database.transaction() as tx:
                happened = Measured(thing_id=ids.new_id(), text="", sent_at=time.perf_counter())
                await events.emit(tx, ACTOR, happened)
        await asyncio.sleep(0.2)
        stop.set()
        await running
    await listener.close()
    ordered = sorted(latencies)
    print(
        f"idle latency of {len(ordered)}: p50 {statistics.median(ordered) * 1000:.1f} ms,"
        f" p95 {ordered[int(len(ordered) * 0.95)] * 1000:.1f} ms, max {ordered[-1] * 1000:.1f} ms"
    )


async def measure(dsn: str, count: int) -> None:
    """Run all measurements on a migrated database."""
    database = Database(dsn)
    await database.open()
    async with database.transaction() as tx:
        await tx.execute(SETUP)
    for keys in (count, count // 20, 1):
        await measure_throughput(database, count, keys)
    await measure_latency(database, dsn)
    await database.close()


def main() -> None:
    """Start a server, measure, stop it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as folder, start_embedded(Path(folder)) as server:
        migrations.upgrade(server.dsn)
        asyncio.run(measure(server.dsn, count))


if __name__ == "__main__":
    main()
