"""What is removed when its time is over, what is held, and what is found when the owner of the
database removes more than that."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from lyceum.audit import queries
from lyceum.audit.adapters import canonical
from lyceum.audit.permissions import MANAGE_AUDIT
from lyceum.audit.records import FullEntry
from lyceum.audit.schemas import NewHold
from lyceum.audit.service import anchoring, noticing, removals, retention, verifying
from lyceum.platform import clock, errors, ids, privacy
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import ConstraintBroken, Writer
from lyceum.platform.links import LinkSigner
from lyceum.platform.statements import command, sql
from lyceum.platform.storage import Storage, open_storage
from tests.audit.factories import reading, refusal
from tests.audit.test_chain import AS_OWNER, SECRET, told

ACTOR = system_actor("tests")
MANAGER = Actor(user_id=ids.new_id(), permissions=frozenset({MANAGE_AUDIT.name}))
NOBODY = Actor(user_id=ids.new_id())
AS_USUAL = command("SET LOCAL session_replication_role = 'origin'")
ENTRY_AT = sql(
    "SELECT id FROM audit.entries WHERE stream = $1 AND sequence > $2 ORDER BY sequence", UUID
)
AGE = command(
    "UPDATE audit.entries SET recorded_at = $2, previous_hash = $3, hash = $4 WHERE id = $1"
)
SET_HEAD = command("UPDATE audit.heads SET hash = $2 WHERE stream = $1")
SET_RULE = command("UPDATE audit.retention SET days = $2 WHERE retention_class = $1")
FORGE_REMOVED = command(
    """
    WITH gone AS (DELETE FROM audit.entries WHERE id = $1 RETURNING *)
    INSERT INTO audit.removed (stream, sequence, recorded_at, retention_class, content_hash,
        previous_hash, hash, removal_id)
    SELECT stream, sequence, recorded_at, retention_class, content_hash, previous_hash, hash, $2
    FROM gone
    """
)
FORGE_TOLD = command(
    "SELECT audit.tell($1, NULL, NULL, '', 'audit.pruned', 'chain', $2, $3::jsonb, '{}')"
)
MAKE_OLD = command("UPDATE audit.removed SET recorded_at = $3 WHERE stream = $1 AND sequence = $2")
PUT_BACK = command("DELETE FROM audit.removed WHERE stream = $1 AND sequence = $2")
LAST_REMOVAL = sql("SELECT id FROM audit.entries WHERE action = 'audit.pruned'", UUID)
COUNT_REMOVED = sql("SELECT count(*) FROM audit.removed WHERE stream = $1", int)
READS, REFUSALS = noticing.READS, noticing.REFUSALS


@pytest.fixture
def storage() -> Storage:
    return open_storage("memory://", LinkSigner(b"k" * 32))


@pytest.fixture
async def tx(tx: Writer) -> Writer:
    """Chains and rules that begin here: what others recorded is not looked at."""
    await tx.execute(AS_OWNER)
    for table in ("details", "entries", "removed"):
        await tx.execute(command(f"DELETE FROM audit.{table}"))  # noqa: S608 - our tables
    await tx.execute(
        command("UPDATE audit.heads SET sequence = 0, hash = decode(repeat('00', 32), 'hex')")
    )
    await tx.execute(AS_USUAL)
    await tx.execute(command("DELETE FROM audit.holds"))
    for kind, days in removals.DEFAULTS.items():
        await tx.execute(SET_RULE, kind, days)
    return tx


async def record(tx: Writer, *notices: Any) -> None:
    await noticing.record_notices(tx, ACTOR, notices)


async def entries_of(tx: Writer, stream: int, after: int = 0) -> list[FullEntry]:
    found = await tx.all(ENTRY_AT, stream, after)
    return [await tx.one(queries.FIND, entry_id) for entry_id in found]


async def age(tx: Writer, stream: int, days: int) -> list[FullEntry]:
    """Make a chain as it would be, had it been recorded so many days ago."""
    await tx.execute(AS_OWNER)
    previous = canonical.START
    for entry in await entries_of(tx, stream):
        recorded_at = entry.recorded_at - timedelta(days=days)
        older = msgspec.structs.replace(entry, recorded_at=recorded_at, previous_hash=previous)
        link = canonical.hash_entry(older)
        await tx.execute(AGE, entry.id, recorded_at, previous, link)
        previous = link
    await tx.execute(SET_HEAD, stream, previous)
    await tx.execute(AS_USUAL)
    return await entries_of(tx, stream)


async def remove(tx: Writer, kind: Any, stream: int) -> int:
    """Remove what may go, as the job does."""
    place, removed = retention.START, 0
    while (batch := await retention.remove_expired(tx, ACTOR, kind, stream, place)) is not None:
        place, removed = batch, removed + batch.removed
    return removed


async def verify(tx: Writer, storage: Storage) -> verifying.Report:
    return await verifying.verify(tx, ACTOR, storage, SECRET, advance=lambda _done, _total: None)


async def old_refusals(tx: Writer, many: int = 3, days: int = 181) -> list[FullEntry]:
    await record(tx, *(refusal() for _ in range(many)))
    return await age(tx, REFUSALS, days)


async def test_what_is_past_its_time_goes_and_the_chain_verifies(
    tx: Writer, storage: Storage
) -> None:
    await old_refusals(tx)
    await record(tx, refusal())
    await anchoring.anchor_heads(tx, ACTOR, storage, SECRET)
    assert await remove(tx, "refusals", REFUSALS) == 3
    assert len(await entries_of(tx, REFUSALS)) == 1
    report = await verify(tx, storage)
    assert (report.findings, report.removed, report.entries) == ([], 3, 5)
    [removal] = await entries_of(tx, removals.UPKEEP)
    assert (removal.action, removal.object_id) == ("audit.pruned", str(REFUSALS))
    assert await remove(tx, "refusals", REFUSALS) == 0


async def test_what_is_not_past_its_time_stays(tx: Writer, storage: Storage) -> None:
    await old_refusals(tx, days=179)
    assert await remove(tx, "refusals", REFUSALS) == 0
    await record(tx, reading(ids.new_id(), ids.new_id()))
    await age(tx, READS, 400)
    assert await remove(tx, "refusals", READS) == 0
    assert await remove(tx, "security", REFUSALS) == 0
    assert (await verify(tx, storage)).findings == []


async def test_in_batches_nothing_is_left_out(
    tx: Writer, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 4)
    monkeypatch.setattr(verifying, "PAGE", 3)
    await old_refusals(tx, 10)
    assert await remove(tx, "refusals", REFUSALS) == 10
    assert len(await entries_of(tx, removals.UPKEEP)) == 3
    await record(tx, *(refusal() for _ in range(5)))
    assert (await verify(tx, storage)).findings == []


async def test_a_rule_can_be_set_and_is_in_the_chain(tx: Writer, storage: Storage) -> None:
    await old_refusals(tx, days=60)
    await retention.set_retention(tx, MANAGER, "refusals", 50)
    await retention.set_retention(tx, MANAGER, "refusals", 50)
    assert await remove(tx, "refusals", REFUSALS) == 3
    told_of, _ = await entries_of(tx, removals.UPKEEP)
    assert (told_of.action, told_of.actor_id) == ("audit.retention_set", MANAGER.user_id)
    assert (await verify(tx, storage)).findings == []
    await retention.set_retention(tx, MANAGER, "refusals", None)
    rules = {rule.retention_class: rule.days for rule, _ in await retention.list_rules(tx, MANAGER)}
    assert rules["refusals"] is None
    assert (await verify(tx, storage)).findings == []


async def test_less_than_thirty_days_cannot_be(tx: Writer) -> None:
    with pytest.raises(ConstraintBroken):
        await tx.execute(queries.SET_RETENTION, "reads", 29, ids.new_id(), None, None, "")


async def test_a_held_class_stays(tx: Writer, storage: Storage) -> None:
    await old_refusals(tx)
    new = NewHold(reason="a lawsuit", retention_class="refusals")
    hold = await retention.place_hold(tx, MANAGER, new)
    assert await remove(tx, "refusals", REFUSALS) == 0
    await retention.lift_hold(tx, MANAGER, hold.id)
    assert await remove(tx, "refusals", REFUSALS) == 3
    assert (await verify(tx, storage)).findings == []
    actions = [entry.action for entry in await entries_of(tx, removals.UPKEEP)]
    assert actions == ["audit.hold_placed", "audit.hold_lifted", "audit.pruned"]


async def test_what_a_held_person_did_or_what_names_them_stays(
    tx: Writer, storage: Storage
) -> None:
    person = ids.new_id()
    await record(tx, refusal(person), refusal(), refusal(person))
    await record(tx, reading(ids.new_id(), person), reading(ids.new_id(), ids.new_id()))
    await age(tx, REFUSALS, 200)
    await age(tx, READS, 1100)
    await retention.place_hold(tx, MANAGER, NewHold(reason="a lawsuit", person_id=person))
    assert await remove(tx, "refusals", REFUSALS) == 1
    assert await remove(tx, "reads", READS) == 1
    assert (await verify(tx, storage)).findings == []
    [hold] = await retention.list_holds(tx, MANAGER)
    await retention.lift_hold(tx, MANAGER, hold.id)
    assert await remove(tx, "refusals", REFUSALS) == 2
    assert (await verify(tx, storage)).findings == []


async def test_erasing_a_held_person_waits_for_the_hold(tx: Writer) -> None:
    person = privacy.Subject(ids.new_id(), "held@people.test")
    await record(tx, refusal(person.user_id))
    hold = await retention.place_hold(
        tx, MANAGER, NewHold(reason="a lawsuit", person_id=person.user_id)
    )
    await privacy.erase_rows(tx, person)
    [entry] = await entries_of(tx, REFUSALS)
    assert entry.body is not None
    await retention.lift_hold(tx, MANAGER, hold.id)
    [entry] = await entries_of(tx, REFUSALS)
    assert entry.body is None


async def test_only_who_may_says_how_long(tx: Writer) -> None:
    for wrong in (
        retention.list_rules(tx, NOBODY),
        retention.set_retention(tx, NOBODY, "reads", 60),
        retention.list_holds(tx, NOBODY),
        retention.place_hold(tx, NOBODY, NewHold(reason="x", retention_class="reads")),
        retention.lift_hold(tx, NOBODY, ids.new_id()),
        retention.remove_expired(tx, MANAGER, "reads", READS, retention.START),
    ):
        with pytest.raises(errors.Forbidden):
            await wrong
    for new in (
        NewHold(reason="x"),
        NewHold(reason="x", retention_class="reads", person_id=ids.new_id()),
    ):
        with pytest.raises(errors.ValidationFailed):
            await retention.place_hold(tx, MANAGER, new)
    with pytest.raises(errors.NotFound):
        await retention.lift_hold(tx, MANAGER, ids.new_id())


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit.entries WHERE id = $1",
        "DELETE FROM audit.details WHERE entry_id = $1",
        "DELETE FROM audit.removed WHERE removal_id <> $1",
        "UPDATE audit.removed SET recorded_at = now() WHERE removal_id <> $1",
    ],
)
async def test_nothing_is_removed_by_statements(tx: Writer, change: str) -> None:
    await old_refusals(tx)
    await remove(tx, "refusals", REFUSALS)
    await record(tx, refusal())
    [entry] = await entries_of(tx, REFUSALS)
    await tx.execute(command("SELECT set_config('lyceum.audit_retention', 'on', true)"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only added"):
        await tx.execute(command(change), entry.id)


async def test_a_forged_stone_is_found(tx: Writer, storage: Storage) -> None:
    """An entry that was put away without a word."""
    entries = await old_refusals(tx)
    await tx.execute(AS_OWNER)
    await tx.execute(FORGE_REMOVED, entries[1].id, ids.new_id())
    assert told((await verify(tx, storage)).findings) == [("removal_forged", REFUSALS, 2)]


async def test_one_more_under_a_removal_that_was_is_found(tx: Writer, storage: Storage) -> None:
    await old_refusals(tx)
    await remove(tx, "refusals", REFUSALS)
    await record(tx, refusal())
    [entry] = await entries_of(tx, REFUSALS)
    removal_id = await tx.one(LAST_REMOVAL)
    await tx.execute(AS_OWNER)
    await tx.execute(FORGE_REMOVED, entry.id, removal_id)
    kinds = [finding.kind for finding in (await verify(tx, storage)).findings]
    assert kinds == ["removed_early", "removal_forged"]


async def test_a_removal_before_its_time_is_found(tx: Writer, storage: Storage) -> None:
    """With all of its words, as the function would write them."""
    entries = await old_refusals(tx, days=100)
    removal_id, now = ids.new_id(), clock.utc_now()
    await tx.execute(AS_OWNER)
    await tx.execute(FORGE_REMOVED, entries[0].id, removal_id)
    words = {
        "class": "refusals", "days": 180, "first": 1, "last": 1, "count": 1,
        "before": canonical.microseconds(now - timedelta(days=99)),
        "hashes": hashlib.sha256(entries[0].hash).hexdigest(),
    }  # fmt: skip
    await tx.execute(FORGE_TOLD, removal_id, str(REFUSALS), msgspec.json.encode(words))
    assert told((await verify(tx, storage)).findings) == [("removed_early", removals.UPKEEP, 1)]
    words["before"] = canonical.microseconds(now - timedelta(days=181))
    await tx.execute(FORGE_REMOVED, entries[1].id, second := ids.new_id())
    words |= {
        "first": 2,
        "last": 2,
        "hashes": hashlib.sha256(entries[1].hash).hexdigest(),
    }
    await tx.execute(FORGE_TOLD, second, str(REFUSALS), msgspec.json.encode(words))
    assert told((await verify(tx, storage)).findings)[1] == ("removed_early", removals.UPKEEP, 2)


async def test_a_rule_that_was_changed_past_the_function_is_found(
    tx: Writer, storage: Storage
) -> None:
    await old_refusals(tx, days=60)
    await tx.execute(SET_RULE, "refusals", 50)
    assert await remove(tx, "refusals", REFUSALS) == 3
    assert [f.kind for f in (await verify(tx, storage)).findings] == ["removed_early"]


async def test_a_stone_that_was_made_older_is_found(tx: Writer, storage: Storage) -> None:
    await old_refusals(tx)
    await remove(tx, "refusals", REFUSALS)
    await tx.execute(AS_OWNER)
    await tx.execute(MAKE_OLD, REFUSALS, 2, datetime(2020, 1, 1, tzinfo=UTC))
    assert told((await verify(tx, storage)).findings) == [("edited", REFUSALS, 2)]


async def test_a_stone_that_was_taken_away_is_found(tx: Writer, storage: Storage) -> None:
    await old_refusals(tx)
    await remove(tx, "refusals", REFUSALS)
    await tx.execute(AS_OWNER)
    await tx.execute(PUT_BACK, REFUSALS, 2)
    kinds = [finding.kind for finding in (await verify(tx, storage)).findings]
    assert kinds == ["removed", "removal_forged"]


async def test_a_tail_cut_behind_what_was_removed_is_found(tx: Writer, storage: Storage) -> None:
    await old_refusals(tx)
    await record(tx, refusal())
    await anchoring.anchor_heads(tx, ACTOR, storage, SECRET)
    await remove(tx, "refusals", REFUSALS)
    [entry] = await entries_of(tx, REFUSALS)
    await tx.execute(AS_OWNER)
    await tx.execute(command("DELETE FROM audit.entries WHERE id = $1"), entry.id)
    assert told((await verify(tx, storage)).findings) == [("cut", REFUSALS, 4)]


async def test_a_removal_that_says_it_was_later_than_now_is_found(
    tx: Writer, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of the database that somebody has put forward."""
    await old_refusals(tx)
    await remove(tx, "refusals", REFUSALS)
    assert (await verify(tx, storage)).findings == []
    earlier = clock.utc_now() - timedelta(days=2)
    monkeypatch.setattr(clock, "utc_now", lambda: earlier)
    assert [f.kind for f in (await verify(tx, storage)).findings] == ["removed_early"]
