"""Many entries recorded at once, by several processes at the same time."""

import asyncio
import random

import msgspec

from lyceum.audit import queries
from lyceum.audit.adapters import canonical
from lyceum.audit.service import recording
from lyceum.courses.events import CoursePublished
from lyceum.platform import ids
from lyceum.platform.database import Database, Writer
from lyceum.platform.events import Envelope, Happened
from lyceum.platform.statements import sql
from lyceum.platform.storage import Storage
from tests.audit.test_chain import ACTOR, envelope_of, storage, told, verify

__all__ = ["storage"]
COUNT = sql("SELECT count(*) FROM audit.entries WHERE id = ANY($1::uuid[])", int)


def many(count: int) -> list[Happened]:
    """Return events of as many courses, so of all streams, in no order."""
    made = [CoursePublished(course_id=ids.new_id(), owner_id=ids.new_id()) for _ in range(count)]
    return [Happened(envelope_of(one), one) for one in random.sample(made, count)]


async def test_entries_are_those_that_one_by_one_would_have_made(
    tx: Writer, storage: Storage
) -> None:
    happened = many(20)
    await recording.record_events(tx, ACTOR, happened)
    found = [await tx.one(queries.FIND, one.envelope.id) for one in happened]
    assert all(canonical.hash_entry(entry) == entry.hash for entry in found)
    assert len({entry.stream for entry in found}) > 1
    last: dict[int, int] = {}
    for entry in found:  # in the order in which they were given
        assert entry.sequence == last.get(entry.stream, entry.sequence - 1) + 1
        last[entry.stream] = entry.sequence
    assert told(await verify(tx, storage)) == []


async def test_both_ways_of_recording_continue_one_chain(tx: Writer, storage: Storage) -> None:
    event = CoursePublished(course_id=ids.new_id(), owner_id=ids.new_id())
    before, between, after = (envelope_of(event) for _ in range(3))
    await recording.record_events(tx, ACTOR, [Happened(before, event)])
    entry = recording._entry_of_event(between, event)  # noqa: SLF001 - as refusals are
    await tx.execute(queries.APPEND, *msgspec.structs.astuple(entry))
    await recording.record_events(tx, ACTOR, [Happened(after, event)])
    places = [(await tx.one(queries.FIND, e.id)).sequence for e in (before, between, after)]
    assert places == [places[0], places[0] + 1, places[0] + 2]
    assert told(await verify(tx, storage)) == []


async def test_recording_again_changes_nothing(tx: Writer, storage: Storage) -> None:
    happened = many(6)
    await recording.record_events(tx, ACTOR, happened[:4])
    heads = await tx.all(queries.LIST_HEADS)
    await recording.record_events(tx, ACTOR, [*happened[:4], happened[0]])
    assert await tx.all(queries.LIST_HEADS) == heads
    await recording.record_events(tx, ACTOR, [*happened, *happened])
    assert await tx.one(COUNT, [one.envelope.id for one in happened]) == 6
    assert told(await verify(tx, storage)) == []


async def test_nothing_is_nothing(tx: Writer) -> None:
    heads = await tx.all(queries.LIST_HEADS)
    await recording.record_events(tx, ACTOR, [])
    assert await tx.all(queries.LIST_HEADS) == heads


async def test_many_at_once_leave_whole_chains(database: Database, storage: Storage) -> None:
    async def record(happened: list[Happened]) -> None:
        for start in range(0, len(happened), 10):
            async with database.transaction() as tx:
                await recording.record_events(tx, ACTOR, happened[start : start + 10])

    shared = many(10)
    made = [many(30) + shared for _ in range(6)]
    await asyncio.gather(*(record(happened) for happened in made))
    envelopes: list[Envelope] = [one.envelope for happened in made for one in happened]
    assert await database.reader().one(COUNT, [e.id for e in envelopes]) == 6 * 30 + 10
    assert told(await verify(database.reader(), storage)) == []
