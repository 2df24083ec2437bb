"""`lyceum audit verify` on a database of its own: 0 for a whole trail, 1 and where for another."""

import json
from pathlib import Path

import psycopg
from click.testing import CliRunner, Result

from lyceum.app.shell import Shell
from lyceum.audit.cli import audit
from lyceum.courses.events import CoursePublished
from lyceum.platform import events, ids, runner
from lyceum.platform.access import system_actor
from lyceum.platform.engines import Engines
from lyceum.platform.settings import load_settings
from lyceum.users import api as users


def verify(shell: Shell, *options: str) -> Result:
    return CliRunner().invoke(audit, ["verify", *options], obj=shell)


async def publish(engines: Engines) -> None:
    async with engines.database.transaction() as tx:
        for _ in range(3):
            happened = CoursePublished(course_id=ids.new_id(), owner_id=ids.new_id())
            await events.emit(tx, system_actor("tests"), happened)
    await runner.drain(engines, users.actor_for)


def test_the_command_says_what_was_altered_and_where(tmp_path: Path, fresh_dsn: str) -> None:
    settings = load_settings(environment="test", data_dir=tmp_path, database_url=fresh_dsn)
    shell = Shell(settings)
    shell.with_engines(publish)
    whole = verify(shell)
    assert whole.exit_code == 0, whole.output
    with psycopg.connect(fresh_dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE audit.entries DISABLE TRIGGER entries_only_added")
        edited = connection.execute(
            "UPDATE audit.entries SET action = 'harmless.thing'"
            " WHERE id = (SELECT max(id::text)::uuid FROM audit.entries) RETURNING stream, sequence"
        ).fetchone()
    altered = verify(shell, "--json")
    assert altered.exit_code == 1
    [finding] = json.loads(altered.stdout)["findings"]
    assert (finding["kind"], finding["stream"], finding["sequence"]) == ("edited", *(edited or ()))
    told = verify(shell)
    assert told.exit_code == 1
    assert "edited" in told.output


def test_an_export_is_written_and_checked_without_a_database(
    tmp_path: Path, fresh_dsn: str
) -> None:
    settings = load_settings(environment="test", data_dir=tmp_path, database_url=fresh_dsn)
    shell = Shell(settings)
    shell.with_engines(publish)
    out = tmp_path / "entries.ndjson"
    options = ["--from", "2020-01-01", "--to", "2100-01-01T00:00:00Z", "--json"]
    done = CliRunner().invoke(audit, ["export", *options, "--out", str(out)], obj=shell)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"entries": 3, "sizeBytes": out.stat().st_size}
    elsewhere = Shell(load_settings(database_url="postgresql://nobody@127.0.0.1:1/nothing"))
    whole = CliRunner().invoke(audit, ["check", str(out), "--json"], obj=elsewhere)
    assert (whole.exit_code, json.loads(whole.stdout)["entries"]) == (0, 3)
    out.write_bytes(out.read_bytes().replace(b"course.published", b"course.withdrawn", 1))
    altered = CliRunner().invoke(audit, ["check", str(out)], obj=elsewhere)
    assert altered.exit_code == 1
    assert "edited" in altered.output
    table = CliRunner().invoke(
        audit, ["export", "--format", "csv", "--result", "refused", "--out", "-"], obj=shell
    )
    assert table.stdout.startswith("stream,sequence,id,occurredAt")
    shell.with_engines(lambda engines: runner.drain(engines, users.actor_for))
    told = CliRunner().invoke(
        audit, ["export", "--action", "audit.exported", "--out", "-"], obj=shell
    )
    lines = [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
    assert [json.loads(line["body"])["entries"] for line in lines] == [3, 0]
