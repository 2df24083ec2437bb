"""What RabbitMQ adds: its absence, redelivery, what it gives up, what is not ours."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiormq
import pytest
from aiormq.abc import AbstractConnection

from lyceum.app.operations import probes
from lyceum.platform import dead_letters, leases, rabbitmq
from lyceum.platform.engines import Engines
from lyceum.platform.event_work import deliver_events
from lyceum.platform.handling import SUSPECT
from lyceum.platform.health import Doorkeeper
from lyceum.platform.rabbitmq import Names
from tests.platform.event_roads import on_broker, rabbitmq_url, remove
from tests.platform.redis_line import CuttableLine
from tests.platform.sample_work import Behaviour, Counted, effects, until_effects
from tests.platform.test_event_roads import ACTOR, ask, done_by, emit

pytestmark = pytest.mark.services


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)


async def redeliver(names: Names, times: int, messages: int = 1) -> None:
    """Take what is in the samples' queue and die with it, so many times."""
    for _ in range(times):
        async with aiormq.connect(rabbitmq_url()) as connection:
            channel = await connection.channel()
            arrived: asyncio.Queue[aiormq.abc.DeliveredMessage] = asyncio.Queue()
            await channel.basic_consume(names.queue("tests"), arrived.put)
            for _ in range(messages):
                await asyncio.wait_for(arrived.get(), 20)


async def test_without_the_broker_the_outbox_grows_and_drains_later(background: Engines) -> None:
    prefix = f"test-{secrets.token_hex(6)}"
    async with CuttableLine(rabbitmq_url()) as line:
        settings = background.settings.model_copy(
            update={"rabbitmq_url": line.url, "rabbitmq_prefix": prefix}
        )
        engines = Engines(
            **{f: getattr(background, f) for f in background.__struct_fields__}
            | {"settings": settings}
        )
        stop = asyncio.Event()
        working = asyncio.create_task(deliver_events(engines, stop, grace_seconds=5))
        await emit(background, Counted(thing="a", number=1))
        await until_effects(background.database, 2)
        line.cut()
        await emit(background, *(Counted(thing="a", number=n) for n in range(2, 12)))
        door = Doorkeeper(probes(engines))
        found = {d.name: d for d in (await door.readiness()).dependencies}
        assert not found["events"].is_up
        assert not found["events"].is_needed
        assert (await door.readiness()).status == "degraded"
        assert await ask(background, "SELECT count(*) FROM platform.outbox") == [(10,)]
        line.mend()
        await until_effects(background.database, 22)
        found = {d.name: d for d in (await door.readiness()).dependencies}
        assert found["events"].note.startswith("RabbitMQ ")
        stop.set()
        await working
    assert [e.number for e in await done_by(background, "first")] == list(range(1, 12))
    assert await ask(background, "SELECT count(*) FROM platform.outbox") == [(0,)]
    await remove(Names(prefix))


async def test_a_cut_in_the_middle_loses_nothing_and_repeats_nothing(background: Engines) -> None:
    async with (
        CuttableLine(rabbitmq_url()) as line,
        on_broker(background, url=line.url) as road,
    ):
        process = road.processes[0]
        stop = asyncio.Event()
        running = asyncio.create_task(process.relay.run(stop))
        for number in range(60):
            await emit(background, *(Counted(thing=f"k{k}", number=number) for k in range(3)))
            if number % 20 == 10:
                line.cut()
                await asyncio.sleep(0.02)
                line.mend()
        process.relay.wake()
        await until_effects(background.database, 360)
        stop.set()
        await running
    done = await effects(background.database)
    assert len(done) == 360
    for key in ("k0", "k1", "k2"):
        for doer in ("first", "second"):
            numbers = [e.number for e in done if e.thing == key and e.doer == doer]
            assert numbers == list(range(60))


async def test_published_twice_is_handled_once(background: Engines) -> None:
    async with on_broker(background) as road:
        relay = road.processes[0].relay
        [event_id] = await emit(background, Counted(thing="a"))
        [row] = await leases.claim(background.database, ("",), 10, 15)
        # Confirmed, and killed before the row was deleted.
        assert await relay._deliver(row)  # noqa: SLF001
        relay._confirmed.clear()  # noqa: SLF001
        await ask(background, "UPDATE platform.outbox SET held_until = now() - interval '1 s'")
        await road.deliver()
        assert row.id == event_id
    assert len(await effects(background.database)) == 2


async def test_a_process_consumes_the_queues_of_its_domains_alone(background: Engines) -> None:
    async with on_broker(background, consumers=("somebody",)) as road:
        relay = road.processes[0].relay
        await emit(background, Counted(thing="a"))
        assert await relay.deliver_due() == 1
        await relay.settle()
        assert await ask(background, "SELECT count(*) FROM platform.outbox") == [(0,)]
        names = relay._names  # noqa: SLF001
        async with aiormq.connect(rabbitmq_url()) as connection:
            channel = await connection.channel()

            async def is_there() -> bool:
                declared = await channel.queue_declare(names.queue("tests"), passive=True)
                return declared.message_count == 1

            await until(is_there)
    assert await effects(background.database) == []


async def test_what_its_workers_died_with_is_held_and_tried_alone(background: Engines) -> None:
    async with on_broker(background, consumers=()) as road:
        relay = road.processes[0].relay
        names = relay._names  # noqa: SLF001
        await emit(background, Counted(thing="a", number=1), Counted(thing="b", number=1))
        await relay.deliver_due()
        await redeliver(names, SUSPECT + 1, messages=2)
        async with aiormq.connect(rabbitmq_url()) as connection:
            process = road.processes[0]
            process.intake._consumers = ("tests",)  # noqa: SLF001
            await process.intake.opened(connection)

            async def are_held() -> bool:
                rows = await ask(background, "SELECT consumer, lost FROM platform.outbox")
                return len(rows) == 2 and all(lost >= SUSPECT for _, lost in rows)

            await until(are_held)
            assert await effects(background.database) == []
            process.held._consumers = ("tests",)  # noqa: SLF001
            assert await process.held.deliver_due() == 2
            await process.intake.stop(1)
    assert len(await effects(background.database)) == 4


async def test_what_the_broker_gives_up_is_a_dead_letter(
    background: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbitmq, "DELIVERY_LIMIT", 2)
    async with on_broker(background, consumers=()) as road:
        relay = road.processes[0].relay
        [event_id] = await emit(background, Counted(thing="a", number=1))
        await relay.deliver_due()
        await redeliver(relay._names, 3)  # noqa: SLF001
        reader = background.database.reader()

        async def is_parked() -> bool:
            return await dead_letters.count_dead_letters(reader) == 1

        await until(is_parked)
        letter = await dead_letters.get_dead_letter(reader, event_id)
        assert (letter.consumer, letter.name) == ("tests", "sample.counted")
        assert letter.error == "given up by RabbitMQ: delivery_limit"
        async with background.database.transaction() as tx:
            await dead_letters.replay_dead_letter(tx, ACTOR, letter.id)
        road.processes[0].held._consumers = ("tests",)  # noqa: SLF001
        assert await road.processes[0].held.deliver_due() == 1
    assert len(await effects(background.database)) == 2


async def test_what_is_no_event_is_parked_and_the_queue_goes_on(background: Engines) -> None:
    async with on_broker(background) as road:
        names = road.processes[0].relay._names  # noqa: SLF001
        async with aiormq.connect(rabbitmq_url()) as connection:
            channel = await connection.channel()
            for body in (b"\x00\xff nonsense", b"", b'{"thing": 1e999}'):
                await channel.basic_publish(
                    body, exchange=names.events, routing_key="sample.counted"
                )
        await emit(background, Counted(thing="a"))
        await road.deliver()
        await until_effects(background.database, 2)
        reader = background.database.reader()

        async def are_parked() -> bool:
            return await dead_letters.count_dead_letters(reader) == 3

        await until(are_parked)
    letters = await dead_letters.list_dead_letters(background.database.reader())
    assert {letter.name for letter in letters} == {"unknown"}
    assert all((letter.error or "").startswith("not an event of ours") for letter in letters)


async def test_a_stop_finishes_what_has_begun_and_leaves_the_rest(background: Engines) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def be_slow(*_: object) -> None:
        begun.set()
        await go_on.wait()

    Behaviour.first = be_slow
    async with on_broker(background) as road:
        process = road.processes[0]
        await emit(background, *(Counted(thing="a", number=n) for n in range(3)))
        await process.relay.deliver_due()
        await asyncio.wait_for(begun.wait(), 20)
        stopping = asyncio.create_task(process.intake.stop(20))
        await asyncio.sleep(0.05)
        go_on.set()
        await stopping
        assert [e.number for e in await done_by(background, "first")] == [0]
        await process.line.close()
        Behaviour.first = None
        async with aiormq.connect(rabbitmq_url()) as connection:
            process.intake._is_stopping = False  # noqa: SLF001
            await process.intake.opened(connection)
            await until_effects(background.database, 6)
            await process.intake.stop(1)
    assert [e.number for e in await done_by(background, "first")] == [0, 1, 2]


async def test_a_deleted_queue_comes_back(background: Engines) -> None:
    async with on_broker(background) as road:
        process = road.processes[0]
        async with aiormq.connect(rabbitmq_url()) as connection:
            channel = await connection.channel()
            await channel.queue_delete(process.relay._names.queue("tests"))  # noqa: SLF001
        await emit(background, Counted(thing="a"))
        stop = asyncio.Event()
        running = asyncio.create_task(process.relay.run(stop))
        await until_effects(background.database, 2)
        stop.set()
        await running


async def test_the_address_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    password = urlsplit(rabbitmq_url()).password or "?"
    line = rabbitmq.Line(f"amqp://lyceum:{password}@127.0.0.1:1/")
    await line.start()

    async def was_told() -> bool:
        return "RabbitMQ" in caplog.text

    await until(was_told)
    await line.close()
    assert password not in caplog.text


@pytest.mark.parametrize("ended_by", [asyncio.CancelledError(), KeyError("frame"), OSError()])
async def test_whatever_a_dying_broker_ends_the_opening_with_there_is_another_try(
    ended_by: BaseException,
) -> None:
    tries = 0

    async def opened(_connection: AbstractConnection) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ended_by

    line = rabbitmq.Line(rabbitmq_url(), opened=(opened,))
    await line.start()

    async def is_connected() -> bool:
        return line.is_connected

    await until(is_connected)
    await line.close()
    assert tries == 2
    assert not line.is_connected
