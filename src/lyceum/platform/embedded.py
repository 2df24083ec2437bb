"""The PostgreSQL that Lyceum brings along: start, adopt, watch and stop it.

Its data is in `<data_dir>/postgres`; it answers on one private Unix socket and on no network port.
What it stands on (binaries, account, folders, first initdb) is in `embedded_setup`; who restarts it
when it dies is in `processes`. A server that outlived a killed Lyceum is adopted at the next start.
Backups are made with pg_dump.
"""

import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import quote

from lyceum.platform import embedded_setup as setup
from lyceum.platform.embedded_process import State, command_line, find_postmaster, last_words
from lyceum.platform.embedded_setup import EmbeddedUnavailable, pg_binaries

__all__ = [
    "DataFolderInUse",
    "EmbeddedPostgres",
    "EmbeddedUnavailable",
    "borrow_embedded",
    "pg_binaries",
    "start_embedded",
]

log = logging.getLogger("lyceum.postgres")

STOP_SECONDS = 60.0
KILLED_BACKENDS_SECONDS = 30.0


class DataFolderInUse(EmbeddedUnavailable):
    """Another running Lyceum has this data folder; `pid` is its process."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        self.pid = pid
        super().__init__(
            f"{data_dir} is in use by another Lyceum, process {pid}: stop that one, or choose"
            " another folder with --data-dir"
        )


class EmbeddedPostgres:
    """The server of one data folder, running or not; a context manager that stops it at the end.

    `durable=False` is for tests: a power cut may lose or damage the data. Not safe for threads.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir.absolute()
        self.folder = self.data_dir.resolve() / "postgres"
        self.durable = durable
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def dsn(self) -> str:
        """The address for clients; stays the same over restarts.

        :raises EmbeddedUnavailable: nobody has started the server yet
        """
        if self._socket_dir is None:
            found = find_postmaster(self.folder)
            self._socket_dir = found.socket_dir if found else None
        if self._socket_dir is None:
            raise EmbeddedUnavailable(f"the PostgreSQL of {self.data_dir} has not been started")
        host = quote(str(self._socket_dir), safe="")
        return f"postgresql://{setup.ROLE}@/{setup.DATABASE}?host={host}&port=5432"

    @property
    def pid(self) -> int | None:
        """The server's process, if it runs."""
        found = find_postmaster(self.folder)
        return found.pid if found else None

    @property
    def state(self) -> State:
        """What the server does now; "starting" includes recovery after a crash."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        found = find_postmaster(self.folder)
        if found is not None:
            return found.state
        return "down" if self._process is None else "starting"

    def launch(self) -> None:
        """Begin to start the server, or adopt the one that runs; does not wait until it answers.

        :raises DataFolderInUse: another Lyceum has the folder
        :raises EmbeddedUnavailable: it cannot run here
        """
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            account = setup.server_account(self.folder)
            binaries = setup.server_binaries(account)
            if not setup.check_version(self.folder):
                log.info("making a new database in %s", self.folder)
                setup.initialise(self.folder, account, binaries, durable=self.durable)
            self._adopt_or_spawn(account, binaries)
        except OSError as problem:
            self._release_lock()
            raise EmbeddedUnavailable(f"cannot use {self.data_dir}: {problem}") from problem
        except BaseException:
            self._release_lock()
            raise

    def wait_ready(self, timeout_seconds: float) -> None:
        """Return as soon as the server answers; wait for the backends of a killed one to end.

        :raises EmbeddedUnavailable: it ended, with its own words; or the time was up
        """
        began = time.monotonic()
        report_at = began + 5
        while (state := self.state) != "ready":
            waited = time.monotonic() - began
            if state == "down":
                reason = last_words(self.folder)
                if "still in use" not in reason or waited > KILLED_BACKENDS_SECONDS:
                    raise EmbeddedUnavailable(f"PostgreSQL ended at its start: {reason}")
                time.sleep(0.2)
                self.launch()
            elif waited > timeout_seconds:
                raise EmbeddedUnavailable(
                    f"PostgreSQL is still {state} after {timeout_seconds:.0f} s; its log is in"
                    f" {self.folder / 'log'}"
                )
            elif began + waited > report_at:
                log.info("PostgreSQL is recovering its data (%.0f s so far)", waited)
                report_at += 5
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the server (open transactions are rolled back), wait for its end, free the folder.

        Does nothing to a server that another Lyceum has.
        """
        if self._lock is None:
            return
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.state == "down":
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid or self._own_pid(), how)
            if self._wait_gone(STOP_SECONDS if how == signal.SIGINT else 5.0):
                break
            log.warning("PostgreSQL did not stop on %s", how.name)
        if self._socket_dir is not None:
            with contextlib.suppress(OSError):
                self._socket_dir.rmdir()
        self._release_lock()

    def _own_pid(self) -> int:
        if self._process is None:
            raise ProcessLookupError
        return self._process.pid

    def _wait_gone(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self.state != "down":
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = os.open(self.data_dir / "lyceum.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode().strip()
            os.close(lock)
            raise DataFolderInUse(self.data_dir, int(holder or 0)) from None
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _adopt_or_spawn(self, account: setup.Account, binaries: Path) -> None:
        if self.state == "stopping":
            self._wait_gone(STOP_SECONDS)
        found = find_postmaster(self.folder)
        if found is not None:
            if self._process is None:
                log.info("adopting the PostgreSQL that runs already (process %d)", found.pid)
            self._socket_dir = found.socket_dir or setup.runtime_folder(self.folder, account)
            return
        # PostgreSQL would take another process of the number in a stale file for its server. That
        # a killed server's backends are gone it learns from its shared memory, not from the file.
        self._socket_dir = setup.runtime_folder(self.folder, account)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        (self._socket_dir / f"{setup.SOCKET_NAME}.lock").unlink(missing_ok=True)
        log_folder = self.folder / "log"
        log_folder.mkdir(mode=0o700, exist_ok=True)
        if account.uid is not None and account.gid is not None:
            os.chown(log_folder, account.uid, account.gid)
        with (log_folder / "start.log").open("wb") as start_log:
            self._process = subprocess.Popen(  # noqa: S603 our own binary, no shell
                command_line(self.folder, binaries, self._socket_dir, durable=self.durable),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=start_log,
                stderr=start_log,
                env=setup.CLEAN_ENVIRONMENT,
                user=account.uid,
                group=account.gid,
                extra_groups=None if account.uid is None else [],
                start_new_session=True,  # Ctrl-C at a terminal is for the supervisor alone
            )


def start_embedded(
    data_dir: Path, *, durable: bool = True, timeout_seconds: float = 600
) -> EmbeddedPostgres:
    """Start (or adopt) the PostgreSQL of `data_dir` and return once it answers.

    :raises DataFolderInUse: another Lyceum has the folder
    :raises EmbeddedUnavailable: it cannot run here; the message says why
    """
    server = EmbeddedPostgres(data_dir, durable=durable)
    server.launch()
    try:
        server.wait_ready(timeout_seconds)
    except BaseException:
        server.stop()
        raise
    return server


@contextlib.contextmanager
def borrow_embedded(data_dir: Path) -> Iterator[str]:
    """Lend the address of the server of `data_dir`, started for the while if no Lyceum runs there.

    For commands such as `seed` and `import`, which work beside a running Lyceum and without one.
    """
    try:
        server = start_embedded(data_dir)
    except DataFolderInUse:
        server = EmbeddedPostgres(data_dir)  # holds no lock, so its end stops nothing
        until = time.monotonic() + 30
        while server.state != "ready":
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
    with server:
        yield server.dsn
