"""The revisions on the PostgreSQL of the test run: up, down, and up again, each by itself."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from lyceum.platform import ids, migrations
from lyceum.platform.embedded import pg_binaries

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"
REVISIONS = sorted(path.stem for path in VERSIONS.glob("[0-9]*.py"))


@pytest.fixture
def empty_dsn(template_dsn: str) -> Iterator[str]:
    """The address of a database with nothing in it, which is dropped after the test."""
    name = f"revisions_{ids.new_id().hex}"
    parts = urlsplit(template_dsn)
    maintenance = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        yield urlunsplit(parts._replace(path=f"/{name}"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def dump(dsn: str) -> str:
    """Return everything in the database, as SQL that is equal when the databases are."""
    command = [
        str(pg_binaries() / "pg_dump"), "--no-owner", "--exclude-table=public.alembic_version",
        f"--dbname={dsn}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # The guard against injection into psql is a new random word every time.
    lines = [line for line in done.stdout.splitlines() if not line.startswith("\\")]
    return "\n".join(line for line in lines if line and not line.startswith("--"))


def test_everything_up_down_and_up_again(empty_dsn: str) -> None:
    nothing = dump(empty_dsn)
    migrations.upgrade(empty_dsn)
    everything = dump(empty_dsn)
    assert "CREATE SCHEMA" in everything
    migrations.downgrade(empty_dsn, "base")
    assert dump(empty_dsn) == nothing
    migrations.upgrade(empty_dsn)
    assert dump(empty_dsn) == everything
    migrations.upgrade(empty_dsn)
    assert dump(empty_dsn) == everything


def test_each_revision_takes_back_what_it_did(empty_dsn: str) -> None:
    before, state = "base", dump(empty_dsn)
    for revision in REVISIONS:
        migrations.upgrade(empty_dsn, revision)
        changed = dump(empty_dsn)
        assert changed != state, f"{revision} does nothing"
        migrations.downgrade(empty_dsn, before)
        assert dump(empty_dsn) == state, f"{revision} leaves something behind"
        migrations.upgrade(empty_dsn, revision)
        assert dump(empty_dsn) == changed, f"{revision} does something else the second time"
        before, state = revision, changed


def test_the_revisions_are_one_line() -> None:
    assert migrations.head_revision() == REVISIONS[-1]
    assert [name[:4] for name in REVISIONS] == [
        f"{number:04}" for number in range(1, len(REVISIONS) + 1)
    ]


async def test_a_database_says_where_it_is(empty_dsn: str) -> None:
    assert await migrations.current_revision(empty_dsn) is None


def test_several_processes_migrate_at_once(empty_dsn: str) -> None:
    program = "import sys; from lyceum.platform import migrations; migrations.upgrade(sys.argv[1])"
    processes = [subprocess.Popen([sys.executable, "-c", program, empty_dsn]) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    alone = dump(empty_dsn)
    migrations.upgrade(empty_dsn)
    assert dump(empty_dsn) == alone
