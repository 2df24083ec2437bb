"""`lyceum serve` as a real process with everything that belongs to it."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil

from lyceum.platform.embedded import EmbeddedPostgres
from lyceum.platform.settings import child_environment
from tests.app.servers import wait_until_ready

LYCEUM = (sys.executable, "-c", "from lyceum.app.cli import main; main()")
STOP_SECONDS = 60


class Program(msgspec.Struct):
    """A running `lyceum serve`."""

    folder: Path
    port: int
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / "serve.log"

    @property
    def dsn(self) -> str:
        """The address of its database."""
        return EmbeddedPostgres(self.folder).dsn

    def pid_of(self, who: str) -> int | None:
        """Return the process number of `web`, `worker`, `postgres`, one `backend`, `supervisor`."""
        if who == "supervisor":
            return self.process.pid
        if who == "postgres":
            return EmbeddedPostgres(self.folder).pid
        if who == "backend":
            server = psutil.Process(self.pid_of("postgres"))
            serving = [child for child in server.children() if "lyceum lyceum" in title_of(child)]
            return serving[0].pid if serving else None
        for child in psutil.Process(self.process.pid).children():
            if f"lyceum.app.{who}" in title_of(child):
                return child.pid
        return None

    def family(self) -> list[psutil.Process]:
        """Return every process that belongs to it, PostgreSQL's included."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        server = self.pid_of("postgres")
        if server is not None:
            found += [psutil.Process(server), *psutil.Process(server).children(recursive=True)]
        return list({each.pid: each for each in found}.values())

    def lyceum(self, *arguments: str) -> Any:
        """Run another command on the same data folder and return the JSON that it prints."""
        command = [*LYCEUM, *arguments, "--json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def wait_until_ready(self) -> None:
        """Return when it answers that it is ready."""
        wait_until_ready(self.url, lambda: self.process.poll() is None, self.log)


def title_of(process: psutil.Process) -> str:
    """Return a process's command line, empty when it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(folder: Path, *options: str, port: int = 0, **settings: str) -> Program:
    """Start the program on a data folder, on a free port if none is given, and return at once."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    given = {
        "LYCEUM_PORT": str(port), "LYCEUM_DATA_DIR": str(folder), "LYCEUM_RATE_LIMITS": "off",
        "LYCEUM_ACCESS_LOG": "off", "LYCEUM_ENVIRONMENT": "test", "LYCEUM_REGISTRATION": "open",
    }  # fmt: skip
    environment = child_environment({**given, **settings})
    environment.pop("DATABASE_URL", None)
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [*LYCEUM, "serve", *options], env=environment, stdout=log, stderr=log
        )
    return Program(folder, port, environment, process)


@contextlib.contextmanager
def running(folder: Path, *options: str, **settings: str) -> Iterator[Program]:
    """Start the program, give it when it is ready, stop it at the end whatever happens."""
    program = start(folder, *options, port=0, **settings)
    try:
        program.wait_until_ready()
        yield program
    finally:
        end(program)


def end(program: Program) -> None:
    """Stop the program and everything that it may have left behind."""
    if program.process.poll() is None:
        program.stop()
    server = EmbeddedPostgres(program.folder).pid
    if server is not None:
        psutil.Process(server).send_signal(signal.SIGINT)
        psutil.wait_procs([psutil.Process(server)], timeout=STOP_SECONDS)
