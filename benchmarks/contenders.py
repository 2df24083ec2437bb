"""Who is measured, and how each is started: one process on one core beside PostgreSQL."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from benchmarks.dataset import PEER_SECRET
from lyceum.courses.queries import catalogue, progress

PEERS = Path(__file__).parent / "peers"
SECRET_KEY = "benchmark-secret-of-at-least-32-characters"  # noqa: S105 - of a benchmark on loopback


class Cores(msgspec.Struct, frozen=True):
    """Where things run, as `taskset` has it, and how many processes each contender has."""

    servers: str
    load: str
    processes: int

    @classmethod
    def of(cls, processes: int) -> "Cores":
        """One process shares a core with PostgreSQL, and the load has another; several share all
        there are, with the load too."""
        return cls("0", "1", 1) if processes == 1 else cls(*[f"0-{processes - 1}"] * 2, processes)


class Contender(msgspec.Struct, frozen=True):
    """One program; `endpoints` are those it is measured on, `environment` what makes it so."""

    name: str
    kind: str
    endpoints: tuple[str, ...]
    environment: dict[str, str] = {}

    @property
    def token_side(self) -> int:
        """Which of the tokens of tokens.lua it takes."""
        return 2 if self.kind == "lyceum" else 3


ALL = (
    Contender("lyceum", "lyceum", ("list", "detail", "progress")),
    Contender("lyceum-uncached", "lyceum", ("list",), {"LYCEUM_CACHE_BYTES": "0"}),
    Contender("express-sequelize", "express", ("list", "detail", "progress")),
    Contender("fastify-rows", "fastify", ("list", "detail", "progress"), {"MODE": "rows"}),
    Contender("fastify-json", "fastify", ("list", "detail", "progress"), {"MODE": "json"}),
    Contender("fastify-same", "fastify", ("list",), {"MODE": "same"}),
    Contender(
        "fastify-pipelined", "fastify", ("list", "detail", "progress"), {"MODE": "pipelined"}
    ),
    Contender("fastify-cached", "fastify", ("list",), {"MODE": "cached"}),
)


def statements() -> dict[str, str]:
    """Return the SQL that Lyceum runs on the hot paths, for peers and pgbench."""
    return {
        "list": catalogue.LIST_NEWEST.text,
        "detail": catalogue.FIND_VIEWER.text,
        "progress": progress.RECORD_ALONE.text,
    }


def missing_tools() -> list[str]:
    """Return what the measurement needs and this machine lacks."""
    return [tool for tool in ("wrk", "taskset", "node", "npm") if shutil.which(tool) is None]


def install_peers(build: Path) -> None:
    """Install the peers' packages, with npm, below `build`."""
    for name in ("express", "fastify"):
        target = build / name
        target.mkdir(parents=True, exist_ok=True)
        for file in (*(PEERS / name).iterdir(), PEERS / "cluster.js"):
            shutil.copy(file, target / file.name)
        if not (target / "node_modules").exists():
            subprocess.run(
                ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"],
                cwd=target,
                check=True,
            )
    (build / "statements.json").write_text(json.dumps(statements()))


@contextmanager
def running(
    contender: Contender, dsn: str, build: Path, data: Path, cores: Cores
) -> Iterator[tuple[int, int]]:
    """Run a contender; give its port and the id of its (first) process."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        port = listening.getsockname()[1]
        log = (build / f"{contender.name}.log").open("wb")
        pinned = ["taskset", "-c", cores.servers]
        if contender.kind == "lyceum":
            fd = listening.fileno()
            argv = [*pinned, sys.executable, "-m", "lyceum.app.web", "--fd", str(fd)]
            environment = {**os.environ, **production(dsn, data), **contender.environment}
            processes = [
                subprocess.Popen(
                    argv, env=environment, pass_fds=[fd], stdin=subprocess.PIPE, stdout=log,
                    stderr=log,
                )
                for _ in range(cores.processes)
            ]  # fmt: skip
        else:
            listening.close()
            script = "server.js" if cores.processes == 1 else "cluster.js"
            argv = [*pinned, "node", str(build / contender.kind / script)]
            environment = _peer(contender, dsn, build, port, cores)
            processes = [subprocess.Popen(argv, env=environment, stdout=log, stderr=log)]
    try:
        _wait(port)
        yield port, processes[0].pid
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=40)
        log.close()


def production(dsn: str, data: Path) -> dict[str, str]:
    """Return the settings Lyceum is measured with."""
    return {
        "DATABASE_URL": dsn,
        "LYCEUM_ENVIRONMENT": "production",
        "LYCEUM_SECRET_KEY": SECRET_KEY,
        "LYCEUM_PUBLIC_URL": "http://localhost:3000",
        "LYCEUM_DATA_DIR": str(data),
        "LYCEUM_RATE_LIMITS": "on",
        "LYCEUM_RATE_LIMIT_GUEST": "1000000000",
        "LYCEUM_RATE_LIMIT_SIGNED_IN": "1000000000",
        "LYCEUM_ACCESS_TOKEN_SECONDS": "86400",
    }


def _peer(contender: Contender, dsn: str, build: Path, port: int, cores: Cores) -> dict[str, str]:
    parts = urlsplit(dsn)
    host = parse_qs(parts.query).get("host", [parts.hostname or "localhost"])[0]
    return {
        **os.environ,
        "PROCESSES": str(cores.processes),
        "PORT": str(port),
        "PGHOST": unquote(host),
        "PGUSER": parts.username or "postgres",
        "DATABASE": parts.path.removeprefix("/"),
        "SECRET": PEER_SECRET,
        "STATEMENTS": str(build / "statements.json"),
        "NODE_ENV": "production",
        **contender.environment,
    }


def _wait(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/api/v1/courses?page=1", timeout=5
            ):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
