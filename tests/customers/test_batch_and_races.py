"""Many at once: batches, counters, references, groups and merges that meet."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import msgspec
import pytest

from lyceum.customers import errors as facts
from lyceum.customers.queries.figures import READ_TALLIES, SUM_UP_TALLIES
from lyceum.customers.schemas.batch import Batch, BatchItem
from lyceum.customers.schemas.customers import (
    CustomerChanges,
    CustomerQuery,
    NewCustomer,
    NewCustomerConsent,
)
from lyceum.customers.schemas.groups import NewCustomerGroup
from lyceum.customers.service import batch, customers, groups, listing, merging
from lyceum.platform import errors, ids
from lyceum.platform.database import Database, Writer
from lyceum.platform.statements import Json, sql
from tests.customers import factories

MANAGER = factories.manager()
PAYLOADS = sql(
    """
    SELECT payload FROM platform.outbox
    WHERE key = ANY($1::text[]) AND name = 'customer.updated' ORDER BY position
    """,
    Json,
)


def change(row: Any, **changes: Any) -> BatchItem:
    return BatchItem(id=row.id, changes=CustomerChanges(**changes))


async def at_once(
    database: Database, attempts: Iterable[Callable[[Writer], Awaitable[Any]]]
) -> list[Any]:
    async def run(attempt: Callable[[Writer], Awaitable[Any]]) -> Any:
        async with database.transaction() as tx:
            return await attempt(tx)

    return await asyncio.gather(*map(run, attempts), return_exceptions=True)


async def tally(database: Database, dimension: str, value: str) -> int:
    rows = await database.reader().all(READ_TALLIES)
    return next((r.amount for r in rows if (r.dimension, r.value) == (dimension, value)), 0)


async def test_each_item_has_its_result(tx: Writer) -> None:
    reference = factories.word()
    rows = [await factories.make_customer(tx) for _ in range(4)]
    await factories.make_customer(tx, reference=reference)
    wrong_owner = ids.new_id()
    items = (
        change(rows[0], lifecycle="active"),
        change(rows[1], lifecycle="lead"),
        change(rows[2], reference=reference),
        BatchItem(id=ids.new_id(), changes=CustomerChanges(name="x")),
        BatchItem(id=rows[3].id, version=7, changes=CustomerChanges(name="x")),
        change(rows[1], name="twice"),
    )
    # The customer that is there twice is refused both times.
    result = await batch.update_customers(tx, MANAGER, Batch(items=items))
    assert [r.status for r in result.results] == [
        "updated", "failed", "failed", "failed", "failed", "failed"
    ]  # fmt: skip
    assert [r.problem["status"] for r in result.results if r.problem] == [422, 409, 404, 412, 422]
    assert (result.updated, result.failed) == (1, 5)
    owner = await batch.update_customers(
        tx, MANAGER, Batch(items=(change(rows[2], owner_id=wrong_owner),))
    )
    assert owner.results[0].problem is not None
    assert await factories.events_of(tx, rows[0].id) == ["customer.created", "customer.updated"]


async def test_all_or_nothing(tx: Writer) -> None:
    row = await factories.make_customer(tx)
    items = (
        change(row, name="New"),
        BatchItem(id=ids.new_id(), changes=CustomerChanges(name="x")),
    )
    with pytest.raises(facts.BatchRefused) as refused:
        await batch.update_customers(tx, MANAGER, Batch(items=items, all_or_nothing=True))
    assert [r.status for r in refused.value.data["results"]] == ["unchanged", "failed"]
    found, _ = await customers.get_customer(tx, MANAGER, row.id)
    assert found.name != "New"


async def test_a_thousand_in_one_batch(tx: Writer) -> None:
    rows = [await factories.make_customer(tx, name=f"Customer {n}") for n in range(200)]
    items = tuple(change(row, lifecycle="active") for row in rows)
    result = await batch.update_customers(tx, MANAGER, Batch(items=items, all_or_nothing=True))
    assert result.updated == 200


async def test_a_batch_of_every_kind_of_change(tx: Writer) -> None:
    mark = factories.word()
    owner = await factories.make_account(tx)
    rows = [
        await factories.make_customer(tx, tags=(mark,), custom_fields={"seats": 3}, phone="030 1")
        for _ in range(5)
    ]
    items = (
        change(rows[0], tags=(mark, "vip")),
        change(rows[1], owner_id=owner, custom_fields={"seats": 9}),
        change(rows[2], name=f"Renamed {mark}", lifecycle="past"),
        change(rows[3], phone="030 1"),
        change(rows[4], tags=(mark,), reference=mark),
    )
    result = await batch.update_customers(tx, MANAGER, Batch(items=items))
    assert [r.status for r in result.results] == [
        "updated", "updated", "updated", "unchanged", "updated"
    ]  # fmt: skip
    found = [(await customers.get_customer(tx, MANAGER, row.id))[0] for row in rows]
    assert found[0].tags == [mark, "vip"]
    assert (found[1].owner_id, msgspec.json.decode(found[1].custom_fields)) == (owner, {"seats": 9})
    assert (found[2].name, found[2].lifecycle) == (f"Renamed {mark}", "past")
    assert found[4].reference == mark
    assert {row.phone for row in found} == {"030 1"}
    assert [row.version for row in found] == [2, 2, 2, 1, 2]
    told = await tx.all(PAYLOADS, [str(row.id) for row in rows])
    assert [msgspec.json.decode(one)["changed"] for one in told] == [
        ["tags"], ["owner_id", "custom_fields"], ["name", "lifecycle"], ["reference"]
    ]  # fmt: skip


async def test_customers_are_found_by_what_they_are_called_now(tx: Writer) -> None:
    word, other = factories.word(), factories.word()
    row = await factories.make_customer(tx, name=word, email=f"{word}@x.example", reference=word)

    async def find(**query: Any) -> list[Any]:
        found, _ = await listing.list_customers(tx, MANAGER, CustomerQuery(**query))
        return [one.id for one in found]

    by_reference = f'reference = {word} and email = "{word}@x.example"'
    assert await find(search=word) == await find(filter=by_reference) == [row.id]
    assert await find(search=word, sort="name") == [row.id]
    items = (change(row, name=other, email=None),)
    await batch.update_customers(tx, MANAGER, Batch(items=items))
    assert await find(search=other) == [row.id]
    assert await find(filter=by_reference) == []
    await customers.delete_customer(tx, MANAGER, row.id, None)
    assert await find(search=other) == []
    assert await find(search=other, state="deleted") == [row.id]
    again = await factories.make_customer(tx, reference=word)
    assert await find(filter=f"reference = {word}") == [again.id]
    with pytest.raises(facts.ReferenceTaken):
        await customers.restore_customer(tx, MANAGER, row.id)


async def test_batches_that_meet_do_not_block_each_other_for_good(database: Database) -> None:
    rows = await factories.store_customers(database, 20)
    batches = [
        Batch(items=tuple(change(row, name=f"Name {n}") for row in (rows, rows[::-1])[n % 2]))
        for n in range(8)
    ]
    done = await at_once(
        database, [partial(batch.update_customers, actor=MANAGER, batch=b) for b in batches]
    )
    assert [result for result in done if isinstance(result, BaseException)] == []
    reader = database.reader()
    found = [(await customers.get_customer(reader, MANAGER, row.id))[0] for row in rows]
    assert len({row.name for row in found}) == 1
    assert {row.version for row in found} == {9}


async def test_one_reference_for_one_customer(database: Database) -> None:
    new = NewCustomer(name="Raced", reference=factories.word())
    done = await at_once(
        database, [lambda tx: customers.create_customer(tx, MANAGER, new) for _ in range(20)]
    )
    assert sum(isinstance(result, facts.ReferenceTaken) for result in done) == 19


async def test_one_customer_for_an_account(database: Database) -> None:
    rows = await factories.store_customers(database, 10)
    async with database.transaction() as tx:
        user_id = await factories.make_account(tx)
    done = await at_once(
        database,
        [
            partial(customers.link_account, actor=MANAGER, customer_id=r.id, user_id=user_id)
            for r in rows
        ],
    )
    assert sum(isinstance(result, facts.AccountLinkedElsewhere) for result in done) == 9


async def test_one_group_of_a_name(database: Database) -> None:
    name = factories.word()
    names = [name, name.upper()] * 6
    done = await at_once(
        database,
        [partial(groups.create_group, actor=MANAGER, new=NewCustomerGroup(name=n)) for n in names],
    )
    assert sum(isinstance(result, facts.GroupNameTaken) for result in done) == 11


async def test_of_changes_of_one_version_one_wins(database: Database) -> None:
    row = await factories.store_customer(database)
    done = await at_once(
        database,
        [
            partial(
                customers.update_customer,
                actor=MANAGER,
                customer_id=row.id,
                changes=CustomerChanges(name=f"Name {n}"),
                if_match=row.version,
            )
            for n in range(12)
        ],
    )
    assert sum(isinstance(result, errors.PreconditionFailed) for result in done) == 11


async def test_merges_that_cross(database: Database) -> None:
    one, other = await factories.store_customers(database, 2)
    pairs = [(one, other), (other, one)] * 4
    done = await at_once(
        database,
        [
            partial(
                merging.merge_customers,
                actor=MANAGER,
                customer_id=a.id,
                duplicate_ids=(b.id,),
                if_match=None,
            )
            for a, b in pairs
        ],
    )
    assert sum(not isinstance(result, BaseException) for result in done) == 1
    assert all(isinstance(r, errors.Fact) for r in done if isinstance(r, BaseException))


async def test_consents_at_once_are_all_kept(database: Database) -> None:
    row = await factories.store_customer(database)
    said = NewCustomerConsent(is_given=True, source="form")
    purposes = [f"purpose-{n}" for n in range(10)]
    await at_once(
        database,
        [
            partial(
                customers.record_consent, actor=MANAGER, customer_id=row.id, purpose=p, new=said
            )
            for p in purposes
        ],
    )
    found, more = await customers.get_customer(database.reader(), MANAGER, row.id)
    assert found.consents == purposes
    assert len(more.consents) == 10


async def test_the_counters_are_right_whatever_happens_at_once(database: Database) -> None:
    mark = factories.word()
    rows = await factories.store_customers(database, 12, tags=(mark,))

    async def sum_up(tx: Writer) -> None:
        await tx.execute(SUM_UP_TALLIES)

    attempts: list[Callable[[Writer], Awaitable[Any]]] = []
    for row in rows[:4]:
        attempts.append(
            partial(customers.delete_customer, actor=MANAGER, customer_id=row.id, if_match=None)
        )
    for row in rows[4:8]:
        attempts.append(
            partial(
                customers.update_customer,
                actor=MANAGER,
                customer_id=row.id,
                changes=CustomerChanges(tags=(mark, "more")),
                if_match=None,
            )
        )
    attempts.append(
        lambda tx: merging.merge_customers(tx, MANAGER, rows[8].id, (rows[9].id,), None)
    )
    attempts += [sum_up] * 4
    attempts.append(
        lambda tx: customers.update_customer(
            tx, MANAGER, rows[10].id, CustomerChanges(tags=()), None
        )
    )
    done = await at_once(database, attempts)
    assert [result for result in done if isinstance(result, BaseException)] == []
    assert await tally(database, "tag", mark) == 12 - 4 - 1 - 1
    async with database.transaction() as tx:
        await sum_up(tx)
        await customers.restore_customer(tx, MANAGER, rows[0].id)
    assert await tally(database, "tag", mark) == 7


async def test_members_of_groups(tx: Writer) -> None:
    rows = [await factories.make_customer(tx, tags=("vip",)) for _ in range(3)]
    mark = factories.word()
    group = await groups.create_group(tx, MANAGER, NewCustomerGroup(name=mark))
    ids_of = tuple(row.id for row in rows)
    changed = await groups.add_members(tx, MANAGER, group.id, ids_of[:2])
    assert (changed.changed, changed.members) == (2, 2)
    again = await groups.add_members(tx, MANAGER, group.id, ids_of)
    assert (again.changed, again.members) == (1, 3)
    with pytest.raises(errors.ValidationFailed):
        await groups.add_members(tx, MANAGER, group.id, (ids.new_id(),))
    gone = await groups.remove_members(tx, MANAGER, group.id, (*ids_of[:1], ids.new_id()))
    assert (gone.changed, gone.members) == (1, 2)
    assert await groups.is_member(tx, MANAGER, group.id, rows[1].id)
    await customers.delete_customer(tx, MANAGER, rows[1].id, None)
    assert not await groups.is_member(tx, MANAGER, group.id, rows[1].id)
    assert await groups.count_members(tx, MANAGER, group) == 1


async def test_a_group_by_rule_is_whoever_fits(tx: Writer) -> None:
    mark = factories.word()
    row = await factories.make_customer(tx, tags=(mark,))
    other = await factories.make_customer(tx)
    new = NewCustomerGroup(name=mark, rule=f"tag = {mark} and lifecycle != blocked")
    group = await groups.create_group(tx, MANAGER, new)
    assert group.kind == "rule"
    assert await groups.count_members(tx, MANAGER, group) == 1
    assert await groups.is_member(tx, MANAGER, group.id, row.id)
    assert not await groups.is_member(tx, MANAGER, group.id, other.id)
    with pytest.raises(facts.GroupByRule):
        await groups.add_members(tx, MANAGER, group.id, (other.id,))
    blocked = CustomerChanges(lifecycle="blocked")
    await customers.update_customer(tx, MANAGER, row.id, blocked, None)
    assert not await groups.is_member(tx, MANAGER, group.id, row.id)
    static = msgspec.structs.replace(new, rule=None)
    changed = await groups.update_group(tx, MANAGER, group.id, static, group.version)
    assert (changed.kind, changed.version) == ("static", 2)
    with pytest.raises(facts.FilterInvalid):
        await groups.update_group(
            tx, MANAGER, group.id, msgspec.structs.replace(new, rule="tag ="), None
        )
    await groups.delete_group(tx, MANAGER, group.id, None)
    with pytest.raises(errors.NotFound):
        await groups.get_group(tx, MANAGER, group.id)
