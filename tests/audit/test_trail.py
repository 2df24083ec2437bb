"""The audit trail from what happens to what an administrator reads."""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import httpx
import msgspec
import pytest

from lyceum.audit.adapters import anchor_files
from lyceum.audit.jobs import anchor_heads
from lyceum.audit.service import noticing, search
from lyceum.customers.events import CustomerUpdated
from lyceum.platform import clock, errors, events, ids, privacy
from lyceum.platform.access import ANONYMOUS, Actor, system_actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.statements import sql
from lyceum.users.events import LoginFailed, SessionOpened
from tests.app import operator_samples
from tests.audit.factories import AUDITOR, find, refusal
from tests.users import factories

Drain = Callable[[], Awaitable[int]]


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


async def test_an_entry_tells_where_a_request_came_from(
    engines: Engines, client: httpx.AsyncClient, drain: Drain
) -> None:
    database = engines.database
    learner = await factories.store_user(database)
    signed_in = await factories.open_session(database, engines.settings, learner)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {
        "authorization": f"Bearer {signed_in.access_token}", "traceparent": trace,
        "x-request-id": "request-of-an-address",
    }  # fmt: skip
    followed = await factories.store_user(database)
    answer = await client.post(f"/api/v1/users/{followed.id}/follow", headers=headers)
    assert answer.status_code < 300, answer.text
    statement = sql("SELECT trace FROM platform.outbox WHERE request_id = $1", str)
    assert await database.sole_writer().all(statement, "request-of-an-address") == [trace]
    await drain()
    [entry] = await find(database, actor=learner.id, action="user.followed")
    full = await search.get_entry(database.reader(), AUDITOR, entry.id)
    assert msgspec.json.decode(full.body or "")["ip"] == "127.0.0.1"
    subject = privacy.Subject(learner.id, learner.email)
    async with database.transaction() as tx:
        await privacy.erase_rows(tx, subject)
    full = await search.get_entry(database.reader(), AUDITOR, entry.id)
    assert full.body is None


async def test_whoever_replays_or_drops_a_dead_letter_is_in_the_trail(
    engines: Engines, client: httpx.AsyncClient, drain: Drain
) -> None:
    database = engines.database
    admin = await factories.store_user(database, roles=("admin",))
    signed_in = await factories.open_session(database, engines.settings, admin)
    headers = {"authorization": f"Bearer {signed_in.access_token}"}
    async with database.transaction() as tx:
        parked = [await operator_samples.park_event(tx) for _ in range(2)]
    path = "/api/v1/admin/events/dead"
    await client.post(f"{path}/{parked[0]}/replay", headers=headers)
    await client.delete(f"{path}/{parked[1]}", headers=headers)
    await client.request("DELETE", f"{path}/{parked[1]}", headers=headers)
    # What is replayed fails again: nobody knows it.
    for _ in range(3):
        with contextlib.suppress(Exception):
            await drain()
    entries = await find(database, actor=admin.id)
    found = []
    for entry in entries:
        full = await search.get_entry(database.reader(), AUDITOR, entry.id)
        found.append((entry.action, msgspec.json.decode(full.body or "{}").get("event_id")))
    assert ("dead_letter.replayed", parked[0]) in found
    assert found.count(("dead_letter.dropped", parked[1])) == 1


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


async def test_erasing_a_person_empties_details_and_keeps_the_entry(engines: Engines) -> None:
    account = await factories.store_user(engines.database)
    async with engines.database.transaction() as tx:
        await noticing.record_notices(tx, system_actor("tests"), [refusal(account.id)])
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
