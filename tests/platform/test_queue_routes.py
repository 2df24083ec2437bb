"""The admin routes of the job queues: figures, lists, and what can be done about jobs."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from lyceum.app.http import build_app
from lyceum.platform import clock, errors, ids, jobs, queue_routes, runner, schedule, worker_roll
from lyceum.platform.access import Actor, permissions_of, system_actor
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from tests.platform import sample_work
from tests.platform.sample_work import Behaviour, actor_of, effects

SYSTEM = system_actor("test")
PEOPLE = {
    "admin": Actor(user_id=ids.new_id(), roles=("admin",), permissions=permissions_of(("admin",))),
    "reader": Actor(user_id=ids.new_id(), permissions=frozenset({"queues:read"})),
    "student": Actor(user_id=ids.new_id(), roles=("student",)),
}
ADMIN = {"authorization": "Bearer admin"}
READER = {"authorization": "Bearer reader"}


class Door:
    cookie_name = "session"

    def peek(self, token: str, ip: str) -> Actor | None:
        return PEOPLE.get(token)

    async def authenticate_signed(self, credentials: str, **parts: Any) -> Actor:
        raise errors.TokenInvalid

    async def authenticate(self, token: str, ip: str) -> Actor:
        raise errors.TokenInvalid

    def peek_browser(self, cookie: str) -> Actor | None:
        return None

    async def authenticate_browser(self, cookie: str) -> Actor:
        raise errors.TokenInvalid

    def is_csrf_token(self, cookie: str, given: str) -> bool:
        return False


class Broken(Exception):
    pass


@pytest.fixture
async def web(background: Engines) -> AsyncIterator[httpx.AsyncClient]:
    app: Any = build_app(
        background, queue_routes.routes.all, authenticator=Door(), watch=lambda _: None
    )
    transport = httpx.ASGITransport(app)
    base = "http://test/api/v1/admin/queues"
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=ADMIN) as client:
        yield client


async def ask(background: Engines, statement: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(background.database.write_pool.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


async def ask_for(background: Engines, key: str | None = None, thing: str = "a") -> UUID:
    async with background.database.transaction() as tx:
        return await jobs.enqueue_once(tx, SYSTEM, key, sample_work.work, thing=thing)


async def break_down(_context: JobContext, _thing: str) -> None:
    raise errors.InvalidInput("This is no picture.")


async def make_failed(background: Engines, key: str | None = None) -> UUID:
    Behaviour.work = break_down
    job_id = await ask_for(background, key)
    with pytest.raises(errors.InvalidInput):
        await runner.drain(background, actor_of)
    Behaviour.work = None
    return job_id


async def state_of(web: httpx.AsyncClient, job_id: UUID) -> Any:
    return (await web.get(f"/jobs/{job_id}")).json()["data"]["state"]


async def queue(web: httpx.AsyncClient, name: str = "default") -> dict[str, Any]:
    found = (await web.get("")).raise_for_status().json()["data"]
    assert [each["name"] for each in found["queues"]] == list(jobs.QUEUES)
    return next(each for each in found["queues"] if each["name"] == name)


async def test_the_figures_of_a_queue(background: Engines, web: httpx.AsyncClient) -> None:
    empty = await queue(web)
    assert empty["latency"] == dict.fromkeys(
        ("waitingP50", "waitingP95", "runningP50", "runningP95")
    )
    await make_failed(background)
    for _ in range(3):
        await ask_for(background)
    await runner.drain(background, actor_of)
    await ask_for(background)
    delayed = await ask_for(background)
    statement = "UPDATE platform.jobs SET available_at = now() + interval '5 s' WHERE id = $1"
    await ask(background, statement, delayed)
    found = await queue(web)
    counted = ("waiting", "delayed", "running", "failed", "succeededLastHour", "failedLastHour")
    assert [found[name] for name in counted] == [1, 1, 0, 1, 3, 1]
    assert found["minutes"][-1]["succeeded"] + found["minutes"][-2]["succeeded"] == 3
    assert len(found["minutes"]) == 60
    assert 0 <= found["oldestSeconds"] < 600
    latency = found["latency"]
    assert 0 <= latency["waitingP50"] <= latency["waitingP95"]
    assert 0 <= latency["runningP50"] <= latency["runningP95"]


async def test_workers_that_live_are_shown(background: Engines, web: httpx.AsyncClient) -> None:
    async with worker_roll.signed_in(background.database, "all", lambda: 3):
        async with asyncio.timeout(30):
            while not (shown := (await web.get("")).json()["data"]["workers"]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (shown[0]["services"], shown[0]["running"]) == ("all", 3)
    assert (await web.get("")).json()["data"]["workers"] == []
    await ask(
        background,
        "INSERT INTO platform.workers VALUES (gen_random_uuid(), 'gone', 1, 'all', 0, now(),"
        " now() - interval '21 s')",
    )
    assert (await web.get("")).json()["data"]["workers"] == []


async def test_jobs_are_listed_by_state_the_newest_first(
    background: Engines, web: httpx.AsyncClient
) -> None:
    failed = await make_failed(background)
    made = [str(await ask_for(background)) for _ in range(5)]
    await runner.drain(background, actor_of)
    listed = (await web.get("/jobs")).json()["data"]
    assert [job["id"] for job in listed] == [str(failed)]
    assert listed[0]["error"] == "This is no picture."
    assert listed[0]["fault"].startswith("InvalidInput: This is no picture.")
    seen: list[str] = []
    options = {"state": "succeeded", "perPage": "2"}
    for is_last in (False, False, True):
        page = (await web.get("/jobs", params=options)).json()
        seen += [job["id"] for job in page["data"]]
        options["cursor"] = page["meta"]["nextCursor"]
        assert (options["cursor"] is None) == is_last
    assert seen == made[::-1]
    for params, count in (
        ({"queue": "email"}, 0), ({"name": "tests.work"}, 1), ({"name": "tests.tick"}, 0),
    ):  # fmt: skip
        assert len((await web.get("/jobs", params=params)).json()["data"]) == count
    assert (await web.get("/jobs", params={"cursor": "WyJ4Il0"})).status_code == 422
    assert (await web.get("/jobs", params={"state": "lost"})).status_code == 422


async def test_a_job_is_shown_without_secrets(background: Engines, web: httpx.AsyncClient) -> None:
    job_id = await ask_for(background, thing="password=hunter2hunter2")
    shown = await web.get(f"/jobs/{job_id}")
    assert shown.json()["data"]["name"] == "tests.work"
    assert "thing" in shown.json()["data"]["arguments"]
    assert "hunter2" not in shown.text


async def test_a_failed_job_is_retried_with_all_its_tries(
    background: Engines, web: httpx.AsyncClient
) -> None:
    job_id = await make_failed(background)
    retried = await web.post(f"/jobs/{job_id}/retry")
    assert retried.status_code == 200
    assert (retried.json()["data"]["state"], retried.json()["data"]["attempts"]) == ("waiting", 0)
    assert (await web.post(f"/jobs/{job_id}/retry")).status_code == 409
    await runner.drain(background, actor_of)
    assert (await web.get(f"/jobs/{job_id}")).json()["data"]["state"] == "succeeded"
    assert (await web.post(f"/jobs/{job_id}/retry")).status_code == 409
    assert (await web.post(f"/jobs/{job_id}/discard")).status_code == 409


async def test_a_job_is_not_retried_beside_another_of_its_key(
    background: Engines, web: httpx.AsyncClient
) -> None:
    first = await make_failed(background, "the key")
    second = await make_failed(background, "the key")
    await ask_for(background, "the key")
    refused = await web.post(f"/jobs/{first}/retry")
    assert (refused.status_code, refused.json()["title"]) == (
        409,
        "Another one of these is under way",
    )
    assert (await web.post("/retry-failed", json={})).json()["data"]["count"] == 0
    await runner.drain(background, actor_of)
    assert (await web.post("/retry-failed", json={})).json()["data"]["count"] == 1
    assert (await web.get(f"/jobs/{second}")).json()["data"]["state"] == "waiting"
    assert (await web.get(f"/jobs/{first}")).json()["data"]["state"] == "failed"


async def test_retrying_at_once_retries_once(background: Engines, web: httpx.AsyncClient) -> None:
    job_id = await make_failed(background)
    answers = await asyncio.gather(*(web.post(f"/jobs/{job_id}/retry") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]


async def test_all_failed_jobs_are_retried_or_given_up(
    background: Engines, web: httpx.AsyncClient
) -> None:
    for _ in range(3):
        await make_failed(background)
    moved = await web.post("/retry-failed", json={"queue": "email"})
    assert moved.json()["data"]["count"] == 0
    assert (await web.post("/retry-failed", json={"name": "tests.work"})).json()["data"] == {
        "count": 3
    }
    Behaviour.work = break_down
    with pytest.raises(errors.InvalidInput):
        await runner.drain(background, actor_of)
    assert (await queue(web))["failed"] == 3
    assert (await web.post("/discard-failed", json={})).json()["data"]["count"] == 3
    assert (await queue(web))["failed"] == 0
    given_up = await ask(background, "SELECT state, error FROM platform.jobs")
    assert set(given_up) == {("cancelled", "This is no picture.")}


async def test_what_is_done_is_told_as_events(background: Engines, web: httpx.AsyncClient) -> None:
    job_id = await make_failed(background)
    await web.post(f"/jobs/{job_id}/retry")
    await web.post(f"/jobs/{job_id}/cancel")
    other = await make_failed(background)
    await web.post(f"/jobs/{other}/discard")
    told = await ask(background, "SELECT name, actor_id FROM platform.outbox ORDER BY position")
    assert told == [("job.discarded", PEOPLE["admin"].user_id)]
    await web.post("/discard-failed", json={})
    assert (await ask(background, "SELECT count(*) FROM platform.outbox")) == [(2,)]


async def test_a_running_job_of_anybody_is_stopped_in_its_worker(
    background: Engines, web: httpx.AsyncClient
) -> None:
    started = asyncio.Event()

    async def hang(_context: JobContext, _thing: str) -> None:
        started.set()
        await asyncio.sleep(3600)

    Behaviour.work = hang
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        group.create_task(runner.run_worker(background, stop, actor_of))
        job_id = await ask_for(background)
        await started.wait()
        answer = (await web.post(f"/jobs/{job_id}/cancel")).json()["data"]
        assert (answer["state"], answer["isStopping"]) == ("running", True)
        while await state_of(web, job_id) != "cancelled":  # noqa: ASYNC110 - rows set no events
            await asyncio.sleep(0.02)
        # The worker goes on with others.
        Behaviour.work = None
        await ask_for(background, thing="b")
        await sample_work.until_effects(background.database, 2)
        stop.set()
    assert (await web.post(f"/jobs/{job_id}/cancel")).status_code == 409


async def test_scheduled_jobs_are_listed_and_run_now(
    background: Engines, web: httpx.AsyncClient
) -> None:
    assert (await web.get("/schedules")).json()["data"] == []
    await schedule.Scheduler(background.database).start_due(clock.utc_now())
    (listed,) = (await web.get("/schedules")).json()["data"]
    assert (listed["name"], listed["cron"], listed["queue"]) == (
        "tests.tick",
        "0 12 1 3 *",
        "default",
    )
    assert listed["nextAt"].endswith("-03-01T12:00:00Z")
    assert (listed["lastStartedAt"], listed["lastState"]) == (None, None)
    started = await web.post("/schedules/tests.tick/run")
    assert started.status_code == 202
    again = await web.post("/schedules/tests.tick/run")
    assert again.json()["data"] == started.json()["data"]
    await runner.drain(background, actor_of)
    assert [effect.doer for effect in await effects(background.database)] == ["tick"]
    (listed,) = (await web.get("/schedules")).json()["data"]
    assert listed["lastState"] == "succeeded"
    assert listed["lastStartedAt"]
    assert (await web.post("/schedules/tests.tock/run")).status_code == 404


async def test_the_stream_tells_the_figures(background: Engines, web: httpx.AsyncClient) -> None:
    await ask_for(background)
    told = await web.get("/live", params={"seconds": 0})
    assert told.headers["content-type"] == "text/event-stream"
    name, data, *rest = told.text.split("\n")
    assert (name, rest) == ("event: queues", ["", ""])
    found = json.loads(data.removeprefix("data: "))
    assert next(q for q in found["queues"] if q["name"] == "default")["waiting"] == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("GET", "/live?seconds=0"), ("GET", "/jobs"), ("GET", "/jobs/{id}"),
        ("GET", "/schedules"), ("POST", "/jobs/{id}/retry"), ("POST", "/jobs/{id}/cancel"),
        ("POST", "/jobs/{id}/discard"), ("POST", "/retry-failed"), ("POST", "/discard-failed"),
        ("POST", "/schedules/tests.tick/run"),
    ],
)  # fmt: skip
async def test_who_may_knock(
    background: Engines, web: httpx.AsyncClient, method: str, path: str
) -> None:
    await schedule.Scheduler(background.database).start_due(clock.utc_now())
    place = path.replace("{id}", str(await make_failed(background)))
    before = await ask(background, "SELECT state, cancel_asked_at FROM platform.jobs")

    async def knock(who: str) -> int:
        headers = {"authorization": f"Bearer {who}"}
        body: Any = {"json": {}} if place.endswith("-failed") else {}
        return (await web.request(method, place, headers=headers, **body)).status_code

    assert await knock("nobody") == 401
    assert await knock("student") == 403
    assert await knock("reader") == (200 if method == "GET" else 403)
    assert await ask(background, "SELECT state, cancel_asked_at FROM platform.jobs") == before
