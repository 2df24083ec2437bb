"""The supervisor of `lyceum serve`: runs the database and the child processes, ends them in order.

PostgreSQL is started first and stopped last. What dies is started again for as long as it takes,
with a growing pause and a line in the log each time. Every child's standard input is its lifeline:
a pipe that reads end-of-file once the supervisor is gone, however it went; a child that calls
`watch_lifeline` then ends too. The embedded PostgreSQL has none: the next start adopts it.
"""

import contextlib
import logging
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Final

from lyceum.platform.embedded import EmbeddedPostgres, EmbeddedUnavailable

log = logging.getLogger("lyceum.supervisor")

LIFELINE: Final = 0
TICK_SECONDS: Final = 0.25
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
# Whoever lived this long died of something new, so the pause starts small again.
SETTLED_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child process; it gets `env` and nothing else of the environment.

    `grace_seconds` is what it has between SIGTERM and SIGKILL; `pass_fds` are open files (a
    listening socket) that it shares under the same numbers.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    grace_seconds: float = 20.0
    pass_fds: Sequence[int] = ()


class _StopRequested(BaseException):
    """SIGTERM, SIGINT or SIGHUP came while the start was still blocking."""


class _Signals:
    """Turns signals into a flag and a wake-up; inside `interrupting`, into `_StopRequested`."""

    def __init__(self) -> None:
        self.stop: str | None = None
        self._interrupting = False
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._waker, False)
        self._before = {signal.SIGCHLD: signal.signal(signal.SIGCHLD, lambda *_: None)}
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup stays in force
                self._before[number] = signal.signal(number, self._on_stop)
        self._waker_before = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        self.stop = signal.Signals(number).name
        if self._interrupting:
            self._interrupting = False
            raise _StopRequested

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """Let a stop signal interrupt the block, now or as soon as it comes."""
        self._interrupting = True
        try:
            if self.stop is not None:
                raise _StopRequested
            yield
        finally:
            self._interrupting = False

    def wait(self, seconds: float | None) -> None:
        """Sleep until a signal comes or the time is up."""
        select.select([self._wake], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)

    def restore(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(self._waker_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._wake)
        os.close(self._waker)


class _Pause:
    """How long to wait before the next start of something that died."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE_SECONDS
        self._until = 0.0

    def begin(self, lived_seconds: float) -> float:
        if lived_seconds > SETTLED_SECONDS:
            self._next = FIRST_PAUSE_SECONDS
        pause, self._next = self._next, min(self._next * 2, LONGEST_PAUSE_SECONDS)
        self._until = time.monotonic() + pause
        return pause

    @property
    def left(self) -> float:
        return max(self._until - time.monotonic(), 0.0)


class _Child:
    def __init__(self, spec: ChildSpec, lifeline: int) -> None:
        self.spec = spec
        self._lifeline = lifeline
        self._process: subprocess.Popen[bytes] | None = None
        self._pause = _Pause()
        self._began = 0.0
        self._kill_at = float("inf")

    def keep_alive(self) -> float:
        """Start it if it does not run and the pause is over; answer when to look again."""
        if self._process is not None and not self._reap():
            return TICK_SECONDS
        if not self._pause.left:
            self._start()
        return self._pause.left or TICK_SECONDS

    def _start(self) -> None:
        self._began = time.monotonic()
        try:
            self._process = subprocess.Popen(  # noqa: S603 the caller's own program, no shell
                list(self.spec.argv),
                env=dict(self.spec.env),
                stdin=self._lifeline,
                pass_fds=tuple(self.spec.pass_fds),
                process_group=0,  # Ctrl-C at a terminal is for the supervisor alone
            )
            log.info("%s started (process %d)", self.spec.name, self._process.pid)
        except OSError as problem:
            pause = self._pause.begin(0.0)
            log.error("%s cannot be started (%s); again in %.1f s", self.spec.name, problem, pause)  # noqa: TRY400 an answer of the system, no bug

    def _reap(self) -> bool:
        """Tell whether it ended; if so, note it and end what it left behind."""
        if self._process is None:
            return True
        code = self._process.poll()
        if code is None:
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        if self._kill_at == float("inf"):
            pause = self._pause.begin(time.monotonic() - self._began)
            log.error("%s %s; again in %.1f s", self.spec.name, how, pause)
        else:
            log.info("%s %s", self.spec.name, how)
        return True

    def ask_to_stop(self) -> None:
        """Send SIGTERM; from now on it is not started again."""
        self._kill_at = time.monotonic() + self.spec.grace_seconds
        if self._process is not None:
            self._process.terminate()

    def has_stopped(self) -> bool:
        """Tell whether it has ended; kill it when its grace is over."""
        if self._reap():
            return True
        if self._process is not None and time.monotonic() > self._kill_at:
            log.warning(
                "%s did not stop in %.0f s and is killed", self.spec.name, self.spec.grace_seconds
            )
            self._process.kill()
            self._process.wait()
        return self._reap()


class _Database:
    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._pause = _Pause()
        self._began = time.monotonic()
        self._is_up = True

    def keep_alive(self) -> float:
        """Start it again if it died; answer when to look again."""
        state = self._server.state
        if state == "ready" and not self._is_up:
            self._is_up = True
            log.info("PostgreSQL is back (process %s)", self._server.pid)
        elif state == "down" and self._is_up:
            self._is_up = False
            pause = self._pause.begin(time.monotonic() - self._began)
            log.error("PostgreSQL died; again in %.1f s", pause)
        elif state == "down" and not self._pause.left:
            self._pause.begin(time.monotonic() - self._began)
            self._began = time.monotonic()
            try:
                self._server.launch()
            except EmbeddedUnavailable as problem:
                log.error("PostgreSQL cannot be started: %s", problem)  # noqa: TRY400 its own words say it
        return min(self._pause.left or TICK_SECONDS, TICK_SECONDS)


def run_supervised(
    prepare: Callable[[], Sequence[ChildSpec]], *, database: EmbeddedPostgres | None = None
) -> int:
    """Run everything until SIGTERM, SIGINT or SIGHUP; answer 0 once nothing is left of it.

    `database` is started (or adopted) first; as soon as it answers, `prepare` makes it ready
    (migrations) and answers the children to run. Call it from the main thread.

    :raises EmbeddedUnavailable: the database could not be started
    """
    signals = _Signals()
    try:
        if database is not None:
            database.launch()
        with signals.interrupting():
            if database is not None:
                database.wait_ready(timeout_seconds=3600)
                log.info("PostgreSQL answers (process %s)", database.pid)
            children = prepare()
        _run_children(children, database, signals)
    except _StopRequested:
        log.info("%s during the start", signals.stop)
    finally:
        if database is not None:
            database.stop()
            log.info("PostgreSQL stopped")
        signals.restore()
    return 0


def _run_children(
    specs: Sequence[ChildSpec], database: EmbeddedPostgres | None, signals: _Signals
) -> None:
    with _lifeline() as lifeline:
        family = [_Child(spec, lifeline) for spec in specs]
        watched: list[_Child | _Database] = [*([_Database(database)] if database else []), *family]
        try:
            while signals.stop is None:
                signals.wait(min(each.keep_alive() for each in watched) if watched else None)
        finally:
            log.info("%s: stopping", signals.stop or "a failure of the supervisor")
            for child in family:
                child.ask_to_stop()
            running = family
            while running := [child for child in running if not child.has_stopped()]:
                signals.wait(TICK_SECONDS)


@contextlib.contextmanager
def _lifeline() -> Iterator[int]:
    reader, writer = os.pipe()  # not inheritable; a child gets the reader as its standard input
    try:
        yield reader
    finally:
        os.close(reader)
        os.close(writer)


def _end_yourself() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def watch_lifeline(
    fd: int = LIFELINE, on_lost: Callable[[], None] = _end_yourself, *, grace_seconds: float = 20.0
) -> None:
    """Watch, in a thread, for the end of the supervisor: call `on_lost`, then exit after the grace.

    `on_lost` is called in that thread; unless given, it sends this process the SIGTERM on which it
    stops anyway. For children of `run_supervised` only: elsewhere standard input may end at once.
    """

    def watch() -> None:
        while os.read(fd, 64):
            pass
        on_lost()
        time.sleep(grace_seconds)
        os._exit(os.EX_TEMPFAIL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
