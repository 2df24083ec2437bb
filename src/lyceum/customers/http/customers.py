"""The HTTP door of customers: the records, and what belongs to one of them."""

from typing import Annotated
from uuid import UUID

import msgspec

from lyceum.customers import errors as facts
from lyceum.customers import permissions
from lyceum.customers.http.answers import answer, summary_of
from lyceum.customers.records import Customer, Note
from lyceum.customers.schemas import batch as batches
from lyceum.customers.schemas import customers as schemas
from lyceum.customers.service import batch, customers, listing, merging
from lyceum.platform import errors, paging
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, Routes
from lyceum.platform.wire import Answer, PageInfo

routes = Routes("customers")
Purpose = Annotated[str, msgspec.Meta(max_length=50, pattern=r"^[a-z][a-z0-9-]{0,49}\Z")]
BATCH_BYTES = 10 * 1024 * 1024


@routes.post(
    "/customers",
    access=permissions.CREATE,
    summary="Add a customer",
    status=201,
    facts=(facts.ReferenceTaken,),
)
async def create_customer(
    tx: Writer, actor: Actor, data: schemas.NewCustomer
) -> Answer[schemas.CustomerView]:
    """A company or a person; the first address is its own, and says its country."""
    made = await customers.create_customer(tx, actor, data)
    return await _answer(tx, actor, made, location=f"{API}/customers/{made.id}")


@routes.get(
    "/customers",
    access=permissions.READ,
    summary="List customers",
    facts=(facts.FilterInvalid, errors.NotFound),
    shows=Record("customer", people="id", names="customer"),
)
async def list_customers(
    tx: Reader, actor: Actor, query: schemas.CustomerQuery
) -> Answer[list[schemas.CustomerSummary]]:
    """By cursor. `search` finds beginnings of words in name, address, phone, reference and tax id;
    `filter` is an expression such as `lifecycle = active and (tag = vip or country = DE)`."""
    rows, cursor = await listing.list_customers(tx, actor, query)
    page = PageInfo(per_page=query.per_page, next_cursor=cursor)
    return Answer(data=[summary_of(row) for row in rows], page=page)


@routes.get(
    "/customers/statistics", access=permissions.STATISTICS, summary="Statistics of customers"
)
async def get_customer_statistics(tx: Reader, actor: Actor) -> schemas.CustomerStatistics:
    """Counted as customers change, so it costs the same for a million of them."""
    return await listing.get_statistics(tx, actor)


@routes.get(
    "/customers/duplicates",
    access=permissions.MERGE,
    summary="Records that may be duplicates",
    shows=Record("customer", people="customers.id", names="customer"),
)
async def list_customer_duplicates(
    tx: Reader, actor: Actor, query: schemas.DuplicatesQuery
) -> Answer[list[schemas.DuplicateSetView]]:
    """Sets of records with the same address, phone, tax id or name, however it is written."""
    sets, cursor = await listing.list_duplicates(tx, actor, query)
    views = [
        schemas.DuplicateSetView(by=query.by, key=key, customers=[summary_of(r) for r in rows])
        for key, rows in sets
    ]
    return Answer(data=views, page=PageInfo(per_page=query.per_page, next_cursor=cursor))


@routes.patch(
    "/customers/batch",
    access=permissions.BATCH_UPDATE,
    summary="Change many customers",
    max_body=BATCH_BYTES,
    facts=(facts.BatchRefused, facts.ReferenceTaken),
)
async def update_customers(tx: Writer, actor: Actor, data: batches.Batch) -> batches.BatchResult:
    """Up to 1,000 in one transaction, each with its result; with `allOrNothing` one that cannot be
    changed is a 409 with the results, and nothing is changed."""
    return await batch.update_customers(tx, actor, data)


@routes.get(
    "/customers/{customer_id}",
    access=permissions.READ,
    summary="A customer",
    facts=(errors.NotFound, facts.CustomerMerged),
    shows=Record("customer", people="customer_id", names="customer"),
)
async def get_customer(tx: Reader, actor: Actor, customer_id: UUID) -> Answer[schemas.CustomerView]:
    """With accounts, consents and groups. A record that was merged is a 410 that says into which;
    a deleted one is there for those who may restore it."""
    row, belongings = await customers.get_customer(tx, actor, customer_id)
    return answer(row, belongings)


@routes.put(
    "/customers/{customer_id}",
    access=permissions.UPDATE,
    summary="Replace a customer",
    facts=(errors.NotFound, errors.PreconditionFailed, facts.ReferenceTaken),
)
async def replace_customer(
    tx: Writer, actor: Actor, customer_id: UUID, data: schemas.NewCustomer, if_match: int | None
) -> Answer[schemas.CustomerView]:
    """What is not sent is emptied; accounts, consents, notes and groups stay."""
    row = await customers.replace_customer(tx, actor, customer_id, data, if_match)
    return await _answer(tx, actor, row)


@routes.patch(
    "/customers/{customer_id}",
    access=permissions.UPDATE,
    summary="Change a customer",
    facts=(errors.NotFound, errors.PreconditionFailed, facts.ReferenceTaken),
)
async def update_customer(
    tx: Writer, actor: Actor, customer_id: UUID, data: schemas.CustomerChanges, if_match: int | None
) -> Answer[schemas.CustomerView]:
    """Changes what is sent and leaves the rest."""
    row = await customers.update_customer(tx, actor, customer_id, data, if_match)
    return await _answer(tx, actor, row)


@routes.delete(
    "/customers/{customer_id}",
    access=permissions.DELETE,
    summary="Delete a customer",
    facts=(errors.NotFound, errors.PreconditionFailed),
)
async def delete_customer(
    tx: Writer, actor: Actor, customer_id: UUID, if_match: int | None
) -> None:
    """Can be taken back with `restore`."""
    await customers.delete_customer(tx, actor, customer_id, if_match)


@routes.post(
    "/customers/{customer_id}/restore",
    access=permissions.DELETE,
    summary="Restore a customer",
    facts=(errors.NotFound, facts.ReferenceTaken, facts.CustomerMerged),
)
async def restore_customer(
    tx: Writer, actor: Actor, customer_id: UUID
) -> Answer[schemas.CustomerView]:
    """Brings a deleted customer back as it was."""
    return await _answer(tx, actor, await customers.restore_customer(tx, actor, customer_id))


@routes.post(
    "/customers/{customer_id}/merge",
    access=permissions.MERGE,
    summary="Merge duplicates into a customer",
    facts=(errors.NotFound, errors.PreconditionFailed, facts.CustomerMerged),
)
async def merge_customers(
    tx: Writer, actor: Actor, customer_id: UUID, data: schemas.CustomerMerge, if_match: int | None
) -> Answer[schemas.CustomerView]:
    """What the customer has wins; notes, timeline, accounts, consents and groups move over."""
    merged = await merging.merge_customers(tx, actor, customer_id, data.duplicate_ids, if_match)
    return await _answer(tx, actor, merged)


@routes.get(
    "/customers/{customer_id}/duplicates",
    access=permissions.MERGE,
    summary="Customers that may be the same",
    facts=(errors.NotFound,),
    shows=Record("customer", people="id", names="customer"),
)
async def list_customers_like(
    tx: Reader, actor: Actor, customer_id: UUID
) -> list[schemas.CustomerSummary]:
    """The likeliest first."""
    return [summary_of(row) for row in await listing.list_like(tx, actor, customer_id)]


@routes.put(
    "/customers/{customer_id}/accounts/{user_id}",
    access=permissions.UPDATE,
    summary="Link an account to a customer",
    facts=(errors.NotFound, facts.AccountLinkedElsewhere),
)
async def link_customer_account(
    tx: Writer, actor: Actor, customer_id: UUID, user_id: UUID
) -> Answer[schemas.CustomerView]:
    """An account belongs to one customer at most."""
    return await _answer(tx, actor, await customers.link_account(tx, actor, customer_id, user_id))


@routes.delete(
    "/customers/{customer_id}/accounts/{user_id}",
    access=permissions.UPDATE,
    summary="Unlink an account",
    facts=(errors.NotFound,),
)
async def unlink_customer_account(
    tx: Writer, actor: Actor, customer_id: UUID, user_id: UUID
) -> None:
    """The account itself stays as it is."""
    await customers.unlink_account(tx, actor, customer_id, user_id)


@routes.put(
    "/customers/{customer_id}/consents/{purpose}",
    access=permissions.UPDATE,
    summary="Record a consent",
    facts=(errors.NotFound,),
)
async def record_customer_consent(
    tx: Writer, actor: Actor, customer_id: UUID, purpose: Purpose, data: schemas.NewCustomerConsent
) -> Answer[schemas.CustomerView]:
    """Given or taken back; every statement is kept with where it was made."""
    row = await customers.record_consent(tx, actor, customer_id, purpose, data)
    return await _answer(tx, actor, row)


@routes.get(
    "/customers/{customer_id}/notes",
    access=permissions.READ,
    summary="Notes about a customer",
    facts=(errors.NotFound,),
    shows=Record("customer notes", people="customer_id", names="customer"),
)
async def list_customer_notes(
    tx: Reader, actor: Actor, customer_id: UUID, query: paging.PageQuery
) -> Answer[list[schemas.CustomerNoteView]]:
    """The newest first."""
    notes, total = await customers.list_notes(tx, actor, customer_id, query)
    return Answer(data=[_note(note) for note in notes], page=query.info(total))


@routes.post(
    "/customers/{customer_id}/notes",
    access=permissions.UPDATE,
    summary="Write a note about a customer",
    status=201,
    facts=(errors.NotFound,),
)
async def add_customer_note(
    tx: Writer, actor: Actor, customer_id: UUID, data: schemas.NewCustomerNote
) -> Answer[schemas.CustomerNoteView]:
    """Plain text, for the staff."""
    note = await customers.add_note(tx, actor, customer_id, data.body)
    place = f"{API}/customers/{customer_id}/notes/{note.id}"
    return Answer(data=_note(note), location=place)


@routes.delete(
    "/customers/{customer_id}/notes/{customer_note_id}",
    access=permissions.UPDATE,
    summary="Delete a note",
    facts=(errors.NotFound,),
)
async def delete_customer_note(
    tx: Writer, actor: Actor, customer_id: UUID, customer_note_id: UUID
) -> None:
    """One's own; who may delete customers, anybody's."""
    await customers.delete_note(tx, actor, customer_id, customer_note_id)


@routes.get(
    "/customers/{customer_id}/timeline",
    access=permissions.READ,
    summary="What happened with a customer",
    facts=(errors.NotFound,),
    shows=Record("customer timeline", people="customer_id", names="customer"),
)
async def list_customer_timeline(
    tx: Reader, actor: Actor, customer_id: UUID, query: paging.CursorQuery
) -> Answer[list[schemas.CustomerTimelineView]]:
    """The latest first: changes of the record, and what its accounts did."""
    entries, cursor = await customers.list_timeline(tx, actor, customer_id, query)
    views = [
        schemas.CustomerTimelineView(
            id=e.id, kind=e.kind, facts=msgspec.json.decode(e.facts), happened_at=e.happened_at
        )
        for e in entries
    ]
    return Answer(data=views, page=PageInfo(per_page=query.per_page, next_cursor=cursor))


async def _answer(
    tx: Reader, actor: Actor, row: Customer, location: str | None = None
) -> Answer[schemas.CustomerView]:
    return answer(row, await customers.list_belongings(tx, actor, row.id), location)


def _note(note: Note) -> schemas.CustomerNoteView:
    return schemas.CustomerNoteView(
        id=note.id,
        body=note.body,
        author_id=note.author_id,
        author_name=note.author_name,
        created_at=note.created_at,
    )
