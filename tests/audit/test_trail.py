"""The audit trail from what happens to what an administrator reads."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import msgspec
import pytest

from lyceum.app import web
from lyceum.app.operations import probes
from lyceum.audit.adapters import anchor_files
from lyceum.audit.api import Refusal, RefusalLog
from lyceum.audit.jobs import anchor_heads
from lyceum.audit.permissions import READ_AUDIT
from lyceum.audit.schemas import AuditQuery
from lyceum.audit.service import refusals as refusal_log
from lyceum.audit.service import search
from lyceum.customers.events import CustomerUpdated
from lyceum.platform import clock, errors, events, ids, metrics, privacy
from lyceum.platform.access import ANONYMOUS, Actor, system_actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.health import Doorkeeper
from lyceum.platform.jobs import JobContext
from lyceum.users import api as users
from lyceum.users.events import LoginFailed, SessionOpened
from tests.users import factories

Drain = Callable[[], Awaitable[int]]
AUDITOR = Actor(user_id=ids.new_id(), permissions=frozenset({READ_AUDIT.name}))


async def find(database: Database, **filters: Any) -> list[Any]:
    query = AuditQuery(**filters)
    return await search.list_entries(database.reader(), AUDITOR, query, before=None, limit=100)


async def change_customer(database: Database, person: Actor) -> UUID:
    customer_id = ids.new_id()
    happened = CustomerUpdated(
        customer_id=customer_id,
        changed=("password",),
        before={"password": "Tr0ub4dor"},
        after={"password": "Tr0ub4dor", "email": "somebody@people.test"},
    )
    async with database.transaction() as tx:
        await events.emit(tx, person, happened)
    return customer_id


def refusal(actor_id: UUID | None = None) -> Refusal:
    return Refusal(
        occurred_at=clock.utc_now(), actor_id=actor_id, impersonator_id=None,
        request_id="request-1", method="GET", route=f"/{ids.new_id()}", status=403, ip="192.0.2.7",
    )  # fmt: skip


async def test_every_event_becomes_an_entry(database: Database, drain: Drain) -> None:
    person = Actor(user_id=ids.new_id(), impersonator_id=ids.new_id())
    customer_id = await change_customer(database, person)
    await drain()
    [entry] = await find(database, object_id=str(customer_id))
    assert (entry.action, entry.object_type) == ("customer.updated", "customer")
    assert entry.result == "done"
    assert (entry.actor_id, entry.impersonator_id) == (person.user_id, person.impersonator_id)
    assert entry.recorded_at >= entry.occurred_at
    full = await search.get_entry(database.reader(), AUDITOR, entry.id)
    assert "changed" in str(full.body)
    assert "Tr0ub4dor" not in str(full.body)
    assert "somebody@" not in str(full.body)


async def test_a_failed_sign_in_is_a_refusal(database: Database, drain: Drain) -> None:
    user_id = ids.new_id()
    failed = LoginFailed(account="a", user_id=user_id, reason="wrong_password", ip="192.0.2.7")
    async with database.transaction() as tx:
        await events.emit(tx, system_actor("tests"), failed)
    await drain()
    [entry] = await find(database, object_id=str(user_id), result="refused")
    assert entry.action == "login.failed"


async def test_a_sign_in_is_that_of_the_person(database: Database, drain: Drain) -> None:
    opened = SessionOpened(
        user_id=ids.new_id(), session_id=ids.new_id(), device_id=ids.new_id(), is_browser=False,
        methods=("password",), ip="192.0.2.7",
    )  # fmt: skip
    async with database.transaction() as tx:
        await events.emit(tx, ANONYMOUS, opened)
    await drain()
    [entry] = await find(database, actor=opened.user_id, action="session.opened")
    assert (entry.object_type, entry.result) == ("session", "done")


async def test_filters_narrow_the_list(database: Database, drain: Drain) -> None:
    person = Actor(user_id=ids.new_id())
    made = [await change_customer(database, person) for _ in range(3)]
    await drain()
    entries = await find(database, actor=person.user_id)
    assert [entry.object_id for entry in entries] == [str(each) for each in reversed(made)]
    middle = entries[1].occurred_at
    assert len(await find(database, actor=person.user_id, since=middle)) == 2
    assert len(await find(database, actor=person.user_id, until=middle)) == 1
    assert await find(database, actor=person.user_id, action="other.thing") == []
    assert await find(database, actor=person.user_id, result="refused") == []


async def test_only_who_may_reads_it(database: Database) -> None:
    with pytest.raises(errors.Forbidden):
        await search.get_entry(database.reader(), Actor(user_id=ids.new_id()), ids.new_id())
    with pytest.raises(errors.Fact):
        await search.get_entry(database.reader(), ANONYMOUS, ids.new_id())


async def test_an_administrator_reads_pages(
    engines: Engines, client: httpx.AsyncClient, drain: Drain
) -> None:
    database = engines.database
    person = Actor(user_id=ids.new_id())
    made = [str(await change_customer(database, person)) for _ in range(3)]
    await drain()
    admin = await factories.store_user(database, roles=("admin",))
    signed_in = await factories.open_session(database, engines.settings, admin)
    headers = {"authorization": f"Bearer {signed_in.access_token}"}
    query = {"actor": str(person.user_id), "perPage": "2", "from": "2020-01-01T00:00:00Z"}
    first = (await client.get("/api/v1/audit", params=query, headers=headers)).json()
    query["cursor"] = first["meta"]["nextCursor"]
    second = (await client.get("/api/v1/audit", params=query, headers=headers)).json()
    assert [each["objectId"] for each in first["data"] + second["data"]] == made[::-1]
    assert second["meta"]["nextCursor"] is None
    one = await client.get(f"/api/v1/audit/{first['data'][0]['id']}", headers=headers)
    assert one.json()["data"]["details"]["changed"] == ["password"]
    for wrong in (
        {"from": "yesterday"},
        {"to": "1700000000"},
        {"cursor": "x"},
        {"result": "maybe"},
    ):
        answer = await client.get("/api/v1/audit", params=wrong, headers=headers)
        assert answer.status_code in {400, 422}
    assert (await client.get("/api/v1/audit")).status_code == 401


async def test_refused_requests_are_recorded(
    engines: Engines, authenticator: users.Authenticator
) -> None:
    log = RefusalLog(engines.database)
    edge = web.build(engines, Doorkeeper(probes(engines)), authenticator, log)
    learner = await factories.store_user(engines.database)
    signed_in = await factories.open_session(engines.database, engines.settings, learner)
    headers = {"authorization": f"Bearer {signed_in.access_token}"}
    transport = httpx.ASGITransport(cast(Any, edge))
    async with httpx.AsyncClient(transport=transport, base_url="http://academy.test") as client:
        denied = await client.get("/api/v1/audit", headers=headers)
        absent = await client.get(f"/api/v1/no-such-route/{ids.new_id()}", headers=headers)
    assert (denied.status_code, absent.status_code) == (403, 404)
    await log.flush()
    [entry] = await find(engines.database, actor=learner.id, action="request.refused")
    assert (entry.object_id, entry.result) == ("/api/v1/audit", "refused")
    assert entry.request_id == denied.headers["x-request-id"]
    full = await search.get_entry(engines.database.reader(), AUDITOR, entry.id)
    assert '"status":403' in str(full.body)
    assert '"ip":' in str(full.body)


async def test_the_task_records_soon(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal_log, "PAUSE_SECONDS", 0.01)
    log = RefusalLog(database)
    waiting = refusal()
    log.add(waiting)
    task = asyncio.create_task(log.run())
    found: list[Any] = []
    for _ in range(3000):
        found = await find(database, object_id=waiting.route)
        if found:
            break
        await asyncio.sleep(0.01)
    task.cancel()
    assert len(found) == 1


async def test_a_full_queue_drops_and_counts(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal_log, "MOST_WAITING", 2)
    log = RefusalLog(database)
    before = metrics.AUDIT_DROPPED.cell(())[0]
    kept = [refusal(), refusal()]
    for each in (*kept, refusal()):
        log.add(each)
    assert metrics.AUDIT_DROPPED.cell(())[0] == before + 1
    await log.flush()
    for each in kept:
        assert len(await find(database, object_id=each.route)) == 1


async def test_what_the_database_does_not_take_waits(engines: Engines) -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    log = RefusalLog(database)
    waiting = refusal()
    log.add(waiting)
    await log.flush()
    database.write_pool = engines.database.write_pool
    await log.flush()
    assert len(await find(engines.database, object_id=waiting.route)) == 1


async def test_what_no_database_takes_is_dropped(database: Database) -> None:
    log = RefusalLog(database)
    log.add(msgspec.structs.replace(refusal(), route="\0"))
    await log.flush()
    after = refusal()
    log.add(after)
    await log.flush()
    assert len(await find(database, object_id=after.route)) == 1


async def test_erasing_a_person_empties_details_and_keeps_the_entry(engines: Engines) -> None:
    account = await factories.store_user(engines.database)
    log = RefusalLog(engines.database)
    log.add(refusal(account.id))
    await log.flush()
    subject = privacy.Subject(account.id, account.email)
    rows = {table: r async for table, r in privacy.export_rows(engines.database.reader(), subject)}
    assert rows["audit.details"][0]["details"]["ip"] == "192.0.2.7"
    async with engines.database.transaction() as tx:
        await privacy.erase_rows(tx, subject)
    [entry] = await find(engines.database, actor=account.id)
    full = await search.get_entry(engines.database.reader(), AUDITOR, entry.id)
    assert (full.has_details, full.salt, full.body) == (True, None, None)


async def test_the_job_anchors_outside_the_database(engines: Engines) -> None:
    context = JobContext(engines, ids.new_id(), 1, system_actor("tests"))
    key = await anchor_heads(context)
    anchor = anchor_files.read(engines.settings.secret_key, await engines.storage.get(key))
    assert {head.stream for head in anchor.heads} == set(range(11))
    assert clock.utc_now() - anchor.anchored_at < timedelta(minutes=5)
