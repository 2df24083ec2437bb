"""Many customers changed in one transaction, each with its own result."""

from collections import Counter
from typing import Any
from uuid import UUID

from lyceum.customers import errors as facts
from lyceum.customers import permissions
from lyceum.customers.adapters import record_fields as fields
from lyceum.customers.queries import customers as queries
from lyceum.customers.records import Customer
from lyceum.customers.schemas.batch import Batch, BatchItem, BatchResult, ItemResult
from lyceum.customers.service import access
from lyceum.customers.service.customers import Change, store_changes
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer


class Planned(Change):
    """A change that can be made."""

    version: int


async def update_customers(tx: Writer, actor: Actor, batch: Batch) -> BatchResult:
    """Change up to 1,000 customers and say of each what became of it.

    With `all_or_nothing` one that cannot be changed raises BatchRefused, and nothing is. The rows
    are locked in the order of their ids, so batches that meet go one after the other.
    """
    actor.require(permissions.BATCH_UPDATE)
    stored = {
        row.id: row for row in await tx.all(queries.LOCK_MANY, [item.id for item in batch.items])
    }
    planned: dict[int, Planned] = {}
    results: dict[int, ItemResult] = {}
    times = Counter(item.id for item in batch.items)
    for place, item in enumerate(batch.items):
        outcome = _plan(stored.get(item.id), item, is_twice=times[item.id] > 1)
        if isinstance(outcome, errors.Fact):
            results[place] = _failed(item.id, outcome)
        elif not outcome.changed:
            results[place] = ItemResult(id=item.id, status="unchanged", version=outcome.version)
        else:
            planned[place] = outcome
    await _refuse_owners(tx, actor, planned, results)
    await _refuse_references(tx, planned, results)
    if batch.all_or_nothing and any(result.status == "failed" for result in results.values()):
        for place, plan in planned.items():
            results[place] = ItemResult(
                id=plan.customer_id, status="unchanged", version=plan.version
            )
        raise facts.BatchRefused(results=[results[n] for n in range(len(batch.items))])
    await store_changes(tx, actor, list(planned.values()))
    for place, plan in planned.items():
        results[place] = ItemResult(id=plan.customer_id, status="updated", version=plan.version + 1)
    counted = Counter(result.status for result in results.values())
    return BatchResult(
        updated=counted["updated"],
        unchanged=counted["unchanged"],
        failed=counted["failed"],
        results=[results[place] for place in range(len(batch.items))],
    )


def _plan(stored: Customer | None, item: BatchItem, *, is_twice: bool) -> Planned | errors.Fact:
    """Return the change that an item asks for, or why it cannot be made."""
    if is_twice:
        return errors.InvalidInput("The batch has this customer twice.")
    if stored is None or stored.deleted_at is not None:
        return errors.NotFound()
    if item.version is not None and item.version != stored.version:
        return errors.PreconditionFailed(version=stored.version)
    wanted = item.changes.changes()
    is_narrow = fields.are_standings(wanted)
    before = fields.fields_of(stored, fields.STANDINGS if is_narrow else fields.COLUMNS)
    try:
        after = {**before, **fields.clean_fields(wanted)}
    except errors.Fact as fact:
        return fact
    return Planned(item.id, before, after, fields.changes_of(before, after), stored.version)


async def _refuse_owners(
    tx: Writer, actor: Actor, planned: dict[int, Planned], results: dict[int, ItemResult]
) -> None:
    wanted = {p.after["owner_id"] for p in planned.values() if "owner_id" in p.changed}
    missing = await access.find_missing_owners(tx, actor, wanted)
    for place, plan in list(planned.items()):
        if "owner_id" in plan.changed and plan.after["owner_id"] in missing:
            fact = facts.invalid("/ownerId", "Nobody active has this id")
            results[place] = _failed(planned.pop(place).customer_id, fact)


async def _refuse_references(
    tx: Writer, planned: dict[int, Planned], results: dict[int, ItemResult]
) -> None:
    """Take out what would give two customers one reference."""
    changing = [p for p in planned.values() if "reference" in p.changed and p.after["reference"]]
    if not changing:
        return
    wanted = Counter(plan.after["reference"] for plan in changing)
    taken = set(await tx.all(queries.LIST_TAKEN_REFERENCES, list(wanted)))
    for place, plan in list(planned.items()):
        if "reference" not in plan.changed:
            continue
        reference = plan.after["reference"]
        if reference in taken or wanted[reference] > 1:
            results[place] = _failed(planned.pop(place).customer_id, facts.ReferenceTaken())


def _failed(customer_id: UUID, fact: errors.Fact) -> ItemResult:
    problem: dict[str, Any] = {
        "type": fact.type, "title": fact.title, "status": fact.status, "detail": fact.detail,
        "code": fact.code, **fact.data,
    }  # fmt: skip
    return ItemResult(id=customer_id, status="failed", problem=problem)
