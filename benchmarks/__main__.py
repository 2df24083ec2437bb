"""Runs the comparison of the performance specification; `--quick` without most of the peers."""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import contenders, dataset, report
from benchmarks.contenders import ALL, Contender
from benchmarks.dataset import FULL, QUICK, Scale
from benchmarks.load import Measure, check_bodies, load, pgbench
from lyceum.platform import clock, migrations
from lyceum.platform.embedded import start_embedded
from lyceum.platform.settings import load_settings

HERE = Path(__file__).parent
BUILD = HERE / "build"
RESULTS = HERE / "results"
QUICK_CONTENDERS = ("lyceum", "lyceum-uncached", "fastify-json", "fastify-cached")
# Long enough to see every course once, which then is in the caches of those who have one.
WARM_UP_SECONDS = 4
Rounds = dict[tuple[str, str], list[Measure]]


def main() -> int:
    """Measure, print, and write the results; 1 when a figure is not reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less data, fewer peers, one round")
    parser.add_argument("--rounds", type=int, help="rounds of each contender (3; quick: 1)")
    parser.add_argument("--seconds", type=int, help="seconds of each run (8; quick: 3)")
    parser.add_argument("--only", help="comma-separated contenders, pgbench too")
    options = parser.parse_args()
    console = Console()
    missing = contenders.missing_tools()
    if missing:
        console.print(
            f"[red]{', '.join(missing)} not found.[/] Debian, Ubuntu: apt-get install wrk"
            " util-linux nodejs npm"
        )
        return 2
    names = QUICK_CONTENDERS if options.quick else tuple(c.name for c in ALL)
    if options.only:
        names = tuple(options.only.split(","))
    chosen = [c for c in ALL if c.name in names]
    rounds = options.rounds or (1 if options.quick else 3)
    seconds = options.seconds or (3 if options.quick else 8)
    scale = QUICK if options.quick else FULL
    has_pgbench = not options.only or "pgbench" in names
    result = run(console, chosen, scale, rounds, seconds, with_pgbench=has_pgbench)
    report.show(console, result)
    _write(console, result, "quick" if options.quick else "full")
    return 0 if all(target.is_reached for target in result.targets) else 1


def run(
    console: Console,
    chosen: list[Contender],
    scale: Scale,
    rounds: int,
    seconds: int,
    *,
    with_pgbench: bool,
) -> report.Result:
    """Measure the contenders in turn, `rounds` times."""
    BUILD.mkdir(exist_ok=True)
    contenders.install_peers(BUILD)
    data = BUILD / f"data-{scale.users}-{migrations.head_revision()}"
    data.mkdir(exist_ok=True)
    with start_embedded(data) as server:
        _pin(server.pid)
        _prepare(console, server.dsn, scale, data)
        found: Rounds = defaultdict(list)
        memory = 0.0
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        total = rounds * (sum(len(c.endpoints) for c in chosen) + 3 * with_pgbench)
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("measuring", total=total)
            for number in range(rounds):
                for contender in chosen:
                    if "progress" in contender.endpoints:
                        asyncio.run(dataset.reset(server.dsn, scale))
                    with contenders.running(contender, server.dsn, BUILD, data) as (port, pid):
                        check_bodies(contender, port, data)
                        for endpoint in contender.endpoints:
                            progress.update(
                                task, description=f"round {number + 1}: {contender.name} {endpoint}"
                            )
                            load(contender, endpoint, port, data, scale, WARM_UP_SECONDS, number)
                            measure = load(contender, endpoint, port, data, scale, seconds, number)
                            found[contender.name, endpoint].append(measure)
                            progress.advance(task)
                        if contender.name == "lyceum":
                            memory = max(memory, _resident_mib(pid))
                if with_pgbench:
                    asyncio.run(dataset.reset(server.dsn, scale))
                    for endpoint in report.ENDPOINTS:
                        progress.update(task, description=f"round {number + 1}: pgbench {endpoint}")
                        measure = pgbench(endpoint, server.dsn, data, scale, seconds)
                        found["pgbench", endpoint].append(measure)
                        progress.advance(task)
    lines = [report.line_of(name, endpoint, ms) for (name, endpoint), ms in found.items()]
    return report.Result(
        taken_at=clock.utc_now(),
        machine=report.machine(),
        users=scale.users,
        courses=scale.courses,
        web_memory_mib=round(memory, 1),
        lines=lines,
        targets=report.targets_of(lines),
    )


def _prepare(console: Console, dsn: str, scale: Scale, data: Path) -> None:
    marker = data / "filled"
    if not marker.exists():
        console.print(f"filling a database with {scale.users:,} users, once …")
        migrations.upgrade(dsn)
        asyncio.run(dataset.fill(dsn, scale))
        marker.touch()
    os.environ.update(contenders.production(dsn, data))
    asyncio.run(dataset.write_tokens(dsn, load_settings(), scale, data))


def _pin(pid: int | None) -> None:
    """Keep PostgreSQL, and what it starts, on the core of the servers."""
    subprocess.run(
        ["taskset", "-a", "-c", "-p", contenders.SERVER_CORE, str(pid)],
        check=True,
        capture_output=True,
    )


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024 / 1024


def _write(console: Console, result: report.Result, kind: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    name = f"{result.taken_at:%Y-%m-%d}-{kind}"
    path = RESULTS / f"{name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    report.plot(result, RESULTS / f"{name}.svg")
    console.print(f"written: {path.relative_to(HERE.parent)} and its plot beside it")


if __name__ == "__main__":
    sys.exit(main())
