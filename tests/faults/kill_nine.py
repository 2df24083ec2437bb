"""Kill -9 of everything in the middle of progress writes, and what is left.

    python -m tests.faults.kill_nine --rounds 100 --seed 7
    python -m tests.faults.kill_nine --rounds 100 --victims web,worker,postgres,redis,rabbitmq

Every round some learners work through a course while one process is killed at a moment that the
seed chooses; each victim has so many rounds, in an order that the seed chooses too. With `redis` or
`rabbitmq` among the victims the program runs on such a server of its own. Afterwards: everything
acknowledged is stored, percentages are right, each learner has one certificate and it came about
once, the chain of the audit log is whole, and the program is ready again without help. Prints a
report as JSON and a table of it to the terminal; exit 1 when anything was lost, doubled or wrong.
"""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

import asyncpg
import click
import httpx
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from lyceum.app.cli import COMMANDS
from tests.app import program
from tests.app.program import Program
from tests.faults import learning
from tests.faults.learning import Course, Door
from tests.faults.servers import OwnServer, own_rabbitmq, own_redis

VICTIMS = ("web", "postgres", "worker", "backend", "supervisor")
SERVERS = ("redis", "rabbitmq")
NAMES = {"postgresql": "postgres"}
"""What a victim may be called as well."""
AWAY_SECONDS = 2.0
"""A server that was killed is started again within this time, as an init system would."""
SETTLE_SECONDS = 90.0
INSTRUCTOR = "ines@faults.example"

_EFFECTS = """
    SELECT
        (SELECT count(*) FROM courses.enrolments WHERE course_id = $1) AS enrolments,
        (SELECT count(*) FROM courses.enrolments
         WHERE course_id = $1 AND status = 'completed' AND progress_percent = 100) AS completed,
        (SELECT enrolment_count FROM courses.courses WHERE id = $1) AS counted,
        (SELECT count(*) FROM courses.certificates WHERE course_id = $1) AS certificates,
        (SELECT count(*) FROM courses.certificates
         WHERE course_id = $1 AND pdf_key IS NOT NULL) AS documents,
        (SELECT count(*) FROM platform.jobs j JOIN courses.certificates c
         ON c.id::text = j.arguments->>'certificate_id' AND c.course_id = $1) AS jobs,
        (SELECT count(*) FROM platform.inbox
         WHERE handler = 'courses.issue_certificate') AS handled,
        (SELECT count(*) FROM platform.outbox WHERE dead_at IS NULL) AS waiting,
        (SELECT count(*) FROM platform.outbox WHERE dead_at IS NOT NULL) AS dead,
        (SELECT count(*) FROM platform.jobs WHERE state = 'failed') AS failed
"""


class Round(msgspec.Struct):
    """One kill and what it brought about; `longest_pause` is without an acknowledged write, in
    seconds."""

    victim: str
    killed_after: int
    acknowledged: int
    repeated: int
    longest_pause: float
    faults: list[str]


class Report(msgspec.Struct):
    """All rounds."""

    seed: int
    kills: dict[str, int]
    acknowledged: int
    repeated: int
    longest_pause: float
    certificates: int
    faults: list[str]
    rounds: list[Round]


class Stage(msgspec.Struct):
    """The program under trial and the servers that it runs on, by name."""

    running: Program
    servers: dict[str, OwnServer]


class Killer:
    """Kills one process once a number of writes was acknowledged, and notes the pause after."""

    def __init__(
        self, running: Program, server: OwnServer | None, victim: str, after: int, away: float
    ) -> None:
        self.running = running
        self.server = server
        self.victim = victim
        self.after = after
        self.away = away
        self.acknowledged = 0
        self.killed = asyncio.Event()
        self.last = 0.0
        self.longest_pause = 0.0

    def acknowledge(self) -> None:
        """Note an acknowledged write; the kill is between this one and the next."""
        self.acknowledged += 1
        if self.killed.is_set():
            self.longest_pause = max(self.longest_pause, time.monotonic() - self.last)
        self.last = time.monotonic()
        if self.acknowledged >= self.after and not self.killed.is_set() and self._kill():
            self.killed.set()

    def _kill(self) -> bool:
        """Kill; return False when the process is not there: its supervisor is about to start it."""
        if self.server is not None:
            self.server.kill()
            return True
        pid = self.running.pid_of(self.victim)
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        return True

    async def make_sure(self) -> None:
        """Kill now if the process was not there in time."""
        while not self.killed.is_set():
            if self._kill():
                self.killed.set()
            else:
                await asyncio.sleep(0.05)

    async def revive(self) -> None:
        """Start the server again that was killed, after a while."""
        await self.killed.wait()
        await asyncio.sleep(self.away)
        assert self.server is not None
        await asyncio.to_thread(self.server.start)

    async def replace_supervisor(self) -> None:
        """Start the program again as an init system would; the web process may hold the port for
        a moment."""
        await self.killed.wait()
        self.running.process.wait()
        while True:
            again = program.start(self.running.folder, port=self.running.port)
            self.running.process = again.process
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(again.process.wait, 2)
                continue
            return


async def run_round(
    stage: Stage, door: Door, course: Course, victim: str, chance: random.Random, learners: int
) -> Round:
    """Let learners work through the course while the victim is killed, and look what is left."""
    people = [await learning.enrol_learner(door, course) for _ in range(learners)]
    writes = learners * len(course.lectures)
    # The worker has most to do when courses are completed, everybody else all the time.
    first = writes - learners if victim == "worker" else writes // 10
    running, server = stage.running, stage.servers.get(victim)
    after, away = chance.randint(first, writes - 2), chance.uniform(0.0, AWAY_SECONDS)
    killer = Killer(running, server, victim, after, away)
    works: list[Awaitable[None]] = [
        learning.work_through(door, course, each, killer.acknowledge) for each in people
    ]
    if victim == "supervisor":
        works.append(killer.replace_supervisor())
    if server is not None:
        works.append(killer.revive())
    await asyncio.gather(*works)
    await killer.make_sure()
    await asyncio.to_thread(running.wait_until_ready)
    faults = [fault for each in people for fault in each.faults]
    for each in people:
        faults += await learning.find_losses(door, course, each)
    return Round(
        victim=victim,
        killed_after=killer.after,
        acknowledged=killer.acknowledged,
        repeated=sum(each.repeated for each in people),
        longest_pause=round(killer.longest_pause, 2),
        faults=faults,
    )


async def find_effects(dsn: str, course: Course, learners: int) -> list[str]:
    """Wait until events and jobs are done; return what there is too little or too much of."""
    wanted = dict.fromkeys(
        ("enrolments", "completed", "counted", "certificates", "documents", "jobs", "handled"),
        learners,
    )
    wanted |= {"waiting": 0, "dead": 0, "failed": 0}
    until, found = time.monotonic() + SETTLE_SECONDS, dict[str, int]()
    while found != wanted and time.monotonic() < until:
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            row = await connection.fetchrow(_EFFECTS, UUID(course.id))
            found = dict(row or {})
        finally:
            await connection.close()
        await asyncio.sleep(0.2)
    return [
        f"{found.get(name)} {name}, where {count} are right"
        for name, count in wanted.items()
        if found.get(name) != count
    ]


def check_use(running: Program, servers: Iterable[str]) -> None:
    """Make sure that the program works with the servers: to kill an idle one proves nothing."""
    found = httpx.get(f"{running.url}/ready", timeout=20).json()["data"]["dependencies"]
    notes = {each["name"]: each["note"] for each in found if each["isUp"]}
    for name in servers:
        dependency, word = {"redis": ("jobs", "Redis"), "rabbitmq": ("events", "RabbitMQ")}[name]
        assert notes.get(dependency, "").startswith(word), f"{name} is not used: {notes}"


@contextlib.contextmanager
def staged(folder: Path, victims: Sequence[str]) -> Iterator[Stage]:
    """Run the program, on servers of its own as far as they are to be killed."""
    with contextlib.ExitStack() as stack:
        servers: dict[str, OwnServer] = {}
        for name, lend in (("redis", own_redis), ("rabbitmq", own_rabbitmq)):
            if name in victims:
                servers[name] = stack.enter_context(lend(folder / name))
        addresses = {f"{name.upper()}_URL": server.url for name, server in servers.items()}
        running = stack.enter_context(program.running(folder / "academy", **addresses))
        check_use(running, servers)
        yield Stage(running, servers)


async def run(
    folder: Path,
    *,
    rounds: int,
    seed: int,
    learners: int,
    lectures: int,
    victims: Sequence[str] = VICTIMS,
    tell: Callable[[Round], None] = lambda _: None,
) -> Report:
    """Start the program, kill each victim in so many rounds, and return the report."""
    chance = random.Random(seed)
    order = [victim for victim in victims for _ in range(rounds)]
    chance.shuffle(order)
    done: list[Round] = []
    with staged(folder, victims) as stage:
        running = stage.running
        running.lyceum(
            "users", "create", INSTRUCTOR, "--first-name", "Ines", "--role", "instructor",
            "--password", learning.PASSWORD,
        )  # fmt: skip
        async with Door(running.url) as door:
            course = await learning.make_course(door, INSTRUCTOR, lectures)
            for victim in order:
                done.append(await run_round(stage, door, course, victim, chance, learners))
                tell(done[-1])
            faults = await find_effects(running.dsn, course, len(order) * learners)
        faults += await asyncio.to_thread(find_broken_chain, running)
    if running.process.returncode != 0:
        faults.append(f"SIGTERM: ended with {running.process.returncode}")
    return Report(
        seed=seed,
        kills=dict(Counter(each.victim for each in done)),
        acknowledged=sum(each.acknowledged for each in done),
        repeated=sum(each.repeated for each in done),
        longest_pause=max(each.longest_pause for each in done),
        certificates=len(order) * learners,
        faults=[*faults, *(fault for each in done for fault in each.faults)],
        rounds=done,
    )


def find_broken_chain(running: Program) -> list[str]:
    """Let the audit log verify itself, where the program has one; return what it complains of."""
    if "audit" not in COMMANDS:
        return []
    command = [*program.LYCEUM, "audit", "verify"]
    done = subprocess.run(command, env=running.environment, capture_output=True, text=True)
    return [] if done.returncode == 0 else [f"audit verify: {done.stdout}{done.stderr}"]


def print_table(report: Report) -> None:
    """Print what the report says, victim by victim, for people."""
    table = Table("victim", "kills", "acknowledged", "repeated", "longest pause", "faults")
    for victim, kills in report.kills.items():
        mine = [each for each in report.rounds if each.victim == victim]
        table.add_row(
            victim, str(kills), str(sum(each.acknowledged for each in mine)),
            str(sum(each.repeated for each in mine)),
            f"{max(each.longest_pause for each in mine):.1f} s",
            str(sum(len(each.faults) for each in mine)),
        )  # fmt: skip
    console = Console(stderr=True)
    console.print(table)
    for fault in report.faults:
        console.print(fault, style="red", markup=False)
    console.print(f"{report.certificates} certificates, seed {report.seed}")


def victims_of(text: str) -> list[str]:
    """Return the victims of a comma-separated list."""
    names = [NAMES.get(name.strip(), name.strip()) for name in text.split(",")]
    unknown = set(names) - {*VICTIMS, *SERVERS}
    if unknown:
        raise click.BadParameter(f"no victim {', '.join(sorted(unknown))}")
    return list(dict.fromkeys(names))


@click.command()
@click.option("--rounds", default=4, show_default=True, help="How often each victim is killed.")
@click.option("--seed", default=1, show_default=True, help="Chooses the order and the moments.")
@click.option("--victims", default=",".join(VICTIMS), show_default=True, help="Who is killed.")
@click.option("--learners", default=4, show_default=True, help="New learners in each round.")
@click.option("--lectures", default=40, show_default=True, help="Lectures of the course.")
def main(rounds: int, seed: int, victims: str, learners: int, lectures: int) -> None:
    """Kill processes of a running Lyceum and report what that does to what was acknowledged."""
    chosen = victims_of(victims)
    bar = Progress(console=Console(stderr=True))
    with bar, tempfile.TemporaryDirectory(prefix="lyceum-faults-") as folder:
        task = bar.add_task("killing", total=rounds * len(chosen))
        report = asyncio.run(
            run(
                Path(folder), rounds=rounds, seed=seed, learners=learners, lectures=lectures,
                victims=chosen, tell=lambda _: bar.advance(task),
            )
        )  # fmt: skip
    print_table(report)
    click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    sys.exit(1 if report.faults else 0)


if __name__ == "__main__":
    main()
