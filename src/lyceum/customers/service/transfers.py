"""Customers in and out of files: what a row does, what is recorded of a transfer.

A row with the reference (or address) of a customer changes that one, in the columns that have
something in the row; any other adds a customer. Not here: the jobs that run them (`jobs`), the
format (`adapters.customer_csv`).
"""

from typing import Any
from uuid import UUID

import msgspec

from lyceum.customers import errors as facts
from lyceum.customers import events, permissions
from lyceum.customers.adapters import customer_csv, filter_language
from lyceum.customers.adapters import record_fields as fields
from lyceum.customers.adapters.customer_csv import Problem, Row
from lyceum.customers.queries import customers as queries
from lyceum.customers.queries import transfers
from lyceum.customers.queries.selection import Selection
from lyceum.customers.records import Customer, Transfer
from lyceum.customers.schemas.transfers import CustomerExportReport, CustomerImportReport
from lyceum.customers.service import access
from lyceum.customers.service.customers import TAKEN, Change, store_changes
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer, constraint_facts
from lyceum.platform.events import Event, emit, emit_many

MOST_EXPORTED = 100_000


class Outcome(msgspec.Struct):
    """What rows have done, or would do."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: list[Problem] = msgspec.field(default_factory=list)


class Plan(msgspec.Struct):
    """Rows as they are to be stored, with what there was before."""

    new: list[dict[str, Any]] = msgspec.field(default_factory=list)
    changed: list[Change] = msgspec.field(default_factory=list)
    told: list[Event] = msgspec.field(default_factory=list)


async def add_transfer(
    tx: Writer,
    actor: Actor,
    transfer_id: UUID,
    *,
    direction: str,
    job_id: UUID,
    options: Any,
    file_key: str | None,
) -> Transfer:
    """Record a transfer that begins; `direction` is in or out."""
    actor.require(permissions.IMPORT if direction == "in" else permissions.EXPORT)
    encoded = msgspec.json.encode(options)
    await tx.execute(
        transfers.INSERT, transfer_id, direction, actor.user_id, job_id, encoded, file_key
    )
    return await tx.one(transfers.FIND, transfer_id, direction)


async def get_transfer(tx: Reader, actor: Actor, transfer_id: UUID, direction: str) -> Transfer:
    """Return an import or an export."""
    actor.require(permissions.IMPORT if direction == "in" else permissions.EXPORT)
    found = await tx.one_or_none(transfers.FIND, transfer_id, direction)
    if found is None:
        raise errors.NotFound
    return found


def _check_filter(text: str | None, selection: Selection) -> None:
    if text is not None:
        selection.require(filter_language.parse(text, "/filter"))


async def count_exported(tx: Reader, actor: Actor, text: str | None) -> int:
    """Return how many customers an export would have; ExportTooLarge, FilterInvalid."""
    actor.require(permissions.EXPORT)
    selection = Selection()
    _check_filter(text, selection)
    found = await tx.one(selection.count(), *selection.values)
    if found > MOST_EXPORTED:
        raise facts.ExportTooLarge(limit=MOST_EXPORTED, found=found)
    return found


async def read_exported(
    tx: Reader, actor: Actor, text: str | None, after: Customer | None, limit: int
) -> list[Customer]:
    """Return the customers of an export behind `after`, the oldest first."""
    actor.require(permissions.EXPORT)
    selection = Selection()
    _check_filter(text, selection)
    place = None if after is None else (after.created_at, after.id)
    statement = selection.page("createdAt", place, limit)
    return await tx.all(statement, *selection.values)


async def finish_export(
    tx: Writer, actor: Actor, transfer: Transfer, *, file_key: str, size: int, customers: int
) -> CustomerExportReport:
    """Record that a file is there, and that customers left."""
    actor.require(permissions.EXPORT)
    report = CustomerExportReport(
        customers=customers,
        bytes=size,
        location=f"/api/v1/customers/exports/{transfer.id}/file",
    )
    await tx.execute(transfers.FINISH, transfer.id, msgspec.json.encode(report), file_key)
    options = msgspec.json.decode(transfer.options)
    told = events.CustomersExported(
        export_id=transfer.id, customers=customers, filter=str(options.get("filter") or "")
    )
    await emit(tx, actor, told)
    return report


async def take_rows(
    tx: Writer, actor: Actor, rows: list[Row], *, match: str, is_trial: bool
) -> Outcome:
    """Add and change customers by rows, or only find out what would become of them."""
    actor.require(permissions.IMPORT)
    outcome = Outcome()
    cleaned = _clean(rows, outcome)
    known = await _find_known(tx, cleaned, match)
    missing = await access.find_missing_owners(tx, actor, (c["owner_id"] for _, c in cleaned))
    taken = await _find_taken(tx, cleaned, known)
    plan = Plan()
    for row, values in cleaned:
        stored = known.get(values[match] or "") if match != "none" else None
        if values["owner_id"] in missing:
            outcome.problems.append(Problem(row.number, "ownerId", "Nobody active has this id"))
        elif values["reference"] in taken and (
            stored is None or values["reference"] != stored.reference
        ):
            outcome.problems.append(Problem(row.number, "reference", "Another customer has this"))
        elif stored is None:
            outcome.created += 1
            _plan_new(plan, values)
        else:
            _plan_change(plan, outcome, row, values, stored)
    if not is_trial:
        await _write(tx, actor, plan)
    return outcome


async def keep_progress(
    tx: Writer, actor: Actor, transfer: Transfer, rows_done: int, report: CustomerImportReport
) -> None:
    """Record how far an import row by row has come, together with what it did."""
    actor.require(permissions.IMPORT)
    encoded = msgspec.json.encode(report)
    await tx.execute(transfers.KEEP_PROGRESS, transfer.id, rows_done, encoded)


async def finish_import(
    tx: Writer, actor: Actor, transfer: Transfer, report: CustomerImportReport
) -> None:
    """Record how an import ended, and tell of it if it changed anything."""
    actor.require(permissions.IMPORT)
    await tx.execute(transfers.FINISH, transfer.id, msgspec.json.encode(report), None)
    if not report.dry_run and (report.created or report.updated):
        told = events.CustomersImported(
            import_id=transfer.id,
            created=report.created,
            updated=report.updated,
            failed=report.failed,
        )
        await emit(tx, actor, told)


async def forget_files(tx: Writer, actor: Actor, days: int) -> list[str]:
    """Forget the files of transfers of more than `days` days ago and return their keys."""
    actor.require(permissions.EXPORT)
    return await tx.all(transfers.FORGET_FILES, days)


Cleaned = list[tuple[Row, fields.Fields]]


def _clean(rows: list[Row], outcome: Outcome) -> Cleaned:
    cleaned: Cleaned = []
    for row in rows:
        given = {name: getattr(row.customer, name) for name in fields.COLUMNS}
        try:
            cleaned.append((row, fields.clean_fields(given)))
        except errors.Fact as fact:
            column = customer_csv.column_of(fact)
            outcome.problems.append(Problem(row.number, column, fact.detail))
    return cleaned


async def _find_known(tx: Writer, cleaned: Cleaned, match: str) -> dict[str, Customer]:
    if match == "none":
        return {}
    wanted = [values[match] for _, values in cleaned if values[match]]
    found = await tx.all(transfers.MATCHES[match], wanted)
    locked = await tx.all(queries.LOCK_MANY, [row.id for row in found])
    by_id = {row.id: row for row in locked if row.deleted_at is None}
    return {row.key: by_id[row.id] for row in found if row.id in by_id}


async def _find_taken(tx: Writer, cleaned: Cleaned, known: dict[str, Customer]) -> set[str]:
    wanted = [values["reference"] for _, values in cleaned if values["reference"]]
    return set(await tx.all(queries.LIST_TAKEN_REFERENCES, wanted))


def _plan_new(plan: Plan, values: fields.Fields) -> None:
    customer_id = ids.new_id()
    plan.new.append(fields.row_of(customer_id, values))
    plan.told.append(events.CustomerCreated(customer_id=customer_id, source="import"))


def _plan_change(
    plan: Plan, outcome: Outcome, row: Row, values: fields.Fields, stored: Customer
) -> None:
    before = fields.fields_of(stored)
    after = {**before, **{name: values[name] for name in row.given}}
    after["custom_fields"] = {**before["custom_fields"], **values["custom_fields"]}
    if "addresses" in row.given:
        after["addresses"] = [*values["addresses"], *before["addresses"][1:]]
    changed = fields.changes_of(before, after)
    if not changed:
        outcome.unchanged += 1
        return
    outcome.updated += 1
    plan.changed.append(Change(stored.id, before, after, changed))


async def _write(tx: Writer, actor: Actor, plan: Plan) -> None:
    if plan.new:
        with constraint_facts(TAKEN):
            await tx.execute(queries.INSERT_MANY, msgspec.json.encode(plan.new))
        await emit_many(tx, actor, plan.told)
    if plan.changed:
        await store_changes(tx, actor, plan.changed)
