"""What the worker does about customers: files in and out, timelines, links, sums of the counters.

The events of courses and assessments come from above: this is where the timeline hears of them.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import msgspec

from lyceum.courses.events import (
    CertificateIssued,
    CourseCompleted,
    EnrolmentCreated,
    EnrolmentDropped,
)
from lyceum.customers import events
from lyceum.customers.adapters import customer_csv
from lyceum.customers.adapters.customer_csv import Problem, Row
from lyceum.customers.errors import ImportRefused
from lyceum.customers.queries.figures import SUM_UP_TALLIES
from lyceum.customers.records import Customer, Transfer
from lyceum.customers.schemas.transfers import (
    CustomerExportReport,
    CustomerImportQuery,
    CustomerImportReport,
    CustomerRowProblem,
    NewCustomerExport,
)
from lyceum.customers.service import customers, transfers
from lyceum.platform import errors
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import handles
from lyceum.platform.jobs import JobContext, job
from lyceum.platform.storage import FileMissing, StorageUnavailable
from lyceum.users.events import UserRegistered, UserVerified

_ACTOR = system_actor("customers")
FILES: Final = "customers"
AT_A_TIME: Final = 500
LISTED: Final = 200
FILE_DAYS: Final = 7


@handles(UserVerified)
async def link_verified(tx: Writer, event: UserVerified) -> None:
    """Link a person who has proved an address to the customer that has it."""
    await customers.link_by_address(tx, _ACTOR, event.user_id)


@handles(UserRegistered)
async def link_registered(tx: Writer, event: UserRegistered) -> None:
    """Link a person whose address was proved before the account was made."""
    if event.is_verified:
        await customers.link_by_address(tx, _ACTOR, event.user_id)


@handles(EnrolmentCreated)
async def remember_enrolment(tx: Writer, event: EnrolmentCreated) -> None:
    """Put an enrolment on the customer's timeline."""
    facts = {"courseId": event.course_id, "userId": event.user_id, "source": event.source}
    await customers.remember_of_account(tx, _ACTOR, event.user_id, "enrolled", facts)


@handles(EnrolmentDropped)
async def remember_drop(tx: Writer, event: EnrolmentDropped) -> None:
    """Put the end of an enrolment on the customer's timeline."""
    facts = {"courseId": event.course_id, "userId": event.user_id}
    await customers.remember_of_account(tx, _ACTOR, event.user_id, "enrolment_dropped", facts)


@handles(CourseCompleted)
async def remember_completion(tx: Writer, event: CourseCompleted) -> None:
    """Put a completed course on the customer's timeline."""
    facts = {"courseId": event.course_id, "userId": event.user_id}
    await customers.remember_of_account(tx, _ACTOR, event.user_id, "course_completed", facts)


@handles(CertificateIssued)
async def remember_certificate(tx: Writer, event: CertificateIssued) -> None:
    """Put a certificate on the customer's timeline."""
    facts = {
        "courseId": event.course_id,
        "userId": event.user_id,
        "certificateId": event.certificate_id,
    }
    await customers.remember_of_account(tx, _ACTOR, event.user_id, "certificate_issued", facts)


@handles(events.CustomerCreated)
async def remember_creation(tx: Writer, event: events.CustomerCreated) -> None:
    """Begin the timeline."""
    await customers.remember(tx, _ACTOR, event.customer_id, "created", {"source": event.source})


@handles(events.CustomerUpdated)
async def remember_change(tx: Writer, event: events.CustomerUpdated) -> None:
    """Put a change on the timeline: which fields, and of the lifecycle from what to what."""
    facts: dict[str, object] = {"changed": event.changed}
    if "lifecycle" in event.changed:
        facts |= {"from": event.before["lifecycle"], "to": event.after["lifecycle"]}
    await customers.remember(tx, _ACTOR, event.customer_id, "changed", facts)


@handles(events.CustomerMerged)
async def remember_merge(tx: Writer, event: events.CustomerMerged) -> None:
    """Put a merge on the timeline of the record that stays."""
    facts = {"duplicateIds": event.duplicate_ids}
    await customers.remember(tx, _ACTOR, event.customer_id, "merged", facts)


@handles(events.AccountLinked)
async def remember_link(tx: Writer, event: events.AccountLinked) -> None:
    """Put the link to an account on the timeline."""
    facts = {"userId": event.user_id}
    await customers.remember(tx, _ACTOR, event.customer_id, "account_linked", facts)


@handles(events.ConsentRecorded)
async def remember_consent(tx: Writer, event: events.ConsentRecorded) -> None:
    """Put a consent, or its end, on the timeline."""
    facts = {"purpose": event.purpose, "isGiven": event.is_given, "source": event.source}
    await customers.remember(tx, _ACTOR, event.customer_id, "consent_recorded", facts)


@handles(events.NoteAdded)
async def remember_note(tx: Writer, event: events.NoteAdded) -> None:
    """Put a note on the timeline."""
    facts = {"noteId": event.note_id}
    await customers.remember(tx, _ACTOR, event.customer_id, "note_added", facts)


@job(cron="* * * * *", timeout_seconds=50)
async def sum_up_tallies(context: JobContext) -> None:
    """Sum up the counters, so that reading them stays as quick as writing them."""
    async with context.transaction() as tx:
        await tx.execute(SUM_UP_TALLIES)


@job(cron="53 * * * *", timeout_seconds=300)
async def purge_files(context: JobContext) -> int:
    """Delete the files of imports and exports of more than a week ago; return how many."""
    async with context.transaction() as tx:
        keys = await transfers.forget_files(tx, _ACTOR, FILE_DAYS)
    for key in keys:
        await context.engines.storage.delete(key)
    return len(keys)


@job(timeout_seconds=900)
async def import_customers(context: JobContext, *, transfer_id: UUID) -> CustomerImportReport:
    """Take a file of customers; run again it goes on where it was."""
    actor = context.actor
    transfer = await transfers.get_transfer(context.reader(), actor, transfer_id, "in")
    if transfer.finished_at is not None and transfer.report is not None:
        return msgspec.json.decode(transfer.report, type=CustomerImportReport)
    options = msgspec.json.decode(transfer.options, type=CustomerImportQuery)
    try:
        data = await _fetch(context, transfer)
        rows, problems = await asyncio.to_thread(customer_csv.read, data, options.match)
    except ImportRefused as refused:
        report = _report(transfer, options, 0, transfers.Outcome(), problem=refused.detail)
        return await _end_import(context, transfer, report)
    if options.mode == "all-or-nothing" and not options.dry_run:
        report = await _import_all(context, transfer, options, rows, problems)
    else:
        report = await _import_rows(context, transfer, options, rows, problems)
    return await _end_import(context, transfer, report)


@job(timeout_seconds=900)
async def export_customers(context: JobContext, *, transfer_id: UUID) -> CustomerExportReport:
    """Write customers to a file; run again it writes the file again."""
    actor = context.actor
    transfer = await transfers.get_transfer(context.reader(), actor, transfer_id, "out")
    if transfer.finished_at is not None and transfer.report is not None:
        return msgspec.json.decode(transfer.report, type=CustomerExportReport)
    text = msgspec.json.decode(transfer.options, type=NewCustomerExport).filter
    expected = await transfers.count_exported(context.reader(), actor, text)
    written = _Written()
    key = f"{FILES}/exports/{transfer_id}.csv"
    await context.engines.storage.put(
        key, _lines(context, text, expected, written), content_type="text/csv"
    )
    async with context.transaction() as tx:
        return await transfers.finish_export(
            tx, actor, transfer, file_key=key, size=written.size, customers=written.customers
        )


class _Written(msgspec.Struct):
    customers: int = 0
    size: int = 0


async def _lines(
    context: JobContext, text: str | None, expected: int, written: _Written
) -> AsyncIterator[bytes]:
    """Yield the file; custom fields are the columns that some customer of it has."""
    keys: dict[str, None] = {}
    async for rows in _batches(context, text):
        for row in rows:
            keys.update(dict.fromkeys(msgspec.json.decode(row.custom_fields)))
    columns = sorted(keys)
    yield customer_csv.write_heading(columns).encode()
    async for rows in _batches(context, text):
        chunk = "".join(customer_csv.write_row(row, columns) for row in rows).encode()
        written.customers += len(rows)
        written.size += len(chunk)
        await context.report(written.customers / max(expected, 1), "writing")
        yield chunk


async def _batches(context: JobContext, text: str | None) -> AsyncIterator[list[Customer]]:
    after: Customer | None = None
    total = 0
    while total < transfers.MOST_EXPORTED:
        rows = await transfers.read_exported(
            context.reader(), context.actor, text, after, AT_A_TIME
        )
        if rows:
            yield rows
        if len(rows) < AT_A_TIME:
            return
        after, total = rows[-1], total + len(rows)


async def _fetch(context: JobContext, transfer: Transfer) -> bytes:
    try:
        return await context.engines.storage.get(transfer.file_key or "")
    except FileMissing as fault:
        raise ImportRefused("The file is not there any more: send it again") from fault
    except StorageUnavailable as fault:
        raise errors.ServiceUnavailable(str(fault)) from fault


async def _import_all(
    context: JobContext,
    transfer: Transfer,
    options: CustomerImportQuery,
    rows: list[Row],
    problems: list[Problem],
) -> CustomerImportReport:
    """Take every row in one transaction, or none where one is wrong."""
    total = len(rows) + len(problems)
    outcome = transfers.Outcome(problems=list(problems))
    try:
        async with context.transaction() as tx:
            for start in range(0, len(rows), AT_A_TIME):
                chunk = rows[start : start + AT_A_TIME]
                _add(outcome, await _take(tx, context, chunk, options))
                await context.report(start / max(len(rows), 1), "reading rows")
            if outcome.problems:
                raise _NothingTaken
    except _NothingTaken:
        outcome.created = outcome.updated = outcome.unchanged = 0
        told = "Nothing was taken: some rows are wrong"
        return _report(transfer, options, total, outcome, problem=told)
    return _report(transfer, options, total, outcome)


class _NothingTaken(Exception):
    """Rolls back what some rows have done because another is wrong."""


async def _import_rows(
    context: JobContext,
    transfer: Transfer,
    options: CustomerImportQuery,
    rows: list[Row],
    problems: list[Problem],
) -> CustomerImportReport:
    """Take the rows that are right, some hundreds in a transaction with how far it has come."""
    total = len(rows) + len(problems)
    outcome = transfers.Outcome(problems=list(problems))
    done = 0
    if transfer.report is not None:
        before = msgspec.json.decode(transfer.report, type=CustomerImportReport)
        done = transfer.rows_done
        outcome.created, outcome.updated = before.created, before.updated
        outcome.unchanged = before.unchanged
        outcome.problems = [Problem(p.row, p.column, p.message) for p in before.problems]
    for start in range(done, len(rows), AT_A_TIME):
        chunk = rows[start : start + AT_A_TIME]
        async with context.transaction() as tx:
            _add(outcome, await _take(tx, context, chunk, options))
            report = _report(transfer, options, total, outcome)
            await transfers.keep_progress(tx, context.actor, transfer, start + len(chunk), report)
        await context.report((start + len(chunk)) / len(rows), "reading rows")
    return _report(transfer, options, total, outcome)


async def _take(
    tx: Writer, context: JobContext, rows: list[Row], options: CustomerImportQuery
) -> transfers.Outcome:
    return await transfers.take_rows(
        tx, context.actor, rows, match=options.match, is_trial=options.dry_run
    )


def _add(outcome: transfers.Outcome, more: transfers.Outcome) -> None:
    outcome.created += more.created
    outcome.updated += more.updated
    outcome.unchanged += more.unchanged
    outcome.problems += more.problems


async def _end_import(
    context: JobContext, transfer: Transfer, report: CustomerImportReport
) -> CustomerImportReport:
    async with context.transaction() as tx:
        await transfers.finish_import(tx, context.actor, transfer, report)
    if transfer.file_key is not None:
        await context.engines.storage.delete(transfer.file_key)
    shown = report.problems[:LISTED]
    return msgspec.structs.replace(report, problems=shown)


def _report(
    transfer: Transfer,
    options: CustomerImportQuery,
    rows: int,
    outcome: transfers.Outcome,
    problem: str | None = None,
) -> CustomerImportReport:
    wrong = sorted(outcome.problems, key=lambda found: found.row)
    return CustomerImportReport(
        dry_run=options.dry_run,
        rows=rows,
        created=outcome.created,
        updated=outcome.updated,
        unchanged=outcome.unchanged,
        failed=len(wrong),
        problems=[CustomerRowProblem(row=p.row, column=p.column, message=p.message) for p in wrong],
        problem=problem,
        location=f"/api/v1/customers/imports/{transfer.id}",
    )
