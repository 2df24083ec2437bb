"""Exports of the trail: what is in the file, who gets it, and checking it without a database."""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from lyceum.audit.adapters import export_files
from lyceum.audit.events import AuditExported
from lyceum.audit.jobs import EXPORTS, purge_exports
from lyceum.audit.permissions import EXPORT_AUDIT
from lyceum.audit.schemas import AuditFilters
from lyceum.audit.service import exports, noticing
from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.statements import command
from tests.audit.factories import find, reading, refusal
from tests.users import factories

Drain = Callable[[], Awaitable[int]]
ACTOR = system_actor("tests")
EXPIRE = command("UPDATE audit.exports SET expires_at = now() WHERE id = $1")
PATH = "/api/v1/audit/exports"


async def record(database: Database, *notices: Any) -> None:
    async with database.transaction() as tx:
        await noticing.record_notices(tx, ACTOR, notices)


async def ignore(_share: float, _entries: int) -> None:
    return None


def chunks_of(database: Database, wanted: AuditFilters, form: Any) -> AsyncIterator[bytes]:
    return exports.write_entries(
        database.reader(), ACTOR, wanted, form, written=exports.Written(), report=ignore
    )


async def write(database: Database, wanted: AuditFilters, form: Any = "ndjson") -> bytes:
    return b"".join([chunk async for chunk in chunks_of(database, wanted, form)])


def check(data: bytes) -> list[str]:
    lines = data.splitlines(keepends=True)
    return [finding.kind for _, found in export_files.check(lines) for finding in found]


@pytest.fixture
async def headers(engines: Engines) -> dict[str, str]:
    admin = await factories.store_user(engines.database, roles=("admin",))
    signed_in = await factories.open_session(engines.database, engines.settings, admin)
    return {"authorization": f"Bearer {signed_in.access_token}"}


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_an_export_is_made_fetched_and_in_the_trail(
    engines: Engines, client: httpx.AsyncClient, drain: Drain, headers: dict[str, str], form: str
) -> None:
    person = ids.new_id()
    await record(engines.database, *(refusal(person) for _ in range(3)), refusal())
    wanted = {"format": form, "actor": str(person), "from": "2020-01-01T00:00:00Z"}
    asked = await client.post(PATH, json=wanted, headers=headers)
    assert asked.status_code == 202
    assert asked.json()["data"]["downloadUrl"] is None
    await drain()
    job = (await client.get(asked.headers["location"], headers=headers)).json()["data"]
    assert (job["state"], job["progress"]) == ("succeeded", 1.0)
    export_id = asked.json()["data"]["id"]
    made = (await client.get(f"{PATH}/{export_id}", headers=headers)).json()["data"]
    assert (made["entries"], made["filters"]["actor"]) == (3, str(person))
    fetched = await client.get(made["downloadUrl"])
    assert fetched.status_code == 200
    assert len(fetched.content) == made["sizeBytes"]
    assert f".{form}" in fetched.headers["content-disposition"]
    assert (
        await client.get(made["downloadUrl"].replace("signature=", "signature=0"))
    ).status_code == 404
    assert (await client.get(made["downloadUrl"].partition("?")[0])).status_code == 404
    if form == "ndjson":
        assert check(fetched.content) == []
        assert len(fetched.content.splitlines()) == 3
    await drain()
    [entry] = await find(engines.database, object_id=export_id, action="audit.exported")
    assert entry.retention_class == "security"


async def test_who_may_not_gets_none(engines: Engines, client: httpx.AsyncClient) -> None:
    learner = await factories.store_user(engines.database)
    signed_in = await factories.open_session(engines.database, engines.settings, learner)
    headers = {"authorization": f"Bearer {signed_in.access_token}"}
    answer = await client.post(PATH, json={"format": "csv"}, headers=headers)
    assert (answer.status_code, answer.json()["permission"]) == (403, EXPORT_AUDIT.name)
    assert (await client.get(f"{PATH}/{ids.new_id()}", headers=headers)).status_code == 403
    with pytest.raises(errors.Forbidden):
        await anext(
            exports.write_entries(
                engines.database.reader(), Actor(user_id=learner.id), AuditFilters(), "csv",
                written=exports.Written(), report=ignore,
            )
        )  # fmt: skip


async def test_pages_leave_nothing_out_and_tell_how_far_they_are(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "AT_A_TIME", 2)
    person = ids.new_id()
    await record(database, *(refusal(person) for _ in range(7)))
    shares: list[float] = []

    async def report(share: float, _entries: int) -> None:
        shares.append(share)

    written = exports.Written()
    chunks = [
        chunk
        async for chunk in exports.write_entries(
            database.reader(), ACTOR, AuditFilters(actor=person), "ndjson",
            written=written, report=report,
        )
    ]  # fmt: skip
    assert [chunk.count(b"\n") for chunk in chunks] == [2, 2, 2, 1]
    assert (written.entries, written.size_bytes) == (7, sum(map(len, chunks)))
    assert shares == sorted(shares)
    assert shares[-1] <= 1


async def test_nothing_found_is_an_empty_file(
    engines: Engines, client: httpx.AsyncClient, drain: Drain, headers: dict[str, str]
) -> None:
    wanted = {"format": "ndjson", "actor": str(ids.new_id())}
    asked = await client.post(PATH, json=wanted, headers=headers)
    await drain()
    made = (await client.get(f"{PATH}/{asked.json()['data']['id']}", headers=headers)).json()
    assert (await client.get(made["data"]["downloadUrl"])).content == b""


async def test_a_cell_is_never_a_formula(database: Database) -> None:
    route = "=HYPERLINK(1)"
    person = ids.new_id()
    await record(database, msgspec.structs.replace(refusal(person), route=route))
    text = (await write(database, AuditFilters(actor=person), "csv")).decode()
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["objectId"] == f"'{route}"
    assert len(row["hash"]) == 64


async def test_what_was_altered_in_a_file_is_found(database: Database) -> None:
    person = ids.new_id()
    await record(database, *(reading(person, ids.new_id()) for _ in range(3)))
    data = await write(database, AuditFilters(actor=person))
    lines = data.splitlines(keepends=True)
    assert check(data) == []
    assert check(data.replace(b"record.read", b"record.rdad")) == ["edited"] * 3
    assert check(lines[0].replace(b"account", b"another") + lines[1]) == ["details_edited"]
    assert check(lines[1] + lines[0] + lines[2]) == []
    assert check(b"{}\n" + b"\xff\n" + lines[0]) == ["edited", "edited"]
    first, second = (msgspec.json.decode(line) for line in lines[:2])
    first["hash"] = second["hash"]
    assert "unlinked" in check(msgspec.json.encode(first) + b"\n" + lines[1])


async def test_an_export_ends_after_a_day(engines: Engines) -> None:
    export_id = ids.new_id()
    async with engines.database.transaction() as tx:
        await exports.add_export(
            tx, ACTOR, export_id, wanted=AuditFilters(), export_format="csv", job_id=ids.new_id()
        )
        found = await exports.get_export(tx, ACTOR, export_id)
        written = exports.Written(entries=1, size_bytes=1)
        for _ in range(2):  # told once
            await exports.finish_export(
                tx, ACTOR, found, file_key=f"{EXPORTS}/{export_id}", written=written
            )
        assert found.expires_at - clock.utc_now() > timedelta(hours=23)
        await tx.execute(EXPIRE, export_id)
    await purge_exports(JobContext(engines, ids.new_id(), 1, ACTOR))
    with pytest.raises(errors.NotFound):
        await exports.get_export(engines.database.reader(), ACTOR, export_id)


def test_two_exports_do_not_wait_for_each_other() -> None:
    one, two = (
        AuditExported(export_id=ids.new_id(), format="csv", filters={}, entries=0) for _ in "ab"
    )
    assert one.key() != two.key()
