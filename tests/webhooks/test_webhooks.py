"""Webhooks from the owner's request to the receiver's door, over a real connection."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from lyceum.courses.events import CoursePublished, CourseUpdated
from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor, permissions_of, system_actor
from lyceum.platform.engines import Engines
from lyceum.platform.events import Envelope, Event
from lyceum.platform.jobs import JobContext
from lyceum.platform.outbound import AddressRefused
from lyceum.webhooks import jobs, queries, service
from lyceum.webhooks.adapters import signing
from lyceum.webhooks.errors import TooManyWebhooks, WebhookDisabled
from lyceum.webhooks.records import Delivery, Endpoint
from lyceum.webhooks.schemas import NewWebhook, WebhookSettings
from tests.webhooks.receiver import OK, Receiver, receiving

TYPES = ["course.published"]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def open_engines(engines: Engines) -> Engines:
    """Engines that may send to this machine."""
    settings = engines.settings.model_copy(update={"outbound_private": "on"})
    fields = {name: getattr(engines, name) for name in engines.__struct_fields__}
    return Engines(**fields | {"settings": settings})


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> Actor:
    """An administrator, as the directory of people knows them."""
    admin = Actor(user_id=ids.new_id(), roles=("admin",), permissions=permissions_of(("admin",)))

    async def actor_for(_tx: object, user_id: UUID) -> Actor:
        if user_id != admin.user_id:
            raise errors.NotFound
        return admin

    monkeypatch.setattr("lyceum.webhooks.jobs.users.actor_for", actor_for)
    return admin


async def make(engines: Engines, owner: Actor, url: str, types: list[str] = TYPES) -> Endpoint:
    async with engines.database.transaction() as tx:
        return await service.create_webhook(
            tx, owner, NewWebhook(url=url, event_types=types), allows_private=True
        )


async def happen(engines: Engines, happened: Event) -> None:
    """Let the handler have an event twice, as the road of events may."""
    envelope = Envelope(
        ids.new_id(), happened.name, 1, happened.key(), msgspec.json.encode(happened),
        clock.utc_now(), None, None, "", None, None,
    )  # fmt: skip
    for _ in range(2):
        async with engines.database.transaction() as tx:
            await service.add_deliveries(tx, jobs.ACTOR, envelope)


def published() -> CoursePublished:
    return CoursePublished(course_id=ids.new_id(), owner_id=ids.new_id())


async def mine(engines: Engines, endpoint: Endpoint, owner: Actor) -> Delivery:
    [found] = await service.list_deliveries(
        engines.database.sole_writer(), owner, endpoint.id, before=None, limit=10
    )
    return found


async def send(engines: Engines, delivery_id: UUID) -> None:
    context = JobContext(engines, ids.new_id(), 1, system_actor("test"))
    await jobs.send_delivery(context, delivery_id=delivery_id)


async def end_pause(engines: Engines, delivery_id: UUID) -> None:
    connection = await asyncpg.connect(engines.database.write_pool.dsn)
    await connection.execute(
        "UPDATE webhooks.deliveries SET next_try_at = now() - interval '1 s' WHERE id = $1",
        delivery_id,
    )
    await connection.close()


async def look(engines: Engines, endpoint: Endpoint) -> Endpoint:
    return await engines.database.sole_writer().one(queries.FIND_ENDPOINT, endpoint.id)


async def test_an_event_arrives_signed_and_once(
    open_engines: Engines, owner: Actor, receiver: Receiver
) -> None:
    endpoint = await make(open_engines, owner, receiver.url)
    happened = published()
    await happen(open_engines, happened)
    delivery = await mine(open_engines, endpoint, owner)
    await send(open_engines, delivery.id)
    await send(open_engines, delivery.id)
    [body] = receiver.bodies
    sent = json.loads(body)
    assert sent["type"] == "course.published"
    assert sent["data"]["course_id"] == str(happened.course_id)
    secret = signing.secrets_at(open_engines.settings.secret_key, endpoint, clock.utc_now())
    assert receiver.is_signed_by(secret[0])
    assert receiver.heads[0]["webhook-id"] == f"msg_{delivery.message_id}"
    done = await mine(open_engines, endpoint, owner)
    assert (done.state, done.attempts) == ("succeeded", 1)
    _, [tried] = await service.get_delivery(
        open_engines.database.sole_writer(), owner, endpoint.id, delivery.id
    )
    assert (tried.status, tried.excerpt) == (200, "ok")


async def test_only_what_was_chosen_and_may_be_had_is_sent(
    open_engines: Engines, owner: Actor, receiver: Receiver
) -> None:
    endpoint = await make(open_engines, owner, receiver.url)
    await happen(open_engines, CourseUpdated(course_id=ids.new_id(), changed=("title",)))
    reader = open_engines.database.sole_writer()
    assert await service.list_deliveries(reader, owner, endpoint.id, before=None, limit=9) == []
    for refused in ("course.updated", "login.failed", "session.revoked", "no.such"):
        with pytest.raises(errors.ValidationFailed, match="no type of event"):
            await make(open_engines, owner, receiver.url, [refused])


async def test_while_the_secret_changes_both_sign(
    open_engines: Engines, owner: Actor, receiver: Receiver
) -> None:
    endpoint = await make(open_engines, owner, receiver.url)
    installation = open_engines.settings.secret_key
    [old] = signing.secrets_at(installation, endpoint, clock.utc_now())
    async with open_engines.database.transaction() as tx:
        rotated = await service.rotate_secret(tx, owner, endpoint.id)
    new, before = signing.secrets_at(installation, rotated, clock.utc_now())
    assert before == old != new
    await happen(open_engines, published())
    await send(open_engines, (await mine(open_engines, endpoint, owner)).id)
    assert receiver.is_signed_by(old)
    assert receiver.is_signed_by(new)
    later = clock.utc_now() + timedelta(days=1, seconds=1)
    assert signing.secrets_at(installation, rotated, later) == [new]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
async def test_a_failure_is_tried_again_later(
    open_engines: Engines, owner: Actor, receiver: Receiver, answer: bytes
) -> None:
    receiver.answer = answer
    endpoint = await make(open_engines, owner, receiver.url)
    await happen(open_engines, published())
    delivery = await mine(open_engines, endpoint, owner)
    await send(open_engines, delivery.id)
    failed = await mine(open_engines, endpoint, owner)
    assert (failed.state, failed.attempts) == ("waiting", 1)
    assert timedelta(0) < failed.next_try_at - clock.utc_now() <= timedelta(seconds=6)
    # Not before its pause is over, and never to where a redirect points.
    await send(open_engines, delivery.id)
    assert len(receiver.bodies) == 1
    assert (await look(open_engines, endpoint)).failing_since is not None
    receiver.answer = OK
    await end_pause(open_engines, delivery.id)
    await send(open_engines, delivery.id)
    assert (await mine(open_engines, endpoint, owner)).state == "succeeded"
    assert (await look(open_engines, endpoint)).failing_since is None
    assert receiver.heads[0]["webhook-id"] == receiver.heads[1]["webhook-id"]


async def test_ten_tries_over_three_days_and_then_it_is_switched_off(
    open_engines: Engines, owner: Actor, receiver: Receiver
) -> None:
    receiver.answer = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
    endpoint = await make(open_engines, owner, receiver.url)
    await happen(open_engines, published())
    delivery = await mine(open_engines, endpoint, owner)
    waited, now = timedelta(0), delivery
    for _ in range(service.TRIES):
        assert (await look(open_engines, endpoint)).is_enabled
        await send(open_engines, delivery.id)
        now = await mine(open_engines, endpoint, owner)
        if now.state == "waiting":
            waited += now.next_try_at - clock.utc_now()
        await end_pause(open_engines, delivery.id)
    assert timedelta(days=2.5) < waited < timedelta(days=3.5)
    assert (now.state, now.attempts) == ("failed", 10)
    off = await look(open_engines, endpoint)
    assert (off.is_enabled, off.disabled_reason) == (False, "failing")
    async with open_engines.database.transaction() as tx:
        with pytest.raises(WebhookDisabled):
            await service.replay_delivery(tx, owner, endpoint.id, delivery.id)
    # Switched on again, it may be replayed.
    receiver.answer = OK
    settings = WebhookSettings(url=receiver.url, event_types=TYPES, is_enabled=True)
    async with open_engines.database.transaction() as tx:
        await service.change_webhook(
            tx, owner, endpoint.id, settings, expected=off.version, allows_private=True
        )
        await service.replay_delivery(tx, owner, endpoint.id, delivery.id)
    await send(open_engines, delivery.id)
    assert (await mine(open_engines, endpoint, owner)).state == "succeeded"


async def test_gone_is_gone(open_engines: Engines, owner: Actor, receiver: Receiver) -> None:
    receiver.answer = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"
    endpoint = await make(open_engines, owner, receiver.url)
    await happen(open_engines, published())
    await send(open_engines, (await mine(open_engines, endpoint, owner)).id)
    off = await look(open_engines, endpoint)
    assert (off.is_enabled, off.disabled_reason) == (False, "gone")
    assert (await mine(open_engines, endpoint, owner)).state == "failed"


@pytest.mark.parametrize("status", [429, 503])
async def test_who_asks_for_time_gets_it(
    open_engines: Engines, owner: Actor, receiver: Receiver, status: int
) -> None:
    head = f"HTTP/1.1 {status} Wait\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n"
    receiver.answer = head.encode()
    endpoint = await make(open_engines, owner, receiver.url)
    await happen(open_engines, published())
    await send(open_engines, (await mine(open_engines, endpoint, owner)).id)
    waits = (await mine(open_engines, endpoint, owner)).next_try_at - clock.utc_now()
    assert timedelta(minutes=59) < waits <= timedelta(minutes=60)


async def test_nothing_is_sent_to_a_private_address(
    engines: Engines, owner: Actor, receiver: Receiver
) -> None:
    endpoint = await make(engines, owner, receiver.url)
    await happen(engines, published())
    delivery = await mine(engines, endpoint, owner)
    await send(engines, delivery.id)
    assert receiver.heads == []
    _, [tried] = await service.get_delivery(
        engines.database.sole_writer(), owner, endpoint.id, delivery.id
    )
    assert "private" in (tried.error or "")


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.8/",
        "https://100.64.0.1/", "https://localhost/", "https://metadata.google.internal/",
        "http://example.org/", "https://intranet/", "ftp://example.org/", "https://u:p@example.org/",
    ],
)  # fmt: skip
async def test_a_private_address_is_refused_at_once(
    engines: Engines, owner: Actor, url: str
) -> None:
    async with engines.database.transaction() as tx:
        with pytest.raises(AddressRefused):
            await service.create_webhook(
                tx, owner, NewWebhook(url=url, event_types=TYPES), allows_private=False
            )


async def test_who_may_no_longer_has_nothing_sent(
    open_engines: Engines, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = Actor(user_id=ids.new_id(), roles=("admin",), permissions=permissions_of(("admin",)))
    endpoint = await make(open_engines, former, receiver.url)
    await happen(open_engines, published())
    await send(open_engines, (await mine(open_engines, endpoint, former)).id)
    assert receiver.heads == []
    assert (await look(open_engines, endpoint)).disabled_reason == "not_allowed"


async def test_a_secret_in_an_answer_is_masked(
    open_engines: Engines, owner: Actor, receiver: Receiver
) -> None:
    body = b"token=abcdef0123456789 " + b"x" * 5000
    receiver.answer = b"HTTP/1.1 400 No\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    endpoint = await make(open_engines, owner, receiver.url)
    await happen(open_engines, published())
    delivery = await mine(open_engines, endpoint, owner)
    await send(open_engines, delivery.id)
    _, [tried] = await service.get_delivery(
        open_engines.database.sole_writer(), owner, endpoint.id, delivery.id
    )
    assert "abcdef0123456789" not in tried.excerpt
    assert len(tried.excerpt) <= 1010


async def test_an_account_has_so_many_and_no_more(engines: Engines, owner: Actor) -> None:
    url = "https://example.org/in"
    made = await asyncio.gather(
        *(make(engines, owner, url) for _ in range(service.MOST_ENDPOINTS + 5)),
        return_exceptions=True,
    )
    refused = [each for each in made if isinstance(each, TooManyWebhooks)]
    assert len(refused) == 5


async def test_anothers_webhook_does_not_exist(
    engines: Engines, owner: Actor, receiver: Receiver
) -> None:
    endpoint = await make(engines, owner, receiver.url)
    other = Actor(user_id=ids.new_id(), roles=("admin",), permissions=permissions_of(("admin",)))
    calls: list[Any] = [
        lambda tx: service.get_webhook(tx, other, endpoint.id),
        lambda tx: service.rotate_secret(tx, other, endpoint.id),
        lambda tx: service.delete_webhook(tx, other, endpoint.id, expected=None),
        lambda tx: service.add_test_delivery(tx, other, endpoint.id),
        lambda tx: service.list_deliveries(tx, other, endpoint.id, before=None, limit=1),
    ]
    for call in calls:
        async with engines.database.transaction() as tx:
            with pytest.raises(errors.NotFound):
                await call(tx)
    student = Actor(user_id=ids.new_id(), roles=("student",))
    with pytest.raises(errors.Forbidden):
        await make(engines, student, receiver.url)
