"""What requests leave for the trail: refusals and readings, on their way and after a kill."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest

from lyceum.app import web
from lyceum.app.operations import probes
from lyceum.audit.adapters import spool
from lyceum.audit.api import RequestLog
from lyceum.audit.records import Notice
from lyceum.audit.service import request_log, search
from lyceum.platform import ids, metrics
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.health import Doorkeeper
from lyceum.platform.settings import child_environment
from lyceum.users import api as users
from tests.audit.factories import AUDITOR, find, reading, refusal
from tests.customers import factories as customers
from tests.users import factories

Open = Callable[[Database], RequestLog]


@pytest.fixture
def open_log(tmp_path: Path) -> Open:
    return lambda database: RequestLog(database, tmp_path)


async def ask(
    engines: Engines, authenticator: users.Authenticator, log: RequestLog, role: str, *paths: str
) -> tuple[Any, list[httpx.Response]]:
    """Ask as somebody new of a role, and have it recorded."""
    edge = web.build(engines, Doorkeeper(probes(engines)), authenticator, log)
    person = await factories.store_user(engines.database, roles=(role,))
    signed_in = await factories.open_session(engines.database, engines.settings, person)
    headers = {"authorization": f"Bearer {signed_in.access_token}"}
    transport = httpx.ASGITransport(cast(Any, edge))
    async with httpx.AsyncClient(transport=transport, base_url="http://academy.test") as client:
        answers = [await client.get(path, headers=headers) for path in paths]
    await log.flush()
    return person, answers


async def test_refused_requests_are_recorded(
    engines: Engines, authenticator: users.Authenticator, open_log: Open
) -> None:
    log = open_log(engines.database)
    paths = "/api/v1/audit", f"/api/v1/no-such-route/{ids.new_id()}"
    learner, (denied, absent) = await ask(engines, authenticator, log, "student", *paths)
    assert (denied.status_code, absent.status_code) == (403, 404)
    [entry] = await find(engines.database, actor=learner.id, action="request.refused")
    assert (entry.object_id, entry.result) == ("/api/v1/audit", "refused")
    assert entry.request_id == denied.headers["x-request-id"]
    full = await search.get_entry(engines.database.reader(), AUDITOR, entry.id)
    assert '"status":403' in str(full.body)
    assert '"ip":' in str(full.body)


async def test_staff_who_read_an_account_leave_an_entry(
    engines: Engines, authenticator: users.Authenticator, open_log: Open
) -> None:
    learner = await factories.store_user(engines.database)
    log = open_log(engines.database)
    path = f"/api/v1/users/{learner.id}"
    admin, [answer] = await ask(engines, authenticator, log, "admin", path)
    assert answer.status_code == 200
    [entry] = await find(engines.database, actor=admin.id, action="record.read")
    assert (entry.object_type, entry.object_id) == ("user", str(learner.id))
    assert (entry.result, entry.retention_class) == ("done", "reads")
    assert entry.request_id == answer.headers["x-request-id"]
    assert entry in await find(engines.database, person=learner.id)
    full = await search.get_entry(engines.database.reader(), AUDITOR, entry.id)
    told = msgspec.json.decode(full.body or "")
    assert told["record"] == "account"
    assert told["people"] == [str(learner.id)]
    assert told["ip"]


async def test_neither_ones_own_nor_what_all_see_leaves_an_entry(
    engines: Engines, authenticator: users.Authenticator, open_log: Open
) -> None:
    other = await factories.store_user(engines.database)
    log = open_log(engines.database)
    paths = "/api/v1/me", f"/api/v1/users/{other.id}"
    person, answers = await ask(engines, authenticator, log, "student", *paths)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert await find(engines.database, actor=person.id, action="record.read") == []


async def test_a_list_is_one_entry_that_names_its_people(
    engines: Engines, authenticator: users.Authenticator, open_log: Open
) -> None:
    await asyncio.gather(*(factories.store_user(engines.database) for _ in range(3)))
    log = open_log(engines.database)
    admin, [answer] = await ask(engines, authenticator, log, "admin", "/api/v1/users?perPage=3")
    shown = {row["id"] for row in answer.json()["data"]} - {str(admin.id)}
    [entry] = await find(engines.database, actor=admin.id, action="record.read")
    full = await search.get_entry(engines.database.reader(), AUDITOR, entry.id)
    assert set(msgspec.json.decode(full.body or "")["people"]) == shown


async def test_reading_the_trail_of_somebody_is_in_the_trail(
    engines: Engines, authenticator: users.Authenticator, open_log: Open
) -> None:
    log = open_log(engines.database)
    learner, _ = await ask(engines, authenticator, log, "student", "/api/v1/audit")
    [theirs] = await find(engines.database, actor=learner.id, action="request.refused")
    paths = f"/api/v1/audit?actor={learner.id}", f"/api/v1/audit/{theirs.id}"
    admin, _ = await ask(engines, authenticator, log, "admin", *paths)
    assert len(await find(engines.database, actor=admin.id, action="record.read")) == 2


async def test_a_customers_record_is_that_of_the_people_linked_to_it(
    engines: Engines, authenticator: users.Authenticator, open_log: Open
) -> None:
    async with engines.database.transaction() as tx:
        customer = await customers.make_customer(tx)
        person_id = await customers.make_account(tx)
        await customers.link(tx, customer.id, person_id)
    log = open_log(engines.database)
    path = f"/api/v1/customers/{customer.id}"
    manager, [answer] = await ask(engines, authenticator, log, "manager", path)
    assert answer.status_code == 200
    [entry] = await find(engines.database, person=person_id, action="record.read")
    assert (entry.actor_id, entry.object_id) == (manager.id, str(customer.id))


async def test_the_task_records_soon(
    database: Database, open_log: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_log, "PAUSE_SECONDS", 0.01)
    log = open_log(database)
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
    database: Database, open_log: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_log, "MOST_WAITING", 2)
    log = open_log(database)
    before = metrics.AUDIT_DROPPED.cell(())[0]
    kept = [refusal(), refusal()]
    for each in (*kept, refusal()):
        log.add(each)
    assert metrics.AUDIT_DROPPED.cell(())[0] == before + 1
    await log.flush()
    for each in kept:
        assert len(await find(database, object_id=each.route)) == 1


async def test_what_the_database_does_not_take_waits(engines: Engines, open_log: Open) -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    log = open_log(database)
    waiting = refusal()
    log.add(waiting)
    await log.flush()
    database.write_pool = engines.database.write_pool
    await log.flush()
    assert len(await find(engines.database, object_id=waiting.route)) == 1


async def test_what_no_database_takes_is_dropped_alone(database: Database, open_log: Open) -> None:
    log = open_log(database)
    good = [refusal(), refusal()]
    log.add(good[0])
    log.add(msgspec.structs.replace(refusal(), route="\0"))
    log.add(good[1])
    await log.flush()
    for each in good:
        assert len(await find(database, object_id=each.route)) == 1


KILLED = """
import asyncio, sys, time
from pathlib import Path
from lyceum.audit.api import RequestLog
from lyceum.platform.database import Database
from tests.audit.factories import reading, refusal
import msgspec
from lyceum.platform import ids

log = RequestLog(Database("postgresql://nobody@127.0.0.1:1/nothing"), Path(sys.argv[1]))
for notice in (refusal(), reading(ids.new_id(), ids.new_id())):
    log.add(notice)
    print(msgspec.json.encode(notice).decode(), flush=True)
print("added", flush=True)
time.sleep(600)
"""


async def test_what_waits_when_a_process_is_killed_is_recorded_by_another(
    database: Database, open_log: Open, tmp_path: Path
) -> None:
    """Once only, however often it is found."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(tmp_path),
        stdout=asyncio.subprocess.PIPE, env=child_environment({"PYTHONPATH": ":".join(sys.path)}),
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    while (line := await process.stdout.readline()) != b"added\n":
        lines.append(line)
    notices: list[Any] = [msgspec.json.decode(line, type=Notice) for line in lines]
    log = open_log(database)
    await log.adopt()
    assert await find(database, object_id=notices[0].route) == []  # it lives, and holds its file
    process.kill()
    await process.wait()
    for _ in range(2):
        await log.adopt()
    assert len(await find(database, object_id=notices[0].route)) == 1
    assert len(await find(database, actor=notices[1].actor_id)) == 1
    assert [path.name for path in (tmp_path / request_log.FOLDER).iterdir()] == [log.file_name]


async def test_what_was_recorded_before_the_kill_is_not_recorded_twice(
    database: Database, open_log: Open, tmp_path: Path
) -> None:
    log = open_log(database)
    one = reading(ids.new_id(), ids.new_id())
    log.add(one)
    copy = (tmp_path / request_log.FOLDER / log.file_name).read_bytes()
    await log.flush()
    assert (tmp_path / request_log.FOLDER / log.file_name).read_bytes() == b""
    left = tmp_path / request_log.FOLDER / f"{ids.new_id()}.jsonl"
    left.write_bytes(copy + b'{"type":"read","id":\n')  # the last line was cut short
    await log.adopt()
    assert len(await find(database, actor=one.actor_id)) == 1
    assert not left.exists()


async def test_a_file_stays_while_the_database_is_away(open_log: Open, tmp_path: Path) -> None:
    left = tmp_path / request_log.FOLDER / f"{ids.new_id()}.jsonl"
    log = open_log(Database("postgresql://nobody@127.0.0.1:1/nothing"))
    left.write_bytes(msgspec.json.encode(refusal()) + b"\n")
    await log.adopt()
    assert left.exists()


async def test_a_log_that_ends_well_leaves_no_file(
    database: Database, open_log: Open, tmp_path: Path
) -> None:
    log = open_log(database)
    log.add(refusal())
    await log.close()
    assert list((tmp_path / request_log.FOLDER).iterdir()) == []


def test_a_file_is_taken_by_one(tmp_path: Path) -> None:
    mine = spool.Spool(tmp_path)
    mine.write(b"one")
    with spool.adopt(mine.path) as lines:
        assert lines is None
    with spool.adopt(tmp_path / "gone.jsonl") as lines:
        assert lines is None
