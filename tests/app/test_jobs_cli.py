"""`lyceum jobs` on a database of its own: what it prints, does, and refuses."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from lyceum.app.jobs_command import jobs
from lyceum.app.shell import Shell
from lyceum.platform import ids
from lyceum.platform.settings import load_settings

SOME_ID = "01890000-0000-7000-8000-000000000001"
_INSERT = (
    "INSERT INTO platform.jobs (id, name, queue, arguments, request_id, state, attempts, fault,"
    " finished_at) VALUES (%s, %s, %s, '{\"email\": \"lea@people.example\"}', '', %s, 3,"
    " 'Broken: [bold]no', CASE WHEN %s IN ('failed') THEN now() END)"
)
_SCHEDULE = (
    "INSERT INTO platform.schedules (name, due_at, cron)"
    " VALUES ('platform.purge_inbox', now(), '17 * * * *')"
)


class Terminal:
    """Runs `lyceum jobs …` in this process."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        settings = load_settings(environment="test", data_dir=folder, database_url=dsn)
        self.shell = Shell(settings)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(jobs, [*arguments], obj=self.shell)

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def add(self, state: str, *, name: str = "users.send_welcome", queue: str = "email") -> str:
        job_id = ids.new_id()
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(_INSERT.encode(), (job_id, name, queue, state, state))
        return str(job_id)


@pytest.fixture
def terminal(tmp_path: Path, fresh_dsn: str) -> Terminal:
    return Terminal(fresh_dsn, tmp_path)


def test_jobs_are_listed_shown_and_counted(terminal: Terminal) -> None:
    failed = terminal.add("failed")
    terminal.add("waiting", queue="default", name="courses.render_certificate")
    assert [job["id"] for job in terminal.json("list")] == [failed]
    assert terminal.json("list", "--queue", "default") == []
    assert len(terminal.json("list", "--state", "waiting")) == 1
    shown = terminal.json("show", failed)
    assert (shown["name"], shown["state"]) == ("users.send_welcome", "failed")
    assert "lea@people" not in json.dumps(shown)
    by_name = {queue["name"]: queue for queue in terminal.json("stats")["queues"]}
    assert (by_name["email"]["failed"], by_name["default"]["waiting"]) == (1, 1)
    for command in (("list",), ("show", failed), ("stats",)):
        printed = terminal.run(*command)
        assert printed.exit_code == 0, printed.output


def test_failed_jobs_are_retried_and_given_up(terminal: Terminal) -> None:
    one, two, three, four = (terminal.add("failed") for _ in range(4))
    assert terminal.json("retry", one)["state"] == "waiting"
    assert terminal.json("discard", two) == {"count": 1}
    assert terminal.json("retry", "--queue", "default") == {"count": 0}
    assert terminal.json("retry", "--name", "users.send_welcome") == {"count": 2}
    assert terminal.json("cancel", three)["state"] == "cancelled"
    terminal.add("failed")
    assert terminal.json("discard", "--all") == {"count": 1}
    assert terminal.json("show", four)["state"] == "waiting"


def test_a_running_job_is_asked_to_stop(terminal: Terminal) -> None:
    running = terminal.add("running")
    assert terminal.json("cancel", running)["isStopping"] is True
    assert "stopping" in terminal.run("cancel", running).output


def test_scheduled_jobs_are_listed_and_started(terminal: Terminal) -> None:
    with psycopg.connect(terminal.dsn, autocommit=True) as connection:
        connection.execute(_SCHEDULE.encode())
    (listed,) = terminal.json("cron")
    assert (listed["name"], listed["cron"]) == ("platform.purge_inbox", "17 * * * *")
    started = terminal.json("cron", "--run", "platform.purge_inbox")
    assert (started["name"], started["state"]) == ("platform.purge_inbox", "waiting")
    assert terminal.json("cron")[0]["lastJobId"] == started["id"]
    assert terminal.run("cron").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("retry",), ("discard",), ("retry", "--all", SOME_ID), ("retry", "7"),
        ("list", "--queue", "slow"), ("list", "--state", "lost"), ("list", "--limit", "0"),
        ("show",), ("cancel",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_makes_no_sense_is_refused(terminal: Terminal, words: tuple[str, ...]) -> None:
    refused = terminal.run(*words)
    assert refused.exit_code == 2, refused.output


@pytest.mark.parametrize("word", ["show", "retry", "discard", "cancel"])
def test_a_job_that_there_is_not(terminal: Terminal, word: str) -> None:
    refused = terminal.run(word, str(ids.new_id()))
    assert "There is no such job." in str(refused.exception)
