"""Webhooks through the door: the fixed matrix, and the life of one from its making to its end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, cast

import httpx
import msgspec
import pytest

from lyceum.app import web
from lyceum.app.operations import probes
from lyceum.platform import ids, runner
from lyceum.platform.engines import Engines
from lyceum.platform.health import Doorkeeper
from lyceum.users.api import Authenticator, actor_for
from tests.users import factories as users
from tests.webhooks.receiver import OK, Receiver, receiving

Drain = Callable[[], Awaitable[int]]
PATH = "/api/v1/webhooks"
BODY = {"url": "https://receiver.example/in", "eventTypes": ["course.published"]}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def bearer(engines: Engines, role: str) -> dict[str, str]:
    account = await users.store_user(engines.database, roles=(role,))
    opened = await users.open_session(engines.database, engines.settings, account)
    return {"authorization": f"Bearer {opened.access_token}"}


@pytest.fixture
async def owner(engines: Engines) -> dict[str, str]:
    return await bearer(engines, "admin")


class Academy(msgspec.Struct):
    """An installation that sends to its own machine, too, as an operator may let it."""

    client: httpx.AsyncClient
    drain: Drain


@pytest.fixture
async def academy(engines: Engines, drain: Drain) -> AsyncIterator[Academy]:
    await drain()
    settings = engines.settings.model_copy(update={"outbound_private": "on"})
    fields = {name: getattr(engines, name) for name in engines.__struct_fields__}
    allowing = Engines(**fields | {"settings": settings})
    app = web.build(allowing, Doorkeeper(probes(allowing)), Authenticator(allowing))
    transport = httpx.ASGITransport(cast(Any, app))
    async with httpx.AsyncClient(transport=transport, base_url="http://academy.test") as client:
        yield Academy(client, partial(runner.drain, allowing, actor_for))


async def make(client: httpx.AsyncClient, owner: dict[str, str], **changes: Any) -> dict[str, Any]:
    response = await client.post(PATH, json={**BODY, **changes}, headers=owner)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()["data"]
    assert response.headers["location"] == f"{PATH}/{made['id']}"
    return made


async def look(client: httpx.AsyncClient, owner: dict[str, str], place: str) -> Any:
    response = await client.get(f"{PATH}/{place}", headers=owner)
    assert response.status_code == 200, response.text
    return response.json()["data"]


@pytest.mark.parametrize(
    ("method", "place", "body"),
    [
        ("GET", "", None), ("GET", "/event-types", None), ("POST", "", BODY),
        ("GET", "/{id}", None), ("PUT", "/{id}", {**BODY, "isEnabled": True}),
        ("DELETE", "/{id}", None), ("POST", "/{id}/rotate-secret", None),
        ("POST", "/{id}/test", None), ("GET", "/{id}/deliveries", None),
        ("GET", "/{id}/deliveries/{other}", None),
        ("POST", "/{id}/deliveries/{other}/replay", None),
    ],
)  # fmt: skip
async def test_who_may_knock(
    client: httpx.AsyncClient, engines: Engines, owner: dict[str, str], method: str, place: str,
    body: Any,
) -> None:  # fmt: skip
    made = await make(client, owner)
    url = PATH + place.format(id=made["id"], other=ids.new_id())
    assert (await client.request(method, url, json=body)).status_code == 401
    student = await bearer(engines, "student")
    refused = await client.request(method, url, json=body, headers=student)
    assert refused.status_code == 403, refused.text
    if "{id}" in place:
        another = await bearer(engines, "admin")
        missing = PATH + place.format(id=ids.new_id(), other=ids.new_id())
        answers = [
            await client.request(method, address, json=body, headers=another)
            for address in (url, missing)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        shown = [
            {k: v for k, v in a.json().items() if k not in ("instance", "requestId")}
            for a in answers
        ]
        assert shown[0] == shown[1]
    assert (await look(client, owner, made["id"]))["isEnabled"]


@pytest.mark.parametrize(
    "changes",
    [
        {"url": ""}, {"url": "nonsense"}, {"url": "https://10.0.0.8/"}, {"url": "https://[::1]/"},
        {"url": "https://169.254.169.254/latest"}, {"url": "http://receiver.example/"},
        {"url": "x" * 2001}, {"url": 7}, {"eventTypes": []}, {"eventTypes": ["no.such"]},
        {"eventTypes": "course.published"}, {"eventTypes": ["login.failed"]}, {"secret": "mine"},
        {"description": "x" * 201},
    ],
)  # fmt: skip
async def test_wrong_input_is_refused(
    client: httpx.AsyncClient, owner: dict[str, str], changes: dict[str, Any]
) -> None:
    refused = await client.post(PATH, json={**BODY, **changes}, headers=owner)
    assert refused.status_code == 422, refused.text
    made = await make(client, owner)
    settings = {**BODY, "isEnabled": True, **changes}
    refused = await client.put(f"{PATH}/{made['id']}", json=settings, headers=owner)
    assert refused.status_code == 422, refused.text
    assert len((await client.get(PATH, headers=owner)).json()["data"]) == 1


async def test_the_life_of_a_webhook(
    academy: Academy, owner: dict[str, str], receiver: Receiver
) -> None:
    client, drain = academy.client, academy.drain
    made = await make(client, owner, url=receiver.url)
    place, secret = made["id"], made["secret"]
    assert secret.startswith("whsec_")
    # Nobody is ever shown it again.
    for address in (PATH, f"{PATH}/{place}"):
        assert secret not in (await client.get(address, headers=owner)).text
    sent = await client.post(f"{PATH}/{place}/test", headers=owner)
    assert (sent.status_code, sent.json()["data"]["state"]) == (202, "waiting")
    await drain()
    assert receiver.is_signed_by(secret)
    done = (await client.get(sent.headers["location"], headers=owner)).json()["data"]
    assert (done["state"], done["body"]["type"]) == ("succeeded", "webhook.test")
    assert [(one["status"], one["excerpt"]) for one in done["tries"]] == [(200, "ok")]
    rotated = await client.post(f"{PATH}/{place}/rotate-secret", headers=owner)
    fresh = rotated.json()["data"]["secret"]
    assert fresh != secret
    replay = f"{PATH}/{place}/deliveries/{done['id']}/replay"
    assert (await client.post(replay, headers=owner)).status_code == 204
    await drain()
    assert len(receiver.bodies) == 2
    assert receiver.is_signed_by(secret)
    assert receiver.is_signed_by(fresh)
    assert receiver.heads[0]["webhook-id"] == receiver.heads[1]["webhook-id"]
    [logged] = await look(client, owner, f"{place}/deliveries")
    assert (logged["messageId"], logged["state"]) == (done["messageId"], "succeeded")
    assert (await client.delete(f"{PATH}/{place}", headers=owner)).status_code == 204
    assert (await client.get(f"{PATH}/{place}", headers=owner)).status_code == 404
    assert (await client.post(f"{PATH}/{place}/test", headers=owner)).status_code == 404


async def test_who_is_gone_is_sent_nothing_until_switched_on(
    academy: Academy, owner: dict[str, str], receiver: Receiver
) -> None:
    client, drain = academy.client, academy.drain
    made = await make(client, owner, url=receiver.url)
    place = made["id"]
    receiver.answer = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"
    await client.post(f"{PATH}/{place}/test", headers=owner)
    await drain()
    response = await client.get(f"{PATH}/{place}", headers=owner)
    off = response.json()["data"]
    assert (off["isEnabled"], off["disabledReason"]) == (False, "gone")
    assert (await client.post(f"{PATH}/{place}/test", headers=owner)).status_code == 409
    [failed] = await look(client, owner, f"{place}/deliveries")
    replay = f"{PATH}/{place}/deliveries/{failed['id']}/replay"
    assert (await client.post(replay, headers=owner)).status_code == 409
    settings = {**BODY, "url": receiver.url, "isEnabled": True}
    stale = {**owner, "if-match": '"999"'}
    refused = await client.put(f"{PATH}/{place}", json=settings, headers=stale)
    assert refused.status_code == 412
    current = {**owner, "if-match": response.headers["etag"]}
    assert (await client.put(f"{PATH}/{place}", json=settings, headers=current)).status_code == 200
    receiver.answer = OK
    assert (await client.post(replay, headers=owner)).status_code == 204
    await drain()
    assert [one["state"] for one in await look(client, owner, f"{place}/deliveries")] == [
        "succeeded"
    ]


async def test_what_was_public_when_it_was_made_is_refused_when_it_is_not_any_more(
    client: httpx.AsyncClient,
    drain: Drain,
    owner: dict[str, str],
    receiver: Receiver,
    academy: Academy,
) -> None:
    made = await make(academy.client, owner, url=receiver.url)
    await client.post(f"{PATH}/{made['id']}/test", headers=owner)
    await drain()
    assert receiver.bodies == []
    [waiting] = await look(client, owner, f"{made['id']}/deliveries")
    detail = await look(client, owner, f"{made['id']}/deliveries/{waiting['id']}")
    assert detail["state"] == "waiting"
    assert "private" in detail["tries"][0]["error"]


async def test_a_redirect_is_not_followed(
    academy: Academy, owner: dict[str, str], receiver: Receiver
) -> None:
    client, drain = academy.client, academy.drain
    made = await make(client, owner, url=receiver.url)
    target = receiver.url.replace("/in", "/inside")
    head = f"HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n"
    receiver.answer = head.encode()
    sent = await client.post(f"{PATH}/{made['id']}/test", headers=owner)
    await drain()
    assert len(receiver.bodies) == 1
    detail = (await client.get(sent.headers["location"], headers=owner)).json()["data"]
    assert (detail["state"], detail["tries"][0]["status"]) == ("waiting", 302)
    assert "redirect" in detail["tries"][0]["error"]
