"""The door of discussions, and races over it."""

import asyncio

import httpx

from lyceum.platform.access import Actor
from lyceum.platform.database import Database
from tests.courses import factories
from tests.discussions.conftest import Classroom, SignIn

API = "/api/v1"


async def test_a_conversation(
    client: httpx.AsyncClient, stored: Classroom, sign_in: SignIn
) -> None:
    ada, ben, owner = [await sign_in(who) for who in (stored.ada, stored.ben, stored.owner)]
    course = f"{API}/courses/{stored.outline.course_id}"
    asked = await client.post(
        f"{course}/threads", json={"title": "Which knot?", "body": "<p>For a mast</p>"}, headers=ada
    )
    assert asked.status_code == 201, asked.text
    thread = asked.headers["location"]
    assert asked.headers["etag"] == '"v1"'
    answered = await client.post(f"{thread}/posts", json={"body": "A bowline"}, headers=ben)
    assert answered.status_code == 201, answered.text
    post = answered.headers["location"]
    assert (await client.put(f"{post}/vote", headers=ada)).status_code == 204
    assert (await client.put(f"{post}/acceptance", headers=ada)).status_code == 204
    listed = (await client.get(f"{thread}/posts", headers=owner)).json()
    assert [(p["isAccepted"], p["voteCount"]) for p in listed["data"]] == [(True, 1)]
    assert listed["meta"]["total"] == 1
    stale = await client.patch(
        thread, json={"title": "Which rope?"}, headers={**ada, "if-match": '"v1"'}
    )
    assert stale.status_code == 412
    pinned = await client.patch(thread, json={"isPinned": True}, headers=owner)
    assert pinned.json()["data"]["isPinned"] is True
    refused = await client.patch(thread, json={"isPinned": False}, headers=ben)
    assert (refused.status_code, refused.json()["code"]) == (403, 1005)
    hidden = await client.get(thread, headers=await sign_in(stored.stranger))
    missing = await client.get(f"{API}/threads/{stored.outline.course_id}", headers=ben)
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert (await client.get(thread)).status_code == 401


async def test_two_hundred_votes_are_two_hundred(
    client: httpx.AsyncClient, stored: Classroom, sign_in: SignIn, database: Database
) -> None:
    ada = await sign_in(stored.ada)
    asked = await client.post(
        f"{API}/courses/{stored.outline.course_id}/threads",
        json={"title": "Which knot?", "body": "For a mast"},
        headers=ada,
    )
    thread = asked.headers["location"]
    voters: list[Actor] = []
    async with database.transaction() as tx:
        for _ in range(10):
            voters.append(await factories.make_person(tx))
            await factories.enrol(tx, stored.outline.course_id, voters[-1])
    headers = [await sign_in(voter) for voter in voters]
    calls = [client.put(f"{thread}/vote", headers=who) for who in headers for _ in range(20)]
    calls += [client.post(f"{thread}/posts", json={"body": "Hm"}, headers=who) for who in headers]
    statuses = {answer.status_code for answer in await asyncio.gather(*calls)}
    assert statuses == {201, 204}
    shown = (await client.get(thread, headers=ada)).json()["data"]
    assert (shown["voteCount"], shown["postCount"]) == (10, 10)


async def test_parallel_reports_are_one(
    client: httpx.AsyncClient, stored: Classroom, sign_in: SignIn
) -> None:
    asked = await client.post(
        f"{API}/courses/{stored.outline.course_id}/threads",
        json={"title": "Which knot?", "body": "For a mast"},
        headers=await sign_in(stored.ada),
    )
    ben = await sign_in(stored.ben)
    calls = [
        client.post(f"{asked.headers['location']}/reports", json={"reason": "Spam"}, headers=ben)
        for _ in range(10)
    ]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*calls))
    assert statuses == [201] + [409] * 9
