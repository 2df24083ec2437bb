"""How fast the worker delivers events on this machine: events a second, and idle latency.

    .venv/bin/python benchmarks/event_delivery.py [EVENTS]

With RABBITMQ_URL the same events go through that broker, on queues of their own. Starts its own
durable PostgreSQL in a temporary folder. Each event has the handlers that the program has for every
event, the audit trail's among them, and one that writes one row. Throughput is measured on a full
outbox until every handler has had every event; beside it stands the processor time of
an event, which says more on a machine with other work. Latency is from the commit of a single event
to the handler's turn, one event every 50 ms, delivered by the same process.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import aiormq
import uvloop

from lyceum.app import services
from lyceum.app.engines import open_engines
from lyceum.platform import events, ids, migrations
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.embedded import start_embedded
from lyceum.platform.engines import Engines
from lyceum.platform.event_work import deliver_events
from lyceum.platform.rabbitmq import Names
from lyceum.platform.settings import load_settings
from lyceum.platform.statements import command, sql

ACTOR = system_actor("benchmark")
INSERT = command("INSERT INTO bench_effects (id) VALUES ($1)")
HAD = sql("SELECT count(*) FROM platform.inbox", int)
HANDLED = sql("SELECT count(*) FROM bench_effects", int)
RECORDED = sql("SELECT count(*) FROM audit.entries WHERE action = 'bench.measured'", int)
SERVER = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'", int)
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


@asynccontextmanager
async def worker(engines: Engines) -> AsyncIterator[None]:
    """Deliver events as a worker does, within the block."""
    stop = asyncio.Event()
    running = asyncio.create_task(deliver_events(engines, stop, grace_seconds=5))
    try:
        yield
    finally:
        stop.set()
        await running


async def measure_throughput(engines: Engines, count: int, keys: int) -> None:
    """Print how many events of a full outbox are handled in a second."""
    reader = engines.database.reader()
    wanted = await reader.one(HANDLED) + count
    handlers = len(events.subscriptions_of(Measured.name))
    await fill(engines.database, count, keys)
    server = await reader.one(SERVER)
    started, cpu, postgres = time.perf_counter(), time.process_time(), server_seconds(server)
    async with worker(engines):
        while await reader.one(HAD) < wanted * handlers:  # noqa: ASYNC110 - rows do not set events
            await asyncio.sleep(0.1)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        postgres = server_seconds(server) - postgres
    if await reader.one(HANDLED) != wanted or await reader.one(RECORDED) != wanted:
        raise SystemExit("an event had its effect twice, or not at all")
    print(
        f"{count} events of {keys} keys: {count / seconds:.0f}/s; an event takes"
        f" {cpu / count * 1e6:.0f} us of Python and {postgres / count * 1e6:.0f} us of PostgreSQL"
    )


def server_seconds(pid: int) -> float:
    """Return the processor time of the server that `pid` is a process of, with all of its own."""
    _, parent = _cpu_of(pid)
    found = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            seconds, its_parent = _cpu_of(int(folder.name))
            found += seconds if its_parent == parent or int(folder.name) == parent else 0.0
    return found


def _cpu_of(pid: int) -> tuple[float, int]:
    """Return the processor time of a process and its children that have ended, and its parent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"), int(fields[1])


async def measure_latency(engines: Engines) -> None:
    """Print the time from the emitting of a lonely event to its handler."""
    async with worker(engines):
        await asyncio.sleep(1)  # until there is a line to the broker
        for _ in range(200):
            await asyncio.sleep(0.05)
            async with engines.database.transaction() as tx:
                happened = Measured(thing_id=ids.new_id(), text="", sent_at=time.perf_counter())
                await events.emit(tx, ACTOR, happened)
        await asyncio.sleep(0.5)
    ordered = sorted(latencies)
    print(
        f"idle latency of {len(ordered)}: p50 {statistics.median(ordered) * 1000:.1f} ms,"
        f" p95 {ordered[int(len(ordered) * 0.95)] * 1000:.1f} ms, max {ordered[-1] * 1000:.1f} ms"
    )


async def measure(dsn: str, folder: Path, count: int) -> None:
    """Run all measurements on a migrated database."""
    settings = load_settings(
        environment="test", data_dir=folder, rabbitmq_prefix=f"bench-{ids.new_id().hex[-8:]}"
    )
    services.load_handlers("all")
    handlers = ", ".join(one.name for one in events.subscriptions_of(Measured.name))
    print(f"{'through RabbitMQ' if settings.rabbitmq_url else 'in place'}; handlers: {handlers}")
    async with open_engines(settings, dsn) as engines:
        async with engines.database.transaction() as tx:
            await tx.execute(SETUP)
        for keys in (count, count // 20, 1):
            await measure_throughput(engines, count, keys)
        await measure_latency(engines)
    if settings.rabbitmq_url:
        await remove_queues(settings.rabbitmq_url, Names(settings.rabbitmq_prefix))


async def remove_queues(url: str, names: Names) -> None:
    """Take what was measured with off the broker."""
    async with aiormq.connect(url) as connection:
        channel = await connection.channel()
        for queue in (names.dead, *map(names.queue, events.bindings())):
            await channel.queue_delete(queue)
        for exchange in (names.events, names.dead):
            await channel.exchange_delete(exchange)


def main() -> None:
    """Start a server, measure, stop it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as folder, start_embedded(Path(folder)) as server:
        migrations.upgrade(server.dsn)
        uvloop.run(measure(server.dsn, Path(folder) / "data", count))


if __name__ == "__main__":
    main()
