"""Merging duplicates: one record stays, with all that belonged to the others."""

from typing import Any
from uuid import UUID

import msgspec

from lyceum.customers import errors as facts
from lyceum.customers import events, permissions
from lyceum.customers.adapters import record_fields as fields
from lyceum.customers.queries import customers as queries
from lyceum.customers.records import Consent, Customer
from lyceum.customers.service import access
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.events import emit

MOST_TAGS, MOST_FIELDS, MOST_CONTACTS, MOST_ADDRESSES = 50, 50, 20, 10


async def merge_customers(
    tx: Writer, actor: Actor, customer_id: UUID, duplicate_ids: tuple[UUID, ...],
    if_match: int | None,
) -> Customer:  # fmt: skip
    """Let duplicates go into a customer and return it.

    What the customer has wins; what it lacks comes from the duplicates, the first of them first.
    Notes, timeline, accounts, consents and groups move over. Of consents what was said last
    counts. The duplicates stay as deleted records that say where they went. All rows are locked in
    one order, so of two merges that cross the second one finds a record that is gone.
    """
    await access.get_customer(tx, actor, customer_id)
    actor.require(permissions.MERGE)
    wanted = list(dict.fromkeys(duplicate_ids))
    if customer_id in wanted:
        raise facts.invalid("/duplicateIds", "A customer is no duplicate of itself")
    locked = {row.id: row for row in await tx.all(queries.LOCK_MANY, [customer_id, *wanted])}
    survivor = _require_present(locked, customer_id, errors.NotFound())
    if if_match is not None and if_match != survivor.version:
        raise errors.PreconditionFailed
    missing = facts.invalid("/duplicateIds", "There is no such customer, or not any more")
    duplicates = [_require_present(locked, wish, missing) for wish in wanted]
    await _move_belongings(tx, customer_id, wanted)
    await tx.execute(queries.MARK_MERGED, customer_id, wanted)
    merged = _merged(fields.fields_of(survivor), [fields.fields_of(row) for row in duplicates])
    row = fields.row_of(customer_id, merged)
    await tx.execute(queries.UPDATE_MANY, msgspec.json.encode([row]))
    consents = _given(await tx.all(queries.LIST_CONSENTS, customer_id))
    await tx.execute(queries.SET_CONSENTS, customer_id, consents)
    await emit(
        tx, actor, events.CustomerMerged(customer_id=customer_id, duplicate_ids=tuple(wanted))
    )
    return await tx.one(queries.FIND, customer_id)


def _require_present(
    locked: dict[UUID, Customer], customer_id: UUID, fact: errors.Fact
) -> Customer:
    found = locked.get(customer_id)
    if found is None or found.deleted_at is not None:
        raise fact
    return found


async def _move_belongings(tx: Writer, customer_id: UUID, duplicate_ids: list[UUID]) -> None:
    for move in (
        queries.MOVE_NOTES,
        queries.MOVE_TIMELINE,
        queries.MOVE_ACCOUNTS,
        queries.MOVE_CONSENTS,
        queries.COPY_MEMBERSHIPS,
    ):
        await tx.execute(move, customer_id, duplicate_ids)
    await tx.execute(queries.DROP_MEMBERSHIPS, duplicate_ids)


def _merged(survivor: fields.Fields, duplicates: list[fields.Fields]) -> fields.Fields:
    merged = dict(survivor)
    for other in duplicates:
        for name in ("email", "phone", "tax_id", "reference", "owner_id"):
            merged[name] = merged[name] or other[name]
        merged["custom_fields"] = _first({**other["custom_fields"], **merged["custom_fields"]})
        merged["tags"] = _union(merged["tags"], other["tags"], MOST_TAGS)
        merged["addresses"] = _union(merged["addresses"], other["addresses"], MOST_ADDRESSES)
        contacts = [*other["contacts"], *_contact_of(other, merged)]
        merged["contacts"] = _union(merged["contacts"], contacts, MOST_CONTACTS)
        if merged["lifecycle"] == "lead":
            merged["lifecycle"] = other["lifecycle"]
    return merged


def _contact_of(other: fields.Fields, merged: fields.Fields) -> list[dict[str, Any]]:
    """Return the address and phone of a duplicate as a contact, where the survivor has others."""
    kept = {
        name: other[name]
        for name in ("email", "phone")
        if other[name] and other[name] != merged[name]
    }
    if not kept:
        return []
    return [{"name": other["name"], "role": "", "email": None, "phone": None, **kept}]


def _union(ours: list[Any], theirs: list[Any], most: int) -> list[Any]:
    return (ours + [one for one in theirs if one not in ours])[:most]


def _first(values: dict[str, Any]) -> dict[str, Any]:
    return dict(list(values.items())[-MOST_FIELDS:])


def _given(history: list[Consent]) -> list[str]:
    said = {consent.purpose: consent.is_given for consent in history}
    return sorted(purpose for purpose, is_given in said.items() if is_given)
