"""Servers of a test's own, to be killed and started again. Not here: the shared ones (`tools`)."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

PATIENCE_SECONDS = 30.0


class OwnRedis(msgspec.Struct):
    """A Redis that forgets everything when it dies."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The number of its process, if it runs."""
        return None if self.process is None else self.process.pid

    def start(self) -> None:
        """Start it and return when it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "redis.log").read_text()
            assert time.monotonic() < until, "Redis does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                line.sendall(b"PING\r\n")
                return line.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def own_redis(folder: Path) -> Iterator[OwnRedis]:
    """Run a Redis for the length of the block; skips the test where there is none."""
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed (make services)")
    folder.mkdir(parents=True, exist_ok=True)
    redis = OwnRedis(folder, free_port())
    redis.start()
    try:
        yield redis
    finally:
        redis.kill()
