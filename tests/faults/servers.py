"""Servers of a test's own, to be killed and started again. Not here: the shared ones (`tools`)."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from tools import servers as debian

PATIENCE_SECONDS = 90.0
PASSWORD = "only-of-this-test"


class OwnServer(msgspec.Struct):
    """A server and how it is started; what it keeps is in its folder."""

    name: str
    url: str
    port: int
    folder: Path
    command: Sequence[str]
    environment: dict[str, str]
    hello: bytes
    answer: bytes
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int | None:
        """The number of its process, if it runs."""
        return None if self.process is None else self.process.pid

    def start(self) -> None:
        """Start it and return when it answers."""
        log_file = self.folder / f"{self.name}.log"
        with log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdout=log, stderr=log, cwd=self.folder,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            words = log_file.read_text(errors="replace")[-2000:]
            assert self.process.poll() is None, words
            assert time.monotonic() < until, f"{self.name} does not answer: {words}"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it, and what it started, as `kill -9` does."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                line.sendall(self.hello)
                return line.recv(16).startswith(self.answer)
        except OSError:
            return False


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def redis_in(folder: Path) -> OwnServer | None:
    """Return a Redis that forgets everything when it dies; None where there is none to run."""
    binary = shutil.which("redis-server")
    if binary is None:
        return None
    port = free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "no"]
    return OwnServer(
        "redis", f"redis://127.0.0.1:{port}", port, folder, command, {"PATH": os.defpath},
        b"PING\r\n", b"+PONG",
    )  # fmt: skip


def rabbitmq_in(folder: Path) -> OwnServer | None:
    """Return a RabbitMQ that keeps its messages in the folder; None where there is none to run."""
    binary = debian.RABBITMQ.find()
    if binary is None:
        return None
    port, names = free_port(), free_port()
    configuration = folder / "rabbitmq.conf"
    configuration.write_text(
        f"listeners.tcp.local = 127.0.0.1:{port}\ndefault_user = lyceum\n"
        f"default_pass = {PASSWORD}\nlog.console = true\nlog.console.level = warning\n"
    )
    (folder / "enabled_plugins").write_text("[].\n")
    environment = {
        "PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": str(folder),
        "ERL_EPMD_PORT": str(names), "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "faults@localhost", "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_CONFIG_FILE": str(configuration), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"), "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-", "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "rabbitmq.pid"), "RUNNING_UNDER_SYSTEMD": "true",
    }  # fmt: skip
    return OwnServer(
        "rabbitmq", f"amqp://lyceum:{PASSWORD}@127.0.0.1:{port}/", port, folder, [str(binary)],
        environment, b"AMQP\x00\x00\x09\x01", b"\x01",
    )  # fmt: skip


@contextlib.contextmanager
def lent(server: OwnServer | None, what: str) -> Iterator[OwnServer]:
    """Run a server for the length of the block; skips the test where there is none."""
    if server is None:
        pytest.skip(f"{what} is not installed (make services)")
    server.start()
    try:
        yield server
    finally:
        server.kill()
        if "ERL_EPMD_PORT" in server.environment:
            # The name server that Erlang leaves behind is of this server alone.
            command = ["epmd", "-port", server.environment["ERL_EPMD_PORT"], "-kill"]
            with contextlib.suppress(FileNotFoundError):
                subprocess.run(command, capture_output=True, check=False)


@contextlib.contextmanager
def own_redis(folder: Path) -> Iterator[OwnServer]:
    """Run a Redis for the length of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    with lent(redis_in(folder), "Redis") as server:
        yield server


@contextlib.contextmanager
def own_rabbitmq(folder: Path) -> Iterator[OwnServer]:
    """Run a RabbitMQ for the length of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    with lent(rabbitmq_in(folder), "RabbitMQ") as server:
        yield server
