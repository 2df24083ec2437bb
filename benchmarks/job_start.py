"""How soon a job starts on this machine: from the commit that asks for it to its first line.

    .venv/bin/python -m benchmarks.job_start [JOBS]

Starts its own durable PostgreSQL, and a Redis where there is one, and a worker as a process of its
own for each of the two ways that jobs go. One job every 50 ms, so that none waits for another.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec

from lyceum.app.engines import open_engines
from lyceum.platform import clock, jobs, migrations, runner
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Database, Reader
from lyceum.platform.embedded import start_embedded
from lyceum.platform.jobs import JobContext
from lyceum.platform.settings import load_settings
from lyceum.platform.statements import command, sql

ACTOR = system_actor("benchmark")
SPACING_SECONDS = 0.05
GOAL_SECONDS = 0.05


class Took(msgspec.Struct, frozen=True):
    """Seconds from the commit to the start."""

    seconds: float


_EMPTY = command("TRUNCATE platform.jobs")
_DONE = sql("SELECT result FROM platform.jobs WHERE state = 'succeeded'", bytes)


@jobs.job()
async def note_start(_context: JobContext, *, asked_at: float) -> Took:
    """Answer how long ago it was asked for, by the clock of this machine."""
    return Took(clock.utc_now().timestamp() - asked_at)


async def nobody(_tx: Reader, user_id: object) -> Actor:
    """Make no actor: nobody asks in person."""
    raise LookupError(user_id)


async def work(dsn: str, folder: str) -> None:
    """Be the worker until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = load_settings(environment="test", data_dir=Path(folder))
    async with open_engines(settings, dsn) as engines:
        await runner.run_worker(engines, stop, nobody)


@contextlib.asynccontextmanager
async def worker(dsn: str, folder: Path, redis_url: str) -> AsyncIterator[None]:
    """Run a worker process for the length of the block."""
    environment = {**os.environ, "REDIS_URL": redis_url}
    if not redis_url:
        del environment["REDIS_URL"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.job_start", "worker", dsn, str(folder), env=environment
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def ask(database: Database) -> None:
    """Ask for one job; the clock starts when the commit has come back, or a little before."""
    async with database.transaction() as tx:
        await jobs.enqueue(tx, ACTOR, note_start, asked_at=clock.utc_now().timestamp())


async def measure(dsn: str, folder: Path, name: str, redis_url: str, count: int) -> bool:
    """Print how soon jobs start in one of the ways; return whether the goal is reached."""
    database = Database(dsn)
    async with database.transaction() as tx:
        await tx.execute(_EMPTY)
    async with worker(dsn, folder, redis_url):
        for _ in range(5):
            await ask(database)
        while len(await database.reader().all(_DONE)) < 5:  # noqa: ASYNC110 - rows set no events
            await asyncio.sleep(0.05)
        async with database.transaction() as tx:
            await tx.execute(_EMPTY)  # those waited for the worker to start
        for _ in range(count):
            await ask(database)
            await asyncio.sleep(SPACING_SECONDS)
        while len(await database.reader().all(_DONE)) < count:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    found = [
        msgspec.json.decode(row, type=Took).seconds for row in await database.reader().all(_DONE)
    ]
    ordered = sorted(found)
    p95 = ordered[int(len(ordered) * 0.95)]
    print(
        f"{name}: {count} jobs, p50 {statistics.median(ordered) * 1000:.1f} ms,"
        f" p95 {p95 * 1000:.1f} ms, max {ordered[-1] * 1000:.1f} ms"
    )
    await database.close()
    return p95 <= GOAL_SECONDS


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str | None]:
    """Run a Redis for the length of the block, if there is one to run."""
    if shutil.which("redis-server") is None:
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def main() -> int:
    """Measure both ways; answer 1 when one of them misses the goal."""
    if sys.argv[1:2] == ["worker"]:
        asyncio.run(work(*sys.argv[2:4]))
        return 0
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as name, start_embedded(Path(name) / "pg") as server:
        folder = Path(name)
        migrations.upgrade(server.dsn)
        reached = asyncio.run(measure(server.dsn, folder, "on PostgreSQL", "", count))
        with redis(folder) as url:
            if url is None:
                print("on Redis: not measured, redis-server is not installed")
            else:
                reached &= asyncio.run(measure(server.dsn, folder, "on Redis", url, count))
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
