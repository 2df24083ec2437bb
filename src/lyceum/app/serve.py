"""`lyceum serve`: everything an academy needs, started and kept running by one supervisor."""

import asyncio
import logging
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from lyceum.platform import migrations, series
from lyceum.platform.embedded import EmbeddedPostgres
from lyceum.platform.processes import ChildSpec, run_supervised
from lyceum.platform.settings import Settings, child_environment

log = logging.getLogger("lyceum.supervisor")
READY_SECONDS = 60


class PortTaken(Exception):
    """Somebody else listens where the web server should."""


def serve(
    settings: Settings,
    options: dict[str, str],
    *,
    seed: Callable[[str], None] | None,
    on_ready: Callable[[int], None],
) -> int:
    """Run the database, the migrations, the web processes and the worker until SIGTERM.

    `options` are the command-line options as environment variables for the children. `seed` is
    called with the migrated database's address before they start, and `on_ready` with the port,
    once, in a thread, when requests are answered.
    """
    listening = _listen(settings.host, settings.port)
    series.clear_folder(settings.data_dir / series.FOLDER)
    port = listening.getsockname()[1]
    database = None if settings.database_url else EmbeddedPostgres(settings.data_dir)

    def prepare() -> Sequence[ChildSpec]:
        dsn = settings.database_url or (database.dsn if database else "")
        migrate(dsn)
        if seed is not None:
            seed(dsn)
        environment = child_environment({**options, "DATABASE_URL": dsn, "LYCEUM_PORT": str(port)})
        announce = threading.Thread(
            target=_announce, args=(settings.host, port, on_ready), daemon=True
        )
        announce.start()
        return _children(settings, environment, listening.fileno())

    try:
        return run_supervised(prepare, database=database)
    finally:
        listening.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as problem:
        listening.close()
        raise PortTaken(f"cannot listen on {host} port {port}: {problem.strerror}") from problem
    listening.listen(2048)
    return listening


def _children(settings: Settings, environment: dict[str, str], fd: int) -> list[ChildSpec]:
    web = [sys.executable, "-m", "lyceum.app.web", "--fd", str(fd)]
    worker = [sys.executable, "-m", "lyceum.app.worker", "--supervised"]
    grace = 30 + settings.drain_seconds
    children = [
        ChildSpec(f"web-{number}", web, environment, grace_seconds=grace, pass_fds=(fd,))
        for number in range(1, settings.workers + 1)
    ]
    return [*children, ChildSpec("worker", worker, environment, grace_seconds=30)]


def migrate(dsn: str) -> None:
    """Bring the schema up to date; a start with nothing to do costs one query."""
    current = asyncio.run(migrations.current_revision(dsn))
    head = migrations.head_revision()
    if current == head:
        return
    if current is not None and current > head:
        log.warning("the database is at %s, newer than this program's %s", current, head)
        return
    log.info("migrating the database from %s to %s", current or "nothing", head)
    if current is None:
        # A line for each revision would be all that one sees of a first start.
        logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
    migrations.upgrade(dsn)


def _announce(host: str, port: int, on_ready: Callable[[int], None]) -> None:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared
    address = f"[{reachable}]" if ":" in reachable else reachable
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://{address}:{port}/ready", timeout=5):
                on_ready(port)
                return
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.05)
    log.error("not ready after %s s: see the log above", READY_SECONDS)
