"""What is held on a person: exporting all of it, erasing it, and what they agreed to."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from lyceum.app.services import load_personal_data, routes_of
from lyceum.courses.schemas.progress import ProgressUpdate
from lyceum.courses.schemas.reviews import NewReview
from lyceum.courses.service import courses, enrolment, progress, reviews
from lyceum.platform import errors, ids, privacy
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.statements import command, sql
from lyceum.platform.storage import FileMissing
from lyceum.users import jobs
from lyceum.users.errors import LastSuperAdmin, NotOnOneself, RankTooLow, StepUpRequired
from lyceum.users.records import Account
from lyceum.users.schemas.accounts import ProfilePatch
from lyceum.users.schemas.api_keys import NewApiKey
from lyceum.users.service import account as own_account
from lyceum.users.service import api_keys, data_exports, erasure
from tests.courses.factories import make_course, make_outline
from tests.doors import open_door
from tests.users import factories

load_personal_data()
SYSTEM = system_actor("test")
_REVIEW = sql("SELECT body FROM courses.reviews WHERE user_id = $1", str)
_EVENTS_OF = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY position", str)
_END_LINK = command("UPDATE users.data_exports SET link_expires_at = now() WHERE id = $1")
_AGE_EXPORT = command(
    "UPDATE users.data_exports SET expires_at = now() - interval '1 s' WHERE id = $1"
)
_DEMOTE_ALL = command(
    "UPDATE users.users SET roles = '{admin}' WHERE 'super_admin' = ANY (roles) RETURNING id", UUID
)
_PROMOTE = command("UPDATE users.users SET roles = '{super_admin}' WHERE id = ANY ($1)")
_CONSENTS = sql("SELECT count(*) FROM users.consents WHERE user_id = $1", int)


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    async with open_door(engines, routes_of("all")) as client:
        yield client


async def a_life(database: Database) -> Account:
    """Somebody who has left something in several domains."""
    async with database.transaction() as tx:
        owner = factories.actor_of(await factories.make_user(tx, roles=("instructor",)))
        person = await factories.make_user(tx, first_name="Erasmus", last_name="Telling")
        actor = await factories.fresh_actor(tx, person)
        course_id = await make_course(tx, owner)
        outline = await make_outline(tx, owner, course_id)
        await courses.publish_course(tx, owner, course_id)
        await enrolment.enrol(tx, actor, course_id)
        patch = ProfilePatch(bio="I collect barometers")
        person = await own_account.update_profile(tx, actor, patch, if_match=None)
        await api_keys.create_key(tx, actor, NewApiKey(name="Mine", scopes=("self:read",)))
        for lecture in outline.lectures:
            await _complete(tx, actor, course_id, lecture.id)
        await reviews.post_review(tx, actor, course_id, NewReview(rating=4, text="Fine knots"))
    return person


async def _complete(tx: Any, actor: Any, course_id: Any, lecture_id: Any) -> None:
    update = ProgressUpdate(lecture_id=lecture_id, completed=True)
    await progress.record_progress(tx, actor, course_id, update)


async def make_export(engines: Engines, person: Account) -> Any:
    actor = await factories.sign_in_actor(engines.database, person)
    async with engines.database.transaction() as tx:
        export = await data_exports.request_export(tx, actor)
    await jobs.export_person(JobContext(engines, ids.new_id(), 1, actor), export_id=export.id)
    return actor, export


async def test_an_export_holds_everything_and_no_secret(
    client: httpx.AsyncClient, engines: Engines
) -> None:
    database = engines.database
    person = await a_life(database)
    opened = await factories.open_session(database, engines.settings, person)
    headers = {"authorization": f"Bearer {opened.access_token}"}
    asked = await client.post("/api/v1/me/exports", headers=headers)
    assert asked.status_code == 202
    assert asked.headers["location"].startswith("/api/v1/jobs/")
    export_id = asked.json()["data"]["id"]
    early = await client.post(f"/api/v1/me/exports/{export_id}/link", headers=headers)
    assert early.json()["code"] == 6044
    actor = await factories.sign_in_actor(database, person)
    context = JobContext(engines, ids.new_id(), 1, actor)
    for _ in range(2):  # safe to run again
        await jobs.export_person(context, export_id=UUID(export_id))
    link = await client.post(f"/api/v1/me/exports/{export_id}/link", headers=headers)
    url = link.json()["data"]["url"]
    found = await client.get(url)
    assert (found.status_code, found.headers["content-type"]) == (200, "application/zip")
    assert found.headers["content-disposition"] == 'attachment; filename="my-data.zip"'
    with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
        assert archive.testzip() is None
        content = {name: archive.read(name).decode() for name in archive.namelist()}
    held = {name.removeprefix("data/").removesuffix(".json") for name in content}
    assert held >= {
        "users.users", "users.sessions", "users.api_keys", "users.data_exports",
        "courses.enrolments", "courses.lecture_progress", "courses.reviews", "platform.outbox",
    }  # fmt: skip
    assert json.loads(content["data/users.users.json"])[0]["bio"] == "I collect barometers"
    assert json.loads(content["data/courses.reviews.json"])[0]["body"] == "Fine knots"
    everything = "".join(content.values())
    for secret in ("argon2", "secret_hash", "token_hash", opened.refresh_token):
        assert secret not in everything
    listed = (await client.get("/api/v1/me/exports", headers=headers)).json()["data"]
    assert listed[0]["sizeBytes"] == len(found.content)
    seen = await database.reader().all(_EVENTS_OF, str(person.id))
    assert seen.count("user.export_ready") == 1


async def test_a_link_is_for_its_owner_for_a_while_and_for_nothing_else(
    client: httpx.AsyncClient, engines: Engines
) -> None:
    database = engines.database
    actor, export = await make_export(engines, await a_life(database))
    other = await factories.sign_in_actor(database, await factories.store_user(database))
    async with database.transaction() as tx:
        with pytest.raises(errors.NotFound):
            await data_exports.create_link(tx, other, export.id)
        first = await data_exports.create_link(tx, actor, export.id)
        second = await data_exports.create_link(tx, actor, export.id)
    secret = "/api/v1/data-exports/"
    assert (await client.get(secret + first)).status_code == 404
    assert (await client.get(secret + second)).status_code == 200
    for wrong in (str(export.id), "x" * 43, second[:-1], second + "x"):
        assert (await client.get(secret + wrong)).status_code == 404
    for path, body in (
        ("/auth/refresh-token", {"refreshToken": second}),
        ("/auth/verify-email", {"token": second}),
    ):
        assert (await client.post(f"/api/v1{path}", json=body)).status_code in (400, 401)
    headers = {"authorization": f"Bearer {second}"}
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
    async with database.transaction() as tx:
        await tx.execute(_END_LINK, export.id)
    assert (await client.get(secret + second)).status_code == 404


async def test_an_export_goes_after_a_week(engines: Engines) -> None:
    actor, export = await make_export(engines, await a_life(engines.database))
    key = f"data-exports/{export.id}.zip"
    assert await engines.storage.get(key)
    async with engines.database.transaction() as tx:
        await tx.execute(_AGE_EXPORT, export.id)
    async with engines.database.transaction() as tx:
        gone = await data_exports.forget_old_exports(tx, SYSTEM)
    assert key in gone
    await jobs.delete_files(JobContext(engines, ids.new_id(), 1, actor), keys=gone)
    with pytest.raises(FileMissing):
        await engines.storage.get(key)


async def test_erasing_leaves_a_former_member(client: httpx.AsyncClient, engines: Engines) -> None:
    database = engines.database
    person = await a_life(database)
    await make_export(engines, person)
    opened = await factories.open_session(database, engines.settings, person)
    headers = {"authorization": f"Bearer {opened.access_token}"}
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 200
    assert (await client.post("/api/v1/me/erasure", headers=headers)).status_code == 204
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
    body = {"email": person.email, "password": factories.PASSWORD}
    assert (await client.post("/api/v1/auth/login", json=body)).status_code == 401
    reader = database.reader()
    # What is left of them names nobody, in whatever table.
    subject = privacy.Subject(person.id, person.email)
    left = [(table, str(rows)) async for table, rows in privacy.export_rows(reader, subject)]
    for word in (person.email, "Erasmus", "Telling", "barometers", "Fine knots", "192.0.2"):
        assert [table for table, rows in left if word in rows] == [], word
    tables = {table for table, _ in left}
    assert {"users.users", "courses.enrolments", "courses.reviews"} <= tables
    assert not tables & {"users.sessions", "users.api_keys", "users.data_exports"}
    assert await reader.one(_REVIEW, person.id) == ""
    seen = await reader.all(_EVENTS_OF, str(person.id))
    assert seen[-1] == "user.erased"
    again = {**body, "firstName": "Eva"}
    assert (await client.post("/api/v1/auth/register", json=again)).status_code == 201


async def test_the_files_of_the_erased_go_as_well(engines: Engines) -> None:
    actor, export = await make_export(engines, await a_life(engines.database))
    async with engines.database.transaction() as tx:
        files = await erasure.erase_oneself(tx, actor)
        assert f"data-exports/{export.id}.zip" in files
    context = JobContext(engines, ids.new_id(), 1, SYSTEM)
    await jobs.delete_files(context, keys=files)
    await jobs.export_person(context, export_id=export.id)  # nobody wants it any more
    with pytest.raises(FileMissing):
        await engines.storage.get(f"data-exports/{export.id}.zip")


async def test_erasing_takes_a_proof(engines: Engines) -> None:
    database = engines.database
    person = await factories.store_user(database)
    with pytest.raises(StepUpRequired):
        async with database.transaction() as tx:
            await erasure.erase_oneself(tx, factories.actor_of(person))
    with pytest.raises(StepUpRequired):
        async with database.transaction() as tx:
            await data_exports.request_export(tx, factories.actor_of(person))


async def test_who_erases_whom(database: Database) -> None:
    async with database.transaction() as tx:
        admin = await factories.fresh_actor(tx, await factories.make_user(tx, roles=("admin",)))
        top = await factories.make_user(tx, roles=("super_admin",))
        student = await factories.make_user(tx)
        manager = await factories.fresh_actor(tx, await factories.make_user(tx, roles=("manager",)))
        assert admin.user_id is not None
        with pytest.raises(errors.Forbidden):
            await erasure.erase_other(tx, manager, student.id)
        with pytest.raises(RankTooLow):
            await erasure.erase_other(tx, admin, top.id)
        with pytest.raises(NotOnOneself):
            await erasure.erase_other(tx, admin, admin.user_id)
        with pytest.raises(errors.NotFound):
            await erasure.erase_other(tx, admin, ids.new_id())
        await erasure.erase_other(tx, admin, student.id)
        with pytest.raises(errors.Conflict):
            await erasure.erase_other(tx, admin, student.id)


async def test_the_last_super_admin_is_not_erased(database: Database) -> None:
    """Also when the last two go at the same moment."""
    async with database.transaction() as tx:
        others = await tx.all(_DEMOTE_ALL)
        tops = [await factories.make_user(tx, roles=("super_admin",)) for _ in range(2)]
        actors = [await factories.fresh_actor(tx, top) for top in tops]

    async def erase(actor: Any) -> None:
        async with database.transaction() as tx:
            await erasure.erase_oneself(tx, actor)

    done = await asyncio.gather(*(erase(actor) for actor in actors), return_exceptions=True)
    async with database.transaction() as tx:
        await tx.execute(_PROMOTE, others)
    assert {type(one) for one in done} == {type(None), LastSuperAdmin}


async def test_what_somebody_agrees_to_is_kept(
    client: httpx.AsyncClient, database: Database, engines: Engines
) -> None:
    person = await factories.store_user(database)
    opened = await factories.open_session(database, engines.settings, person)
    headers = {"authorization": f"Bearer {opened.access_token}"}
    url = "/api/v1/me/consents"
    assert (await client.get(url, headers=headers)).json()["data"] == []
    for given in (True, False, True):
        body = {"isGiven": given, "documentVersion": "2026-11"}
        answer = await client.put(f"{url}/marketing-mail", json=body, headers=headers)
        assert answer.json()["data"]["isGiven"] is given
    await client.put(f"{url}/terms", json={"isGiven": True}, headers=headers)
    found = (await client.get(url, headers=headers)).json()["data"]
    assert [(one["purpose"], one["isGiven"]) for one in found] == [
        ("marketing-mail", True), ("terms", True)
    ]  # fmt: skip
    assert await database.reader().one(_CONSENTS, person.id) == 4
    seen = await database.reader().all(_EVENTS_OF, str(person.id))
    assert seen.count("user.consent_changed") == 4
    for wrong in ({"isGiven": 1}, {}, {"isGiven": True, "documentVersion": "x" * 51}):
        answer = await client.put(f"{url}/terms", json=wrong, headers=headers)
        assert answer.status_code == 422
    for purpose in ("Terms", "x", "a" * 60):
        answer = await client.put(f"{url}/{purpose}", json={"isGiven": True}, headers=headers)
        assert answer.status_code == 404
