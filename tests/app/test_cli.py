"""The command line as a real program: what it prints, and what it says when something is wrong."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lyceum.platform import migrations
from lyceum.platform.settings import Settings, child_environment, environment_name
from tests.app.program import LYCEUM
from tools import write_docs

SECRET = "a-secret-that-nobody-may-ever-read-anywhere"


class Terminal:
    """Runs commands with an environment, and an empty folder to be in."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.environment = {
            "LYCEUM_DATA_DIR": str(folder / "data"), "LYCEUM_ENVIRONMENT": "test",
            "COLUMNS": "200", "NO_COLOR": "1", **environment,
        }  # fmt: skip

    def run(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*LYCEUM, *arguments],
            cwd=self.folder,
            env=child_environment({**self.environment, **more}),
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    def json(self, *arguments: str, **more: str) -> Any:
        """Run a command with --json; its standard output is JSON and nothing else."""
        done = self.run(*arguments, "--json", **more)
        assert done.returncode == 0 or arguments == ("doctor",), done.stdout + done.stderr
        return json.loads(done.stdout)

    def complaint(self, *arguments: str, **more: str) -> str:
        """Run a command that cannot do its work; return the lines that say why."""
        done = self.run(*arguments, **more)
        assert done.returncode in (1, 2), done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        assert done.stdout == ""
        return done.stderr.strip()


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def connected(tmp_path: Path, fresh_dsn: str) -> Terminal:
    """A terminal with a database of its own."""
    return Terminal(tmp_path, DATABASE_URL=fresh_dsn)


def test_every_command_explains_itself(terminal: Terminal) -> None:
    said = terminal.run("--help").stdout
    page = write_docs.commands_page()
    for name in ("serve", "worker", "migrate", "seed", "import", "settings", "doctor", "users"):
        assert f"  {name} " in said
        assert f"Usage: lyceum {name} " in page
    assert "Usage: lyceum users create [OPTIONS] EMAIL" in page


def test_settings_names_every_one_and_shows_no_secret(terminal: Terminal) -> None:
    given = {
        "LYCEUM_SECRET_KEY": SECRET, "LYCEUM_PORT": "4321",
        "DATABASE_URL": f"postgresql://ida:{SECRET}@db.example/academy",
    }  # fmt: skip
    rows = terminal.json("settings", **given)
    by_name = {row["name"]: row for row in rows}
    assert set(by_name) == {environment_name(name) for name in Settings.model_fields}
    assert by_name["LYCEUM_PORT"] == {**by_name["LYCEUM_PORT"], "value": "4321"}
    assert by_name["LYCEUM_PORT"]["source"] == "environment"
    assert by_name["LYCEUM_HOST"]["source"] == "default"
    assert all(row["description"] for row in rows)
    assert SECRET not in json.dumps(rows)
    assert SECRET not in terminal.run("settings", **given).stdout


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LYCEUM_PORT", "x"), ("LYCEUM_PORT", "70000"), ("LYCEUM_ENVIRONMENT", "staging"),
        ("LYCEUM_WORKERS", "0"), ("LYCEUM_RATE_LIMITS", "maybe"), ("LYCEUM_SECRET_KEY", "short"),
        ("LYCEUM_DRAIN_SECONDS", "nan"), ("LYCEUM_LOG_LEVEL", "loud"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_and_not_repeated(
    terminal: Terminal, variable: str, value: str
) -> None:
    said = terminal.complaint("serve", **{variable: value})
    assert said.startswith(f"{variable}: ")
    assert len(said.splitlines()) == 1
    assert value not in said.removeprefix(variable).split("Input should be")[0]


def test_all_wrong_settings_are_named_at_once(terminal: Terminal) -> None:
    said = terminal.complaint("settings", LYCEUM_PORT="x", LYCEUM_WORKERS="many")
    assert [line.split(":")[0] for line in said.splitlines()] == ["LYCEUM_PORT", "LYCEUM_WORKERS"]


def test_production_does_not_start_with_the_default_secret(terminal: Terminal) -> None:
    said = terminal.complaint("serve", LYCEUM_ENVIRONMENT="production")
    assert said == "LYCEUM_SECRET_KEY must be set in production (32 characters or more)"
    assert not (terminal.folder / "data").exists()
    terminal.json("settings", LYCEUM_ENVIRONMENT="production", LYCEUM_SECRET_KEY=SECRET)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"postgresql://ida:{SECRET}@127.0.0.1:1/academy", "127.0.0.1"),
        (f"mysql://ida:{SECRET}@127.0.0.1/academy", "mysql"),
        (f"postgresql://ida:{SECRET}@no-such-host.invalid/academy", "cannot reach the database"),
    ],
    ids=["nobody there", "another product", "no such host"],
)
def test_a_database_that_is_not_there(terminal: Terminal, url: str, reason: str) -> None:
    said = terminal.complaint("users", "list", DATABASE_URL=url)
    assert reason in said
    assert SECRET not in said
    (finding,) = (
        each for each in terminal.json("doctor", DATABASE_URL=url) if each["what"] == "database"
    )
    assert finding["state"] == "wrong"
    assert finding["remedy"]
    assert SECRET not in json.dumps(finding)


def test_a_data_folder_that_cannot_be_made(terminal: Terminal) -> None:
    (terminal.folder / "file").write_text("in the way")
    given = {"LYCEUM_DATA_DIR": str(terminal.folder / "file" / "data")}
    for command in (("users", "list"), ("serve", "--port", "0")):
        assert "file" in terminal.complaint(*command, **given)


def test_words_that_no_command_knows(terminal: Terminal) -> None:
    assert "No such command" in terminal.complaint("sevre")
    assert "--port" in terminal.complaint("serve", "--port", "99999")
    assert "learning" in terminal.complaint("serve", "--services", "learning,cooking")
    assert "0001_platform" in terminal.complaint("migrate", "--to", "0000_nothing")


def test_doctor_looks_at_everything(connected: Terminal) -> None:
    findings = connected.json("doctor", LYCEUM_SECRET_KEY=SECRET)
    by_what = {finding["what"]: finding for finding in findings}
    assert {"Python", "data folder", "secret", "port", "database"} <= set(by_what)
    assert all(finding["state"] != "wrong" for finding in findings)
    assert SECRET not in json.dumps(findings)
    wrong = connected.json("doctor", REDIS_URL="redis://127.0.0.1:1")
    assert [each["what"] for each in wrong if each["state"] == "wrong"] == [
        "cache",
        "rate limits",
        "jobs",
    ]
    shown = connected.run("doctor", REDIS_URL="redis://127.0.0.1:1")
    assert shown.returncode == 1
    assert "REDIS_URL" in shown.stdout


def test_migrate_prints_sql_without_a_database(terminal: Terminal) -> None:
    shown = terminal.run("migrate", "--sql")
    assert shown.returncode == 0
    assert shown.stdout.startswith("BEGIN;")
    assert "CREATE TABLE users.users" in shown.stdout
    assert not (terminal.folder / "data").exists()


async def test_migrate_goes_where_it_is_told(connected: Terminal) -> None:
    dsn = connected.environment["DATABASE_URL"]
    assert "nothing" in connected.run("migrate", "--to", "base", "--down").stdout
    assert await migrations.current_revision(dsn) is None
    assert "0002_users" in connected.run("migrate", "--to", "0002_users").stdout
    assert await migrations.current_revision(dsn) == "0002_users"
    assert migrations.head_revision() in connected.run("migrate").stdout
    assert await migrations.current_revision(dsn) == migrations.head_revision()


def test_users_are_made_and_listed(connected: Terminal) -> None:
    given = ("--first-name", "Ida", "--role", "admin", "--password", "tide-over-9-lanterns")
    made = connected.json("users", "create", "ida@cli.example", *given)
    assert (made["email"], made["roles"]) == ("ida@cli.example", ["admin"])
    assert connected.json("users", "list") == [made]
    again = connected.complaint("users", "create", "ida@cli.example", *given)
    assert "email" in again
    assert "address" in connected.complaint("users", "suspend", "nobody@cli.example")


def test_the_demo_is_loaded_once_however_often(connected: Terminal) -> None:
    accounts = connected.json("seed", "demo")
    assert {frozenset(account) for account in accounts} == {
        frozenset({"email", "password", "role"})
    }
    assert {account["role"] for account in accounts} >= {"admin", "instructor", "student"}
    people = connected.json("users", "list", "--per-page", "100")
    assert {account["email"] for account in accounts} == {person["email"] for person in people}
    assert connected.json("seed", "demo") == accounts
    assert connected.json("users", "list", "--per-page", "100") == people
