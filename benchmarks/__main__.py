"""Runs the comparison of the performance specification; `--quick` without most of the peers."""

import argparse
import asyncio
import os
import resource
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import contenders, dataset, report
from benchmarks.contenders import ALL, Contender, Cores
from benchmarks.dataset import FULL, QUICK, TENFOLD, Scale
from benchmarks.load import Measure, check_bodies, load, pgbench
from lyceum.platform import clock, migrations
from lyceum.platform.embedded import start_embedded
from lyceum.platform.settings import load_settings

HERE = Path(__file__).parent
BUILD = HERE / "build"
RESULTS = HERE / "results"
QUICK_CONTENDERS = ("lyceum", "lyceum-uncached", "fastify-json", "fastify-cached")
OURS = ("lyceum", "lyceum-uncached")
COLUMNS = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())


class Plan(msgspec.Struct, frozen=True):
    """What is measured: who, on how much data, how often and for how long."""

    chosen: list[Contender]
    scale: Scale
    rounds: int
    seconds: int
    with_pgbench: bool
    cores: Cores


def main() -> int:
    """Measure, print, and write the results; 1 when a figure is not reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less data, fewer peers, one round")
    parser.add_argument("--tenfold", action="store_true", help="Lyceum with ten times the rows")
    parser.add_argument("--processes", type=int, default=1, help="processes of each contender")
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
    if options.tenfold:
        names = OURS
    if options.only:
        names = tuple(options.only.split(","))
    plan = Plan(
        chosen=[c for c in ALL if c.name in names],
        scale=QUICK if options.quick else FULL,
        rounds=options.rounds or (1 if options.quick else 3),
        seconds=options.seconds or (3 if options.quick else 8),
        with_pgbench="pgbench" in names or not (options.only or options.tenfold),
        cores=Cores.of(options.processes),
    )
    result = run(console, plan)
    kind = "quick" if options.quick else "full"
    if options.processes > 1:
        kind += f"-{options.processes}-processes"
    if options.tenfold:
        kind = "tenfold"
        grown = run(console, msgspec.structs.replace(plan, scale=TENFOLD))
        result = report.grown(result, grown)
    report.show(console, result)
    _write(console, result, kind)
    return 0 if all(target.is_reached for target in result.targets) else 1


def run(console: Console, plan: Plan) -> report.Result:
    """Measure the contenders in turn, `rounds` times, each on a copy of the same database."""
    BUILD.mkdir(exist_ok=True)
    contenders.install_peers(BUILD)
    data = BUILD / f"data-{plan.scale.users}-{migrations.head_revision()}"
    if not _is_filled(data):
        shutil.rmtree(data, ignore_errors=True)  # somebody stopped in the middle
    data.mkdir(exist_ok=True)
    found: dict[tuple[str, str], list[Measure]] = defaultdict(list)
    memory = 0.0
    with start_embedded(data) as server:
        _pin(server.pid, plan.cores)
        asyncio.run(_prepare(console, server.dsn, plan.scale, data))
        total = plan.rounds * (sum(len(c.endpoints) for c in plan.chosen) + 3 * plan.with_pgbench)
        with Progress(*COLUMNS, console=console) as progress:
            task = progress.add_task("measuring", total=total)
            for number in range(1, plan.rounds + 1):
                for contender in plan.chosen:
                    progress.update(task, description=f"round {number}: {contender.name}")
                    dsn = asyncio.run(dataset.copy(server.dsn))
                    measures, used = _measure(plan, contender, dsn, data, number)
                    memory = max(memory, used if contender.name == "lyceum" else 0.0)
                    for endpoint, measure in measures.items():
                        found[contender.name, endpoint].append(measure)
                    progress.advance(task, len(measures))
                if plan.with_pgbench:
                    progress.update(task, description=f"round {number}: pgbench")
                    dsn = asyncio.run(dataset.copy(server.dsn))
                    for endpoint in report.ENDPOINTS:
                        pgbench(endpoint, dsn, data, plan.scale, plan.scale.warm_up, plan.cores)
                        measure = pgbench(endpoint, dsn, data, plan.scale, plan.seconds, plan.cores)
                        found["pgbench", endpoint].append(measure)
                        progress.advance(task)
    lines = [report.line_of(name, endpoint, ms) for (name, endpoint), ms in found.items()]
    return report.Result(
        taken_at=clock.utc_now(),
        machine=report.machine(),
        processes=plan.cores.processes,
        users=plan.scale.users,
        courses=plan.scale.courses,
        progress_rows=plan.scale.progress_rows,
        web_memory_mib=round(memory, 1),
        lines=lines,
        targets=report.targets_of(lines),
    )


def _measure(
    plan: Plan, contender: Contender, dsn: str, data: Path, number: int
) -> tuple[dict[str, Measure], float]:
    """Return what one contender does in one round, and the memory of its first process in MiB."""
    scale, cores = plan.scale, plan.cores
    found = {}
    with contenders.running(contender, dsn, BUILD, data, cores) as (port, pid):
        check_bodies(contender, port, data)
        for endpoint in contender.endpoints:
            load(contender, endpoint, port, data, scale, scale.warm_up, number, cores)
            found[endpoint] = load(
                contender, endpoint, port, data, scale, plan.seconds, number, cores
            )
        return found, _resident_mib(pid)


async def _prepare(console: Console, dsn: str, scale: Scale, data: Path) -> None:
    if not _is_filled(data):
        console.print(f"filling a database with {scale.users:,} users, once")
        await asyncio.to_thread(migrations.upgrade, dsn)
        with console.status("") as status:
            async for step in dataset.fill(dsn, scale):
                status.update(step)
        (data / "filled").touch()
    os.environ.update(contenders.production(dsn, data))
    await dataset.write_tokens(dsn, load_settings(), scale, data)


def _is_filled(data: Path) -> bool:
    return (data / "filled").exists()


def _pin(pid: int | None, cores: Cores) -> None:
    """Keep PostgreSQL, and what it starts, where the servers are."""
    subprocess.run(
        ["taskset", "-a", "-c", "-p", cores.servers, str(pid)],
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
