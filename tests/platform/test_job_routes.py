import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from lyceum.app.http import build_app
from lyceum.platform import errors, ids, job_routes, jobs, runner
from lyceum.platform.access import ANONYMOUS, Actor, permissions_of
from lyceum.platform.engines import Engines
from lyceum.platform.job_runs import JobRunner
from lyceum.platform.jobs import JobContext
from tests.platform import sample_work
from tests.platform.sample_work import Behaviour, actor_of, effects

OWNER = Actor(user_id=ids.new_id(), roles=("student",))
PEOPLE = {
    "owner": OWNER,
    "stranger": Actor(user_id=ids.new_id(), roles=("student",)),
    "admin": Actor(user_id=ids.new_id(), roles=("admin",), permissions=permissions_of(("admin",))),
    "reader": Actor(user_id=ids.new_id(), permissions=frozenset({"jobs:read"})),
}


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


@pytest.fixture
async def web(background: Engines) -> AsyncIterator[httpx.AsyncClient]:
    app: Any = build_app(
        background, job_routes.routes.all, authenticator=Door(), watch=lambda _: None
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as client:
        yield client


def by(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name}"}


async def ask_for_work(background: Engines, actor: Actor = OWNER) -> UUID:
    async with background.database.transaction() as tx:
        return await jobs.enqueue(tx, actor, sample_work.work, thing="a")


async def test_the_owner_sees_how_far_the_job_is_and_what_came_of_it(
    background: Engines, web: httpx.AsyncClient
) -> None:
    seen: list[Any] = []

    async def work(context: JobContext, _thing: str) -> dict[str, str]:
        await context.report(0.5, "half of it")
        seen.append((await web.get(f"/jobs/{context.job_id}", headers=by("owner"))).json()["data"])
        return {"location": "/api/v1/things/7", "count": "3"}

    Behaviour.work = work
    job_id = await ask_for_work(background)
    before = (await web.get(f"/jobs/{job_id}", headers=by("owner"))).json()["data"]
    assert before.pop("createdAt").endswith("Z")
    assert before == {
        "id": str(job_id), "name": "tests.work", "state": "waiting", "progress": 0, "note": "",
        "isStopping": False, "result": None, "error": None, "startedAt": None, "finishedAt": None,
        "links": {"result": None},
    }  # fmt: skip
    await runner.drain(background, actor_of)
    assert (seen[0]["state"], seen[0]["progress"], seen[0]["note"]) == (
        "running",
        0.5,
        "half of it",
    )
    after = (await web.get(f"/jobs/{job_id}", headers=by("owner"))).json()["data"]
    assert (after["state"], after["progress"]) == ("succeeded", 1)
    assert after["result"] == {"location": "/api/v1/things/7", "count": "3"}
    assert after["links"] == {"result": "/api/v1/things/7"}
    assert after["startedAt"] <= after["finishedAt"]


async def test_a_failure_is_told_to_the_owner_and_explained_to_staff(
    background: Engines, web: httpx.AsyncClient
) -> None:
    async def work(_context: JobContext, _thing: str) -> None:
        raise ZeroDivisionError("in the secret chamber")

    Behaviour.work = work
    job_id = await ask_for_work(background)
    with pytest.raises(ZeroDivisionError):
        await runner.drain(background, actor_of)
    told = (await web.get(f"/jobs/{job_id}", headers=by("owner"))).json()["data"]["error"]
    assert told == "Something went wrong on our side"
    told = (await web.get(f"/jobs/{job_id}", headers=by("admin"))).json()["data"]["error"]
    assert "in the secret chamber" in told


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_who_may_knock(background: Engines, web: httpx.AsyncClient, method: str) -> None:
    job_id = await ask_for_work(background)
    assert (await web.request(method, f"/jobs/{job_id}")).status_code == 401
    assert (await web.request(method, f"/jobs/{job_id}", headers=by("stranger"))).status_code == 404
    missing = f"/jobs/{ids.new_id()}"
    for who in ("owner", "admin"):
        assert (await web.request(method, missing, headers=by(who))).status_code == 404
        assert (await web.request(method, "/jobs/7", headers=by(who))).status_code in (404, 422)
    forbidden = 200 if method == "GET" else 403
    assert (await web.request(method, f"/jobs/{job_id}", headers=by("reader"))).status_code == (
        forbidden
    )


async def test_a_job_of_the_system_is_for_staff(
    background: Engines, web: httpx.AsyncClient
) -> None:
    job_id = await ask_for_work(background, ANONYMOUS)
    assert (await web.get(f"/jobs/{job_id}", headers=by("owner"))).status_code == 404
    assert (await web.get(f"/jobs/{job_id}", headers=by("admin"))).status_code == 200


@pytest.mark.parametrize("who", ["owner", "admin"])
async def test_a_job_that_waits_can_be_cancelled_and_is_never_run(
    background: Engines, web: httpx.AsyncClient, who: str
) -> None:
    job_id = await ask_for_work(background)
    assert (await web.delete(f"/jobs/{job_id}", headers=by(who))).status_code == 204
    assert await runner.drain(background, actor_of) == 1  # the event that says so
    assert await effects(background.database) == []
    found = (await web.get(f"/jobs/{job_id}", headers=by("owner"))).json()["data"]
    assert found["state"] == "cancelled"
    again = await web.delete(f"/jobs/{job_id}", headers=by(who))
    assert again.status_code == 409
    assert again.json()["state"] == "cancelled"


async def test_a_job_that_runs_is_asked_to_stop_and_does(
    background: Engines, web: httpx.AsyncClient
) -> None:
    seen: list[Any] = []
    worker = JobRunner(background, actor_of)

    async def work(context: JobContext, _thing: str) -> None:
        place = f"/jobs/{context.job_id}"
        assert (await web.delete(place, headers=by("owner"))).status_code == 204
        seen.append((await web.get(place, headers=by("owner"))).json()["data"])
        await worker.heed_cancellations()
        await asyncio.sleep(3600)

    Behaviour.work = work
    job_id = await ask_for_work(background)
    async with asyncio.timeout(30):
        assert await worker.run(job_id)
    assert (seen[0]["state"], seen[0]["isStopping"]) == ("running", True)
    found = (await web.get(f"/jobs/{job_id}", headers=by("owner"))).json()["data"]
    assert (found["state"], found["isStopping"]) == ("cancelled", False)
    assert found["finishedAt"]
    assert (await web.delete(f"/jobs/{job_id}", headers=by("owner"))).status_code == 409


async def test_a_job_is_watched_to_its_end(background: Engines, web: httpx.AsyncClient) -> None:
    heard: list[asyncio.Task[httpx.Response]] = []

    async def work(context: JobContext, _thing: str) -> None:
        await context.report(0.5, "half of it")
        place = f"/jobs/{context.job_id}/live"
        heard.append(asyncio.create_task(web.get(place, headers=by("owner"))))
        # The stream has begun when it has been answered that there is the job.
        await asyncio.sleep(0.2)

    Behaviour.work = work
    job_id = await ask_for_work(background)
    await JobRunner(background, actor_of).run(job_id)
    async with asyncio.timeout(30):
        told = await heard[0]
    views = [
        msgspec.json.decode(line.removeprefix("data: "))
        for line in told.text.splitlines()
        if line.startswith("data: ")
    ]
    assert views[-1]["state"] == "succeeded"
    assert {view["state"] for view in views} <= {"running", "succeeded"}
    for who, status in (("stranger", 404), ("admin", 200)):
        answer = await web.get(f"/jobs/{job_id}/live", headers=by(who))
        assert answer.status_code == status


async def test_a_job_that_fails_while_it_is_asked_to_stop_is_not_tried_again(
    background: Engines, web: httpx.AsyncClient
) -> None:
    async def work(context: JobContext, _thing: str) -> None:
        await web.delete(f"/jobs/{context.job_id}", headers=by("owner"))
        raise ConnectionError

    Behaviour.work = work
    job_id = await ask_for_work(background)
    await JobRunner(background, actor_of).run(job_id)
    found = (await web.get(f"/jobs/{job_id}", headers=by("owner"))).json()["data"]
    assert found["state"] == "cancelled"


async def test_what_a_job_does_before_it_hears_of_it_counts(
    background: Engines, web: httpx.AsyncClient
) -> None:
    async def work(context: JobContext, _thing: str) -> str:
        await web.delete(f"/jobs/{context.job_id}", headers=by("owner"))
        return "done"

    Behaviour.work = work
    job_id = await ask_for_work(background)
    await JobRunner(background, actor_of).run(job_id)
    found = (await web.get(f"/jobs/{job_id}", headers=by("owner"))).json()["data"]
    assert (found["state"], found["result"]) == ("succeeded", "done")


async def test_cancelling_and_running_at_once_do_not_both_win(
    background: Engines, web: httpx.AsyncClient
) -> None:
    for _ in range(20):
        await sample_work.empty(background.database)
        job_id = await ask_for_work(background)
        _, response = await asyncio.gather(
            JobRunner(background, actor_of).run(job_id),
            web.delete(f"/jobs/{job_id}", headers=by("owner")),
        )
        state = (await web.get(f"/jobs/{job_id}", headers=by("owner"))).json()["data"]["state"]
        ran = len(await effects(background.database))
        # Asked while it ran, it may have been done before it heard of it.
        assert (ran, response.status_code, state) in [
            (1, 409, "succeeded"), (1, 204, "succeeded"), (0, 204, "cancelled"),
        ]  # fmt: skip
