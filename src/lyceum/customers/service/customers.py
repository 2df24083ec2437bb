"""One customer: add, read, change, delete, restore; accounts, notes and consents of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from lyceum.customers import errors as facts
from lyceum.customers import events, permissions
from lyceum.customers.adapters import record_fields as fields
from lyceum.customers.queries import customers as queries
from lyceum.customers.queries import timeline
from lyceum.customers.records import (
    Consent,
    Customer,
    GroupName,
    LinkedAccount,
    Note,
    TimelineEntry,
)
from lyceum.customers.schemas.customers import CustomerChanges, NewCustomer, NewCustomerConsent
from lyceum.customers.service import access
from lyceum.platform import errors, ids, paging
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer, constraint_facts
from lyceum.platform.events import emit, emit_many
from lyceum.users import api as users

TAKEN = {"customers_reference_unique": facts.ReferenceTaken}


class Change(msgspec.Struct):
    """A change of a stored record: its fields before and after, or those that matter to it."""

    customer_id: UUID
    before: fields.Fields
    after: fields.Fields
    changed: tuple[str, ...]


class Belongings(msgspec.Struct, frozen=True):
    """What a record shows beside its own fields."""

    accounts: list[LinkedAccount]
    consents: list[Consent]
    groups: list[GroupName]


async def create_customer(tx: Writer, actor: Actor, new: NewCustomer) -> Customer:
    """Add a customer; ReferenceTaken when another one has the reference."""
    actor.require(permissions.CREATE)
    written = fields.clean_fields({name: getattr(new, name) for name in fields.COLUMNS})
    await _require_owner(tx, actor, written)
    customer_id = ids.new_id()
    row = fields.row_of(customer_id, written)
    with constraint_facts(TAKEN):
        await tx.execute(queries.INSERT_MANY, msgspec.json.encode([row]))
    await emit(tx, actor, events.CustomerCreated(customer_id=customer_id, source="manual"))
    return await tx.one(queries.FIND, customer_id)


async def get_customer(tx: Reader, actor: Actor, customer_id: UUID) -> tuple[Customer, Belongings]:
    """Return a customer with what belongs to it."""
    found = await access.get_customer(tx, actor, customer_id)
    return found, await list_belongings(tx, actor, customer_id)


async def list_belongings(tx: Reader, actor: Actor, customer_id: UUID) -> Belongings:
    """Return what belongs to a customer whom the actor sees."""
    return Belongings(
        accounts=await tx.all(queries.LIST_ACCOUNTS, customer_id),
        consents=await tx.all(queries.LIST_CONSENTS, customer_id),
        groups=await tx.all(queries.LIST_GROUPS_OF, customer_id),
    )


async def replace_customer(
    tx: Writer, actor: Actor, customer_id: UUID, new: NewCustomer, if_match: int | None
) -> Customer:
    """Put a record in place of the one that is there."""
    wanted = {name: getattr(new, name) for name in fields.COLUMNS}
    return await _change(tx, actor, customer_id, wanted, if_match)


async def update_customer(
    tx: Writer, actor: Actor, customer_id: UUID, changes: CustomerChanges, if_match: int | None
) -> Customer:
    """Change some fields of a customer."""
    return await _change(tx, actor, customer_id, changes.changes(), if_match)


async def _change(
    tx: Writer, actor: Actor, customer_id: UUID, wanted: dict[str, Any], if_match: int | None
) -> Customer:
    await access.get_customer(tx, actor, customer_id)
    actor.require(permissions.UPDATE)
    stored = await access.lock_customer(tx, actor, customer_id, if_match)
    before = fields.fields_of(stored)
    after = {**before, **fields.clean_fields(wanted)}
    changed = fields.changes_of(before, after)
    if not changed:
        return stored
    if "owner_id" in changed:
        await _require_owner(tx, actor, after)
    await store_changes(tx, actor, [Change(customer_id, before, after, changed)])
    return await tx.one(queries.FIND, customer_id)


async def store_changes(tx: Writer, actor: Actor, changes: list[Change]) -> None:
    """Write changes of records that the caller has locked and looked at, and tell of each;
    ReferenceTaken when one would get a reference that another one has."""
    standings, others = [], []
    for change in changes:
        if fields.are_standings(change.changed):
            standings.append(fields.row_of(change.customer_id, change.after, fields.STANDINGS))
        else:
            others.append(fields.row_of(change.customer_id, change.after))
    with constraint_facts(TAKEN):
        if standings:
            await tx.execute(queries.UPDATE_STANDINGS, msgspec.json.encode(standings))
        if others:
            await tx.execute(queries.UPDATE_MANY, msgspec.json.encode(others))
    await emit_many(
        tx,
        actor,
        [
            events.CustomerUpdated(
                customer_id=change.customer_id,
                changed=change.changed,
                before=fields.told(change.before, change.changed),
                after=fields.told(change.after, change.changed),
            )
            for change in changes
        ],
    )


async def delete_customer(
    tx: Writer, actor: Actor, customer_id: UUID, if_match: int | None
) -> None:
    """Make a customer exist for nobody but those who may restore it; twice is once."""
    found = await access.get_customer(tx, actor, customer_id)
    actor.require(permissions.DELETE)
    if found.deleted_at is not None:
        return
    await access.lock_customer(tx, actor, customer_id, if_match)
    await tx.execute(queries.DELETE, customer_id)
    await emit(tx, actor, events.CustomerDeleted(customer_id=customer_id))


async def restore_customer(tx: Writer, actor: Actor, customer_id: UUID) -> Customer:
    """Bring a deleted customer back as it was; ReferenceTaken when its reference was given away."""
    await access.get_customer(tx, actor, customer_id)
    actor.require(permissions.DELETE)
    locked = (await tx.all(queries.LOCK_MANY, [customer_id]))[0]
    if locked.merged_into_id is not None:
        raise facts.CustomerMerged(merged_into=locked.merged_into_id)
    if locked.deleted_at is None:
        return locked
    with constraint_facts(TAKEN):
        await tx.execute(queries.RESTORE, customer_id)
    await emit(tx, actor, events.CustomerRestored(customer_id=customer_id))
    return await tx.one(queries.FIND, customer_id)


async def link_account(tx: Writer, actor: Actor, customer_id: UUID, user_id: UUID) -> Customer:
    """Let a person's account belong to a customer; AccountLinkedElsewhere if it belongs to another
    one. Twice is once."""
    await access.get_customer(tx, actor, customer_id)
    actor.require(permissions.UPDATE)
    if await users.find_person(tx, user_id) is None:
        raise errors.NotFound("There is no such account.")
    locked = await access.lock_customer(tx, actor, customer_id)
    if await tx.one_or_none(queries.LINK_ACCOUNT, user_id, customer_id) is None:
        other = await tx.one_or_none(queries.FIND_CUSTOMER_OF_ACCOUNT, user_id)
        if other == customer_id:
            return locked
        raise facts.AccountLinkedElsewhere(customer_id=other)
    await tx.execute(queries.TOUCH, customer_id)
    await emit(tx, actor, events.AccountLinked(customer_id=customer_id, user_id=user_id))
    return await tx.one(queries.FIND, customer_id)


async def unlink_account(tx: Writer, actor: Actor, customer_id: UUID, user_id: UUID) -> None:
    """Let an account belong to no customer any more."""
    await access.get_customer(tx, actor, customer_id)
    actor.require(permissions.UPDATE)
    await access.lock_customer(tx, actor, customer_id)
    if await tx.one_or_none(queries.UNLINK_ACCOUNT, user_id, customer_id) is None:
        raise errors.NotFound("This account does not belong to the customer.")
    await tx.execute(queries.TOUCH, customer_id)
    await emit(tx, actor, events.AccountUnlinked(customer_id=customer_id, user_id=user_id))


async def link_by_address(tx: Writer, actor: Actor, user_id: UUID) -> UUID | None:
    """Link a person whose address is proved to the one customer that has it; return which.

    Where two records have it nobody is linked: they are to be merged first.
    """
    actor.require(permissions.UPDATE)
    person = await users.find_person(tx, user_id)
    if person is None or person.status != "active":
        return None
    found = await tx.all(queries.LIST_BY_EMAIL, person.email)
    if len(found) != 1:
        return None
    linked = await tx.one_or_none(queries.LINK_ACCOUNT, user_id, found[0])
    if linked is None:
        return None
    await emit(tx, actor, events.AccountLinked(customer_id=found[0], user_id=user_id))
    return found[0]


async def record_consent(
    tx: Writer, actor: Actor, customer_id: UUID, purpose: str, new: NewCustomerConsent
) -> Customer:
    """Record that a customer has given a consent, or taken it back; what was said before stays."""
    await access.get_customer(tx, actor, customer_id)
    actor.require(permissions.UPDATE)
    stored = await access.lock_customer(tx, actor, customer_id)
    source = new.source.strip() or "unknown"
    await tx.execute(
        queries.RECORD_CONSENT,
        ids.new_id(), customer_id, purpose, new.is_given, source, actor.user_id,
    )  # fmt: skip
    given = {*stored.consents, purpose} if new.is_given else {*stored.consents} - {purpose}
    await tx.execute(queries.SET_CONSENTS, customer_id, sorted(given))
    recorded = events.ConsentRecorded(
        customer_id=customer_id, purpose=purpose, is_given=new.is_given, source=source
    )
    await emit(tx, actor, recorded)
    return await tx.one(queries.FIND, customer_id)


async def add_note(tx: Writer, actor: Actor, customer_id: UUID, body: str) -> Note:
    """Write a note about a customer."""
    await access.get_customer(tx, actor, customer_id)
    actor.require(permissions.UPDATE)
    await access.lock_customer(tx, actor, customer_id)
    text = body.replace("\r\n", "\n").strip()
    if not text:
        raise facts.invalid("/body", "A note says something")
    note_id = ids.new_id()
    await tx.execute(queries.INSERT_NOTE, note_id, customer_id, text, actor.user_id)
    await emit(tx, actor, events.NoteAdded(customer_id=customer_id, note_id=note_id))
    return await tx.one(queries.FIND_NOTE, note_id, customer_id)


async def list_notes(
    tx: Reader, actor: Actor, customer_id: UUID, page: paging.PageQuery
) -> tuple[list[Note], int]:
    """Return a page of the notes about a customer, the newest first, and how many there are."""
    await access.get_customer(tx, actor, customer_id)
    total = await tx.one(queries.COUNT_NOTES, customer_id)
    return await tx.all(queries.LIST_NOTES, customer_id, page.per_page, page.offset), total


async def delete_note(tx: Writer, actor: Actor, customer_id: UUID, note_id: UUID) -> None:
    """Delete a note of one's own, or as whoever may delete customers anybody's."""
    await access.get_customer(tx, actor, customer_id)
    actor.require(permissions.UPDATE)
    note = await tx.one_or_none(queries.FIND_NOTE, note_id, customer_id)
    if note is None:
        raise errors.NotFound
    if note.author_id != actor.user_id and not actor.may(permissions.DELETE):
        raise errors.Forbidden("Only its author deletes a note.")
    await tx.execute(queries.DELETE_NOTE, note_id)
    await emit(tx, actor, events.NoteDeleted(customer_id=customer_id, note_id=note_id))


async def list_timeline(
    tx: Reader, actor: Actor, customer_id: UUID, page: paging.CursorQuery
) -> tuple[list[TimelineEntry], str | None]:
    """Return what happened with a customer, the latest first, and the next cursor."""
    await access.get_customer(tx, actor, customer_id)
    limit = page.per_page + 1
    if page.cursor is None:
        found = await tx.all(timeline.LIST, customer_id, limit)
    else:
        after = paging.decode_cursor(page.cursor, tuple[datetime, UUID])
        found = await tx.all(timeline.LIST_AFTER, customer_id, limit, *after)
    if len(found) < limit:
        return found, None
    last = found[page.per_page - 1]
    return found[: page.per_page], paging.encode_cursor(last.happened_at, last.id)


async def remember(
    tx: Writer, actor: Actor, customer_id: UUID, kind: str, facts_of_it: dict[str, Any]
) -> None:
    """Put something on the timeline of a customer."""
    actor.require(permissions.UPDATE)
    encoded = msgspec.json.encode(facts_of_it)
    await tx.execute(timeline.ADD, ids.new_id(), customer_id, kind, encoded)


async def remember_of_account(
    tx: Writer, actor: Actor, user_id: UUID, kind: str, facts_of_it: dict[str, Any]
) -> None:
    """Put something on the timeline of the customer that an account belongs to, if there is one."""
    actor.require(permissions.UPDATE)
    encoded = msgspec.json.encode(facts_of_it)
    await tx.execute(timeline.ADD_FOR_ACCOUNT, ids.new_id(), user_id, kind, encoded)


async def _require_owner(tx: Reader, actor: Actor, written: fields.Fields) -> None:
    if await access.find_missing_owners(tx, actor, [written["owner_id"]]):
        raise facts.invalid("/ownerId", "Nobody active has this id")
