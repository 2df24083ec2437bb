"""The program as real processes: a web process on the database of the test, or all of it."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec

from lyceum.platform.settings import child_environment

READY_SECONDS = 60.0


class WebProcess(msgspec.Struct):
    """A running web process; its log is in a file."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def web_process(dsn: str, folder: Path, **settings: str) -> Iterator[WebProcess]:
    """Start a web process on a free port, give it when it is ready, and stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {
        "DATABASE_URL": dsn, "LYCEUM_ENVIRONMENT": "test", "LYCEUM_DATA_DIR": str(folder),
        "LYCEUM_RATE_LIMITS": "off", "LYCEUM_REGISTRATION": "open",
        # Tokens that a test makes are for the same academy.
        "LYCEUM_PUBLIC_URL": "http://academy.test",
    }  # fmt: skip
    log = folder / "web.log"
    with socket.socket() as listening, log.open("wb") as output:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        port = listening.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "lyceum.app.web", "--fd", str(listening.fileno())],
            env=child_environment({**given, "LYCEUM_PORT": str(port), **settings}),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(listening.fileno(),),
        )
    web = WebProcess(process, port, log)
    try:
        wait_until_ready(web.url, lambda: process.poll() is None, log)
        yield web
    finally:
        process.terminate()
        process.wait(40)
        if process.stdin is not None:
            process.stdin.close()


def wait_until_ready(url: str, is_alive: Callable[[], bool], log: Path) -> None:
    """Return as soon as `/ready` says so; show the log when that does not come about."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and is_alive():
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/ready", timeout=5).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"not ready: {log.read_text(errors='replace')[-3000:]}")
