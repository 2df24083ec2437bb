"""The chains of the audit trail, and what is found when an owner of the database alters them."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from lyceum.audit import queries
from lyceum.audit.adapters import canonical
from lyceum.audit.records import Finding, FullEntry
from lyceum.audit.service import anchoring, recording, verifying
from lyceum.courses.events import CoursePublished
from lyceum.platform import clock, ids
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database, Reader, Writer
from lyceum.platform.events import Envelope, Event, Happened
from lyceum.platform.links import LinkSigner
from lyceum.platform.statements import command, sql
from lyceum.platform.storage import Storage, open_storage

ACTOR = system_actor("tests")
SECRET = "the secret of this installation"
AS_OWNER = command("SET LOCAL session_replication_role = 'replica'")
EDIT = command("UPDATE audit.entries SET action = 'harmless.thing' WHERE id = $1")
EDIT_DETAILS = command("UPDATE audit.details SET body = '{}' WHERE entry_id = $1")
EDIT_CLASS = command("UPDATE audit.entries SET retention_class = 'refusals' WHERE id = $1")
EDIT_CONTENT = command("UPDATE audit.entries SET content_hash = hash WHERE id = $1")
REMOVE = command("DELETE FROM audit.entries WHERE id = $1")
REMOVE_DETAILS = command("DELETE FROM audit.details WHERE entry_id = $1")
PLACE = command("UPDATE audit.entries SET sequence = $2 WHERE id = $1")
SET_HEAD = command("UPDATE audit.heads SET sequence = $2, hash = $3 WHERE stream = $1")
MAKE_OLDER = command(
    "UPDATE audit.entries SET retention_class = NULL, content_hash = NULL, hash = $2 WHERE id = $1"
)
CLASS_OF = sql("SELECT audit.class_of($1)", str)
REWRITE = command(
    "UPDATE audit.entries SET action = $2, previous_hash = $3, hash = $4, content_hash = $5"
    " WHERE id = $1"
)


@pytest.fixture
def storage() -> Storage:
    return open_storage("memory://", LinkSigner(b"k" * 32))


def envelope_of(happened: Event, actor_id: UUID | None = None) -> Envelope:
    return Envelope(
        ids.new_id(), happened.name, 1, happened.key(), msgspec.json.encode(happened),
        clock.utc_now(), actor_id, None, "request-1", None, None,
    )  # fmt: skip


async def record(tx: Writer, course_id: UUID, many: int = 1) -> list[FullEntry]:
    """Record events of one course, so of one chain; return their entries."""
    found = []
    for _ in range(many):
        happened = CoursePublished(course_id=course_id, owner_id=ids.new_id())
        envelope = envelope_of(happened)
        await recording.record_events(tx, ACTOR, [Happened(envelope, happened)])
        found.append(await tx.one(queries.FIND, envelope.id))
    return found


async def verify(tx: Reader, storage: Storage) -> list[Finding]:
    report = await verifying.verify(tx, ACTOR, storage, SECRET, advance=lambda _done, _total: None)
    return report.findings


def told(findings: list[Finding]) -> list[tuple[str, int | None, int | None]]:
    return [(one.kind, one.stream, one.sequence) for one in findings]


async def test_what_nobody_altered_is_whole(tx: Writer, storage: Storage) -> None:
    entries = await record(tx, ids.new_id(), 3)
    assert [e.sequence - entries[0].sequence for e in entries] == [0, 1, 2]
    assert entries[2].previous_hash == entries[1].hash
    await anchoring.anchor_heads(tx, ACTOR, storage, SECRET)
    seen: list[tuple[int, int]] = []
    report = await verifying.verify(
        tx, ACTOR, storage, SECRET, advance=lambda *place: seen.append(place)
    )
    assert (report.findings, report.anchors) == ([], 1)
    assert report.entries >= 3
    assert seen[-1] == (report.entries, report.entries)


async def test_an_event_is_recorded_once(tx: Writer) -> None:
    happened = CoursePublished(course_id=ids.new_id(), owner_id=ids.new_id())
    envelope = envelope_of(happened)
    for _ in range(2):
        await recording.record_events(tx, ACTOR, [Happened(envelope, happened)])
    entry = await tx.one(queries.FIND, envelope.id)
    after = await record(tx, happened.course_id)
    assert after[0].sequence == entry.sequence + 1


@pytest.mark.parametrize(
    ("alter", "kind"),
    [
        (EDIT, "edited"),
        (EDIT_CLASS, "edited"),
        (EDIT_CONTENT, "edited"),
        (EDIT_DETAILS, "details_edited"),
        (REMOVE_DETAILS, "details_removed"),
    ],
)
async def test_an_altered_row_is_named(tx: Writer, storage: Storage, alter: Any, kind: str) -> None:
    _, entry, _ = await record(tx, ids.new_id(), 3)
    await tx.execute(AS_OWNER)
    await tx.execute(alter, entry.id)
    assert told(await verify(tx, storage)) == [(kind, entry.stream, entry.sequence)]


async def test_a_removed_row_is_named(tx: Writer, storage: Storage) -> None:
    _, entry, _ = await record(tx, ids.new_id(), 3)
    await tx.execute(AS_OWNER)
    await tx.execute(REMOVE, entry.id)
    assert told(await verify(tx, storage)) == [("removed", entry.stream, entry.sequence)]


async def test_swapped_rows_are_named(tx: Writer, storage: Storage) -> None:
    _, one, two, _ = await record(tx, ids.new_id(), 4)
    await tx.execute(AS_OWNER)
    for entry_id, place in ((one.id, -1), (two.id, one.sequence), (one.id, two.sequence)):
        await tx.execute(PLACE, entry_id, place)
    findings = await verify(tx, storage)
    moved = {(f.stream, f.sequence) for f in findings if f.kind == "moved"}
    assert moved == {(one.stream, one.sequence), (two.stream, two.sequence)}
    assert any(f"{one.id} was at {one.sequence}" in f.detail for f in findings)


async def test_a_tail_that_was_cut_is_seen_by_the_head(tx: Writer, storage: Storage) -> None:
    *_, last = await record(tx, ids.new_id(), 3)
    await tx.execute(AS_OWNER)
    await tx.execute(REMOVE, last.id)
    assert told(await verify(tx, storage)) == [("cut", last.stream, last.sequence)]


async def test_a_tail_cut_with_its_head_is_seen_by_the_anchor(tx: Writer, storage: Storage) -> None:
    _, before, last = await record(tx, ids.new_id(), 3)
    key = await anchoring.anchor_heads(tx, ACTOR, storage, SECRET)
    await tx.execute(AS_OWNER)
    await tx.execute(REMOVE, last.id)
    await tx.execute(SET_HEAD, last.stream, before.sequence, before.hash)
    [finding] = await verify(tx, storage)
    assert told([finding]) == [("cut", last.stream, last.sequence)]
    assert key in finding.detail


async def test_a_chain_written_anew_is_seen_by_the_anchor(tx: Writer, storage: Storage) -> None:
    entries = await record(tx, ids.new_id(), 3)
    key = await anchoring.anchor_heads(tx, ACTOR, storage, SECRET)
    await tx.execute(AS_OWNER)
    previous = entries[0].previous_hash
    for entry in entries:
        changed = msgspec.structs.replace(entry, action="harmless.thing", previous_hash=previous)
        previous = canonical.hash_entry(changed)
        places = changed.previous_hash, previous, canonical.hash_content(changed)
        await tx.execute(REWRITE, entry.id, "harmless.thing", *places)
    last = entries[-1]
    await tx.execute(SET_HEAD, last.stream, last.sequence, previous)
    [finding] = await verify(tx, storage)
    assert told([finding]) == [("rewritten", last.stream, last.sequence)]
    assert key in finding.detail


async def test_a_head_that_says_otherwise_is_named(tx: Writer, storage: Storage) -> None:
    [entry] = await record(tx, ids.new_id())
    await tx.execute(AS_OWNER)
    await tx.execute(SET_HEAD, entry.stream, entry.sequence, bytes(range(32)))
    assert told(await verify(tx, storage)) == [("rewritten", entry.stream, entry.sequence)]


async def test_an_anchor_of_somebody_else_is_named(tx: Writer, storage: Storage) -> None:
    key = await anchoring.anchor_heads(tx, ACTOR, storage, "another secret")
    await storage.put(f"{key}.more", b"\xff no anchor")
    findings = await verify(tx, storage)
    assert [f.kind for f in findings] == ["anchor_forged", "anchor_forged"]
    assert key in findings[0].detail + findings[1].detail


async def test_entries_of_before_there_were_classes_still_verify(
    tx: Writer, storage: Storage
) -> None:
    _, last = await record(tx, ids.new_id(), 2)
    await tx.execute(AS_OWNER)
    older = msgspec.structs.replace(last, retention_class=None, content_hash=None)
    await tx.execute(MAKE_OLDER, last.id, canonical.hash_entry(older))
    await tx.execute(SET_HEAD, last.stream, last.sequence, canonical.hash_entry(older))
    assert await verify(tx, storage) == []


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("session.opened", "sign_ins"),
        ("login.failed", "sign_ins"),
        ("request.refused", "refusals"),
        ("record.read", "reads"),
        ("course.published", "changes"),
        ("user.followed", "changes"),
        ("user.role_changed", "security"),
        ("payment.received", "security"),
        ("customer.exported", "security"),
    ],
)
async def test_an_action_is_of_a_class(tx: Writer, action: str, expected: str) -> None:
    assert await tx.one(CLASS_OF, action) == expected


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit.entries SET action = 'x' WHERE id = $1",
        "DELETE FROM audit.entries WHERE id = $1",
        "UPDATE audit.details SET body = '{}' WHERE entry_id = $1",
        "DELETE FROM audit.details WHERE entry_id = $1",
    ],
)
async def test_nothing_is_changed_by_statements(tx: Writer, change: str) -> None:
    [entry] = await record(tx, ids.new_id())
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"only added|only emptied"):
        await tx.execute(command(change), entry.id)


async def test_fifty_at_once_leave_a_whole_chain(database: Database, storage: Storage) -> None:
    course_id = ids.new_id()

    async def append() -> int:
        async with database.transaction() as tx:
            [entry] = await record(tx, course_id)
        return entry.sequence

    places = sorted(await asyncio.gather(*(append() for _ in range(50))))
    assert places == list(range(places[0], places[0] + 50))
    assert await verify(database.reader(), storage) == []
