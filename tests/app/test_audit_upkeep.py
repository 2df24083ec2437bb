"""Upkeep of the trail on databases of their own: the nightly removal, the role of the program."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import psycopg
import pytest
from click.testing import CliRunner

from lyceum.app import services, web
from lyceum.app.engines import open_engines
from lyceum.app.operations import probes
from lyceum.app.shell import Shell
from lyceum.audit import queries
from lyceum.audit.adapters import database_roles
from lyceum.audit.api import RequestLog
from lyceum.audit.cli import audit
from lyceum.audit.jobs import remove_all_expired
from lyceum.audit.service import noticing, removals, retention, verifying
from lyceum.platform import ids, privacy, runner, saq_queues
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.health import Doorkeeper
from lyceum.platform.settings import Settings, load_settings
from lyceum.platform.statements import sql
from lyceum.users import api as users
from tests.audit.factories import find, refusal
from tests.audit.test_retention import age
from tests.users import factories

ACTOR = system_actor("tests")
PASSWORD = "only-for-this-test-of-roles"
COUNT_REMOVED = sql("SELECT count(*) FROM audit.removed", int)


def settings_of(folder: Path, dsn: str) -> Settings:
    return load_settings(
        environment="test", data_dir=folder, database_url=dsn, rate_limits="off",
        registration="open", public_url="http://academy.test",
    )  # fmt: skip


async def store_old_refusals(database: Database, many: int) -> None:
    async with database.transaction() as tx:
        await noticing.record_notices(tx, ACTOR, [refusal() for _ in range(many)])
        await age(tx, noticing.REFUSALS, 200)


async def verify(engines: Engines) -> verifying.Report:
    tx, secret = engines.database.reader(), engines.settings.secret_key
    return await verifying.verify(
        tx, ACTOR, engines.storage, secret, advance=lambda _done, _total: None
    )


async def test_two_jobs_at_once_remove_each_entry_once_and_verifying_sees_nothing_wrong(
    tmp_path: Path, fresh_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 7)
    monkeypatch.setattr(verifying, "PAGE", 5)
    told: list[tuple[float, int]] = []

    async def report(share: float, removed: int) -> None:
        told.append((share, removed))

    async with open_engines(settings_of(tmp_path, fresh_dsn), fresh_dsn) as engines:
        await store_old_refusals(engines.database, 60)
        rules = {
            r.retention_class: r.days
            for r in await engines.database.reader().all(queries.LIST_RULES)
        }
        assert rules == removals.DEFAULTS
        (first, second), reports = await asyncio.gather(
            asyncio.gather(*(remove_all_expired(engines.database, report) for _ in range(2))),
            asyncio.gather(*(verify(engines) for _ in range(5))),
        )
        reports.append(await verify(engines))
        assert await engines.database.reader().one(COUNT_REMOVED) == 60
    assert first.get("refusals", 0) + second.get("refusals", 0) == 60
    assert [each.findings for each in reports] == [[]] * 6
    assert reports[-1].removed == 60
    assert all(0 < share <= 1 for share, _ in told)


def test_the_command_says_what_would_go_and_removes_it(tmp_path: Path, fresh_dsn: str) -> None:
    shell = Shell(settings_of(tmp_path, fresh_dsn))
    shell.with_engines(lambda engines: store_old_refusals(engines.database, 3))

    def run(*options: str) -> dict[str, Any]:
        done = CliRunner().invoke(audit, ["retention", "--json", *options], obj=shell)
        assert done.exit_code == 0, done.output
        return next(row for row in json.loads(done.stdout) if row["class"] == "refusals")

    before = {"class": "refusals", "days": 180, "isHeld": False, "expired": 3, "removed": 0}
    assert run("--dry-run") == before
    assert run() == {**before, "removed": 3}
    assert run("--dry-run") == {**before, "expired": 0}
    table = CliRunner().invoke(audit, ["retention", "--dry-run"], obj=shell)
    assert "for ever" in table.output


@pytest.fixture
def program_dsn(tmp_path: Path, fresh_dsn: str) -> Iterator[str]:
    """The address of a database whose trail the program's role may only add to."""
    program, owner = f"program_{ids.new_id().hex}", f"owner_{ids.new_id().hex}"
    shell = Shell(load_settings(environment="test", data_dir=tmp_path, database_url=fresh_dsn))
    options = ["role", "--program", program, "--owner", owner, "--apply"]
    for _ in range(2):  # safe to repeat
        done = CliRunner().invoke(audit, options, obj=shell)
        assert (done.exit_code, done.output) == (0, ""), done.output
    with psycopg.connect(fresh_dsn, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {program} PASSWORD '{PASSWORD}'".encode())
    parts = urlsplit(fresh_dsn)
    place = parts.netloc.rpartition("@")[2]
    yield urlunsplit(parts._replace(netloc=f"{program}:{PASSWORD}@{place}"))
    with psycopg.connect(fresh_dsn, autocommit=True) as connection:
        for role in (program, owner):
            with contextlib.suppress(psycopg.Error):
                connection.execute(f"DROP OWNED BY {role} CASCADE".encode())
            connection.execute(f"DROP ROLE {role}".encode())


REFUSED = (
    "UPDATE audit.entries SET action = 'x'",
    "UPDATE audit.details SET body = NULL, salt = NULL",
    "UPDATE audit.heads SET sequence = 0",
    "UPDATE audit.retention SET days = 30",
    "INSERT INTO audit.entries SELECT * FROM audit.entries",
    "INSERT INTO audit.details SELECT * FROM audit.details",
    "INSERT INTO audit.removed SELECT * FROM audit.removed",
    "INSERT INTO audit.holds SELECT * FROM audit.holds",
    "DELETE FROM audit.entries",
    "DELETE FROM audit.details",
    "DELETE FROM audit.holds",
    "DELETE FROM audit.removed",
    "SET lyceum.audit_retention = 'on'; DELETE FROM audit.entries",
    "TRUNCATE audit.entries CASCADE",
    "TRUNCATE audit.details",
    "TRUNCATE audit.heads CASCADE",
    "ALTER TABLE audit.entries DISABLE TRIGGER ALL",
    "ALTER TABLE audit.details DISABLE TRIGGER details_only_emptied",
    "ALTER TABLE audit.entries DROP COLUMN hash",
    "DROP TABLE audit.details",
    "DROP TRIGGER entries_only_removed ON audit.entries",
    "SET session_replication_role = 'replica'",
    "CREATE TRIGGER mine BEFORE INSERT ON audit.entries EXECUTE FUNCTION audit.refuse_change()",
    "CREATE OR REPLACE FUNCTION audit.class_of(what text) RETURNS text LANGUAGE sql"
    " AS $$ SELECT 'refusals' $$",
    "CREATE TABLE audit.mine ()",
    "ALTER SCHEMA audit RENAME TO mine",
    "DROP SCHEMA audit CASCADE",
    "SELECT audit.tell(gen_random_uuid(), NULL, NULL, '', 'audit.pruned', 'chain', '8', '{}',"
    " '{}')",
    "SELECT audit.add(10::smallint, gen_random_uuid(), now(), NULL, NULL, 'audit.pruned', '', '',"
    " 'done', '', '', '', '{}')",
    "SELECT audit.append_many('{0,10}', ARRAY[gen_random_uuid(), gen_random_uuid()],"
    " '{now,now}', '{NULL,NULL}', '{NULL,NULL}', '{a,a}', '{a,a}', '{a,a}', '{done,done}', '{a,a}',"
    " '{a,a}', '{a,a}', ARRAY['{}', '{}'])",
    "SELECT audit.empty_details(NULL::uuid), audit.add_many(NULL, NULL, NULL, NULL, NULL, NULL,"
    " NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "SELECT audit.append(10::smallint, gen_random_uuid(), now(), NULL, NULL, 'audit.pruned', '',"
    " '', 'done', '', '', '', '{}')",
)


async def test_the_programs_role_may_only_add(tmp_path: Path, program_dsn: str) -> None:
    connection = await asyncpg.connect(program_dsn)
    try:
        for statement in REFUSED:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        owned = await connection.fetchval(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'audit'::regnamespace"
            " AND pg_has_role(current_user, relowner, 'MEMBER')"
        )
        assert owned == 0
        # What is called the same in a schema of one's own is not what the functions call.
        await connection.execute(
            "CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT $1 $$"
        )
        await connection.execute("SET search_path = pg_temp, pg_catalog")
        await connection.execute(
            "SELECT audit.append(8::smallint, gen_random_uuid(), now(), NULL, NULL,"
            " 'request.refused', 'route', '/', 'refused', '', 'salt', 'body', '{}')"
        )
        assert await connection.fetchval("SELECT octet_length(hash) FROM audit.entries") == 32
    finally:
        await connection.close()
    async with open_engines(settings_of(tmp_path, program_dsn), program_dsn) as engines:
        assert (await verify(engines)).findings == []


@pytest.fixture
async def program(tmp_path: Path, program_dsn: str) -> AsyncIterator[Engines]:
    async with open_engines(settings_of(tmp_path, program_dsn), program_dsn) as engines:
        yield engines


async def act(program: Engines, folder: Path) -> tuple[Any, list[httpx.Response]]:
    """Do with a learner what staff do, and have all of it recorded."""
    services.load_handlers("all")
    log = RequestLog(program.database, folder)
    edge = web.build(program, Doorkeeper(probes(program)), users.Authenticator(program), log)
    admin = await factories.store_user(program.database, roles=("super_admin",))
    learner = await factories.store_user(program.database)
    signed_in = await factories.open_session(program.database, program.settings, admin)
    headers = {"authorization": f"Bearer {signed_in.access_token}"}
    hold = {"reason": "a lawsuit", "personId": str(learner.id)}
    transport = httpx.ASGITransport(cast(Any, edge))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://academy.test/api/v1"
    ) as client:
        refused = await client.get("/audit")
        client.headers.update(headers)
        answers = [
            refused,
            await client.post(f"/users/{learner.id}/suspend"),
            await client.get(f"/users/{learner.id}"),
            await client.post("/audit/holds", json=hold),
            await client.put("/audit/retention/refusals", json={"days": 90}),
            await client.get("/audit/retention"),
            await client.post("/audit/exports", json={"format": "csv"}),
        ]
    await log.close()
    await runner.drain(program, users.actor_for)
    return learner, answers


async def test_the_program_works_under_it(program: Engines, tmp_path: Path) -> None:
    """Events, refusals, readings, erasure, rules, holds, removing, and the queues of jobs."""
    database = program.database
    learner, answers = await act(program, tmp_path)
    assert [answer.status_code for answer in answers] == [401, 200, 200, 201, 204, 200, 202]
    rules = {row["retentionClass"]: row["days"] for row in answers[5].json()["data"]}
    assert rules["refusals"] == 90
    assert "user.suspended" in {e.action for e in await find(database, object_id=str(learner.id))}
    [refused] = await find(database, action="request.refused")
    async with database.transaction() as tx:
        await privacy.erase_rows(tx, privacy.Subject(learner.id, learner.email))
    [hold] = await retention.list_holds(database.reader(), ACTOR)
    async with database.transaction() as tx:
        await retention.lift_hold(tx, ACTOR, hold.id)
    [read] = await find(database, person=learner.id, action="record.read")
    assert (await database.reader().one(queries.FIND, read.id)).body is None
    await remove_all_expired(database, lambda _share, _removed: asyncio.sleep(0))
    assert await find(database, action="request.refused") == [refused]
    assert (await verify(program)).findings == []
    async with saq_queues.open_queues(str(program.settings.database_url), None) as queues:
        await saq_queues.connect(queues, asyncio.Event())


async def test_under_it_what_is_past_its_time_is_removed(
    program: Engines, tmp_path: Path, fresh_dsn: str
) -> None:
    async with open_engines(settings_of(tmp_path, fresh_dsn), fresh_dsn) as owner:
        await store_old_refusals(owner.database, 3)
    removed = await remove_all_expired(program.database, lambda _share, _removed: asyncio.sleep(0))
    assert removed == {"refusals": 3}
    assert (await verify(program)).findings == []


def test_a_role_is_a_plain_name_that_is_not_the_owner() -> None:
    for program, owner in (("a b", "o"), ("a", "o'"), ("same", "same"), ("", "o")):
        with pytest.raises(ValueError, match=r"role|own"):
            database_roles.render(program, owner)
    done = CliRunner().invoke(audit, ["role", "--program", "a b"], obj=None)
    assert done.exit_code == 2
    assert (
        "CREATE ROLE lyceum_program LOGIN" in CliRunner().invoke(audit, ["role"], obj=None).output
    )
