"""The supervisor as a real process, with children that are killed, hang, fail and outlive it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from lyceum.platform.embedded import EmbeddedPostgres, pg_binaries

DEADLINE_SECONDS = 30

SUPERVISOR = """
import logging, os, signal, sys, time
# A shell that runs the tests in the background lets them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from lyceum.platform.embedded import EmbeddedPostgres
from lyceum.platform.processes import ChildSpec, run_supervised
logging.basicConfig(level="INFO", format="%(message)s")
def child(name, *program, **more):
    return ChildSpec(name, [sys.executable, "-c", *program, name], {}, **more)
# print writes a line in pieces, between which those of another process come.
def say(text):
    os.write(2, (text + os.linesep).encode())
data_dir = Path(sys.argv[1])
"""

POLITE = '''"""
import os, signal, sys, time
from lyceum.platform.processes import watch_lifeline
def say(text):
    os.write(2, (sys.argv[1] + " " + text + os.linesep).encode())
def stop(*_):
    say("says goodbye")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
watch_lifeline()
say("is up as " + str(os.getpid()))
while True:
    time.sleep(0.05)
"""'''

SERVE = f"""
def prepare():
    return [child("web", {POLITE}), child("worker", {POLITE})]
"""
WITH_DATABASE = SERVE + "run_supervised(prepare, database=EmbeddedPostgres(data_dir))"
WITHOUT_DATABASE = SERVE + "sys.exit(run_supervised(prepare))"


class Supervisor:
    """A supervisor under test and the lines that it and its children have written."""

    def __init__(self, program: str, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR + program, str(data_dir)],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(iter(self.process.stderr.readline, ""))

    def matches(self, pattern: str) -> list[str]:
        return [found[1] for line in list(self.lines) if (found := re.search(pattern, line))]

    def wait_for(self, pattern: str, times: int = 1) -> list[str]:
        """Answer what the pattern's group caught, once it was said so often."""
        wait_until(lambda: len(self.matches(pattern)) >= times, self.lines)
        return self.matches(pattern)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE_SECONDS)
        self.join()
        return code

    def join(self) -> None:
        """Wait until nobody has its standard error open any more."""
        self._reader.join(DEADLINE_SECONDS)
        assert not self._reader.is_alive(), self.lines
        assert self.process.stderr is not None
        self.process.stderr.close()


def wait_until(is_so: Callable[[], bool], context: object) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, context
        time.sleep(0.01)


def is_gone(pid: str | int) -> bool:
    try:
        return psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def supervisor(program: str, data_dir: Path) -> Iterator[Supervisor]:
    running = Supervisor(program, data_dir)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGTERM)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "var"
    yield folder
    leftover = EmbeddedPostgres(folder)
    if leftover.pid is not None:
        leftover.launch()
        leftover.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_ends_all_in_order_and_leaves_nothing(
    data_dir: Path, number: signal.Signals
) -> None:
    with supervisor(WITH_DATABASE, data_dir) as running:
        [postgres] = running.wait_for(r"PostgreSQL answers \(process (\d+)\)")
        children = running.wait_for(r"is up as (\d+)", times=2)
        family = psutil.Process(running.process.pid).children(recursive=True)
        assert {int(pid) for pid in (postgres, *children)} <= {each.pid for each in family}
        assert running.end(number) == 0
        assert sorted(running.matches(r"(\w+) says goodbye")) == ["web", "worker"]
        assert running.lines[-1] == "PostgreSQL stopped\n"
        assert all(is_gone(each.pid) for each in family)
        assert EmbeddedPostgres(data_dir).pid is None


def test_a_killed_child_is_started_again_and_the_others_run_on(data_dir: Path) -> None:
    with supervisor(WITHOUT_DATABASE, data_dir) as running:
        [web] = running.wait_for(r"web is up as (\d+)")
        [worker] = running.wait_for(r"worker is up as (\d+)")
        os.kill(int(web), signal.SIGKILL)
        [_, again] = running.wait_for(r"web is up as (\d+)", times=2)
        assert running.matches(r"(web was ended by SIGKILL; again in 0\.2 s)")
        assert again != web
        assert not is_gone(worker)
        assert running.end(signal.SIGTERM) == 0
        assert is_gone(again)


def test_a_killed_database_comes_back_with_what_it_acknowledged(data_dir: Path) -> None:
    with supervisor(WITH_DATABASE, data_dir) as running:
        [first] = running.wait_for(r"PostgreSQL answers \(process (\d+)\)")
        children = running.wait_for(r"is up as (\d+)", times=2)
        psql = [str(pg_binaries() / "psql"), "-X", "-tA", EmbeddedPostgres(data_dir).dsn, "-c"]
        subprocess.run([*psql, "CREATE TABLE kept AS SELECT 42 AS answer"], check=True)
        os.kill(int(first), signal.SIGKILL)
        [second] = running.wait_for(r"PostgreSQL is back \(process (\d+)\)")
        assert second != first
        kept = subprocess.run(
            [*psql, "SELECT answer FROM kept"], capture_output=True, text=True, check=True
        )
        assert kept.stdout == "42\n"
        assert not any(is_gone(pid) for pid in children)
        assert running.end(signal.SIGTERM) == 0
        assert is_gone(second)


def test_children_end_with_a_killed_supervisor_and_the_next_adopts_the_database(
    data_dir: Path,
) -> None:
    with supervisor(WITH_DATABASE, data_dir) as killed:
        [postgres] = killed.wait_for(r"PostgreSQL answers \(process (\d+)\)")
        children = killed.wait_for(r"is up as (\d+)", times=2)
        assert killed.end(signal.SIGKILL) == -signal.SIGKILL
        assert sorted(killed.matches(r"(\w+) says goodbye")) == ["web", "worker"]
        wait_until(lambda: all(is_gone(pid) for pid in children), children)
    with supervisor(WITH_DATABASE, data_dir) as running:
        assert running.wait_for(r"PostgreSQL answers \(process (\d+)\)") == [postgres]
        running.wait_for(r"is up as (\d+)", times=2)
        os.kill(int(postgres), signal.SIGKILL)  # nobody's child: still missed and started again
        running.wait_for(r"PostgreSQL is back \(process (\d+)\)")
        assert running.end(signal.SIGTERM) == 0
    assert EmbeddedPostgres(data_dir).pid is None


def test_a_stop_during_the_preparation_leaves_no_database(data_dir: Path) -> None:
    program = """
def prepare():
    say("preparing")
    time.sleep(60)
sys.exit(run_supervised(prepare, database=EmbeddedPostgres(data_dir)))
"""
    with supervisor(program, data_dir) as running:
        running.wait_for("(preparing)")
        assert running.end(signal.SIGTERM) == 0
    assert EmbeddedPostgres(data_dir).pid is None


def test_a_failed_preparation_is_an_error_and_leaves_no_database(data_dir: Path) -> None:
    program = """
def prepare():
    raise ValueError("no such migration")
run_supervised(prepare, database=EmbeddedPostgres(data_dir))
"""
    with supervisor(program, data_dir) as running:
        running.wait_for("(ValueError: no such migration)")
        assert running.process.wait(DEADLINE_SECONDS) == 1
        running.join()
    assert EmbeddedPostgres(data_dir).pid is None


def test_a_child_that_does_not_stop_is_killed_with_its_own_children(data_dir: Path) -> None:
    program = """
stubborn = '''
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
os.write(2, f"pids {os.getpid()} {own.pid}{os.linesep}".encode())
time.sleep(600)
'''
sys.exit(run_supervised(lambda: [child("stubborn", stubborn, grace_seconds=0.3)]))
"""
    with supervisor(program, data_dir) as running:
        [pids] = running.wait_for(r"pids (\d+ \d+)")
        assert running.end(signal.SIGTERM) == 0
        assert running.matches("(stubborn was ended by SIGKILL)")
        assert all(is_gone(pid) for pid in pids.split())


def test_a_child_that_keeps_failing_is_started_again_with_growing_pauses(data_dir: Path) -> None:
    program = """
sys.exit(run_supervised(lambda: [
    child("failing", "raise SystemExit(3)"),
    ChildSpec("missing", ["/no/such/program"], {}),
]))
"""
    with supervisor(program, data_dir) as running:
        pauses = running.wait_for(r"failing ended with 3; again in (\S+) s", times=3)
        assert pauses[:3] == ["0.2", "0.4", "0.8"]
        pauses = running.wait_for(r"missing cannot be started .*; again in (\S+) s", times=3)
        assert pauses[:3] == ["0.2", "0.4", "0.8"]
        assert running.end(signal.SIGTERM) == 0


def test_a_child_gets_its_environment_and_open_files_and_no_others(data_dir: Path) -> None:
    program = """
reader, writer = os.pipe()
tell = "import os; os.write(%d, repr(sorted(os.environ)).encode())" % writer
spec = ChildSpec("teller", [sys.executable, "-c", tell], {"LC_ALL": "C"}, pass_fds=[writer])
def prepare():
    return [spec]
import threading
threading.Thread(target=lambda: say(os.read(reader, 100).decode()), daemon=True).start()
sys.exit(run_supervised(prepare))
"""
    with supervisor(program, data_dir) as running:
        assert running.wait_for(r"^\[(.*)\]$") == ["'LC_ALL'"]
        assert running.end(signal.SIGTERM) == 0
