"""`lyceum customers`: customers from the command line, by the same use cases as over HTTP."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Table

from lyceum.customers import jobs
from lyceum.customers.adapters.record_fields import shown_fields
from lyceum.customers.records import Customer
from lyceum.customers.schemas.customers import CustomerQuery, CustomerSummary
from lyceum.customers.schemas.transfers import (
    CustomerExportReport,
    CustomerImportQuery,
    CustomerImportReport,
    NewCustomerExport,
)
from lyceum.customers.service import customers as service
from lyceum.customers.service import listing, merging, transfers
from lyceum.platform import errors, ids, wire
from lyceum.platform.access import Actor
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.shell import Shell, as_json_option, progress_bar


@click.group()
def customers() -> None:
    """Find, show, import, export and merge customers."""


@customers.command(name="list")
@click.option("--search", help="Beginnings of words in name, address, phone, reference, tax id.")
@click.option("--filter", help="An expression such as 'lifecycle = active and tag = vip'.")
@click.option(
    "--sort",
    type=click.Choice(["createdAt", "-createdAt", "updatedAt", "-updatedAt", "name", "-name"]),
    default="-createdAt",
    show_default=True,
)
@click.option("--deleted", is_flag=True, help="Those that were deleted.")
@click.option("--limit", "per_page", type=click.IntRange(1, 100), default=50, show_default=True)
@click.option("--cursor", help="Where to go on: what the page before has printed last.")
@as_json_option
@click.pass_obj
def list_customers(shell: Shell, /, as_json: bool, deleted: bool, **given: Any) -> None:
    """Print customers."""
    wanted = {name: value for name, value in given.items() if value is not None}
    wanted["perPage"] = wanted.pop("per_page")
    wanted["state"] = "deleted" if deleted else "present"
    query = wire.decode_parameters(wanted, CustomerQuery, "/query")
    rows, cursor = shell.run(lambda tx: listing.list_customers(tx, shell.actor, query))
    if as_json:
        shell.print_json({"customers": [_summary(row) for row in rows], "nextCursor": cursor})
        return
    _print_table(shell, rows)
    if cursor is not None:
        shell.notes.print(f"more: --cursor {cursor}", soft_wrap=True)


@customers.command(name="show")
@click.argument("customer_id", type=click.UUID)
@as_json_option
@click.pass_obj
def show_customer(shell: Shell, customer_id: UUID, as_json: bool) -> None:
    """Print the customer CUSTOMER_ID with all that belongs to it."""
    row, more = shell.run(lambda tx: service.get_customer(tx, shell.actor, customer_id))
    if as_json:
        shell.print_json({"customer": _summary(row), "belongings": more})
        return
    facts = msgspec.to_builtins(_summary(row)) | {
        "accounts": [str(account.user_id) for account in more.accounts],
        "groups": [group.name for group in more.groups],
    }
    table = Table("field", "value", show_header=False)
    for name, value in facts.items():
        if value not in (None, "", [], {}):
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            table.add_row(name, escape(text))
    shell.console.print(table)


@customers.command(name="import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would come of it.")
@click.option(
    "--mode", type=click.Choice(["row-by-row", "all-or-nothing"]), default="row-by-row",
    show_default=True, help="Take the rows that are right, or every row or none.",
)  # fmt: skip
@click.option(
    "--match", type=click.Choice(["reference", "email", "none"]), default="reference",
    show_default=True, help="What makes a row a known customer.",
)  # fmt: skip
@as_json_option
@click.pass_context
def import_customers(
    ctx: click.Context, path: Path, dry_run: bool, mode: Any, match: Any, as_json: bool
) -> None:
    """Import the CSV file PATH; 1 if some row was not taken."""
    shell: Shell = ctx.obj
    options = CustomerImportQuery(dry_run=dry_run, mode=mode, match=match)
    with progress_bar(shell) as bar:
        task = bar.add_task(f"reading {escape(path.name)}", total=1.0)
        report = shell.with_engines(
            lambda engines: _import(_Watched(engines, shell.actor, bar, task), path, options)
        )
    if as_json:
        shell.print_json(report)
    else:
        _print_report(shell, report)
    if report.failed or report.problem:
        ctx.exit(1)


@customers.command(name="export")
@click.option("--filter", "text", help="An expression such as 'lifecycle = active'.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="PATH")
@as_json_option
@click.pass_obj
def export_customers(shell: Shell, text: str | None, output: Path, as_json: bool) -> None:
    """Export customers as a CSV file that no spreadsheet runs."""
    with progress_bar(shell) as bar:
        task = bar.add_task("writing", total=1.0)
        report = shell.with_engines(
            lambda engines: _export(_Watched(engines, shell.actor, bar, task), text, output)
        )
    if as_json:
        shell.print_json({"path": str(output), "customers": report.customers})
    else:
        shell.console.print(f"{report.customers} customers are in {escape(str(output))}")


@customers.command(name="merge")
@click.argument("customer_id", type=click.UUID)
@click.argument("duplicate_ids", type=click.UUID, nargs=-1, required=True)
@as_json_option
@click.pass_obj
def merge_customers(
    shell: Shell, customer_id: UUID, duplicate_ids: tuple[UUID, ...], as_json: bool
) -> None:
    """Let the customers DUPLICATE_IDS go into CUSTOMER_ID; what that one has wins."""
    row = shell.run(
        lambda tx: merging.merge_customers(tx, shell.actor, customer_id, duplicate_ids, None)
    )
    if as_json:
        shell.print_json(_summary(row))
    else:
        _print_table(shell, [row])


class _Watched(JobContext):
    """Runs a job here and now, and shows how far it is."""

    def __init__(self, engines: Engines, actor: Actor, bar: Progress, task: TaskID) -> None:
        super().__init__(engines, ids.new_id(), 1, actor)
        self._bar = bar
        self._task = task

    async def report(self, progress: float, note: str = "") -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=progress, description=note or None)


async def _import(
    context: _Watched, path: Path, options: CustomerImportQuery
) -> CustomerImportReport:
    transfer_id = ids.new_id()
    key = f"{jobs.FILES}/imports/{transfer_id}.csv"
    await context.engines.storage.put(key, await asyncio.to_thread(path.read_bytes))
    await _record(context, transfer_id, "in", options, key)
    return await jobs.import_customers(context, transfer_id=transfer_id)  # type: ignore[no-any-return]


async def _export(context: _Watched, text: str | None, output: Path) -> CustomerExportReport:
    transfer_id = ids.new_id()
    await transfers.count_exported(context.reader(), context.actor, text)
    await _record(context, transfer_id, "out", NewCustomerExport(filter=text), None)
    report: CustomerExportReport = await jobs.export_customers(context, transfer_id=transfer_id)
    stored = await transfers.get_transfer(context.reader(), context.actor, transfer_id, "out")
    content = await context.engines.storage.get(stored.file_key or "")
    try:
        await asyncio.to_thread(output.write_bytes, content)
    except OSError as problem:
        raise errors.InvalidInput(f"{output}: {problem.strerror}") from problem
    return report


async def _record(
    context: _Watched, transfer_id: UUID, direction: str, options: Any, key: str | None
) -> None:
    async with context.transaction() as tx:
        await transfers.add_transfer(
            tx,
            context.actor,
            transfer_id,
            direction=direction,
            job_id=context.job_id,
            options=options,
            file_key=key,
        )


def _summary(row: Customer) -> CustomerSummary:
    return CustomerSummary(**shown_fields(row))


def _print_report(shell: Shell, report: CustomerImportReport) -> None:
    if report.problems:
        table = Table("row", "column", "why it was not taken")
        for problem in report.problems:
            table.add_row(str(problem.row), escape(problem.column), escape(problem.message))
        shell.console.print(table)
    if report.problem:
        shell.console.print(f"[red]{escape(report.problem)}[/]")
    would = "would be " if report.dry_run else ""
    shell.console.print(
        f"{report.created} {would}added, {report.updated} {would}changed,"
        f" {report.unchanged} as they were, {report.failed} not taken"
    )


def _print_table(shell: Shell, rows: list[Customer]) -> None:
    table = Table("id", "name", "email", "lifecycle", "tags")
    for row in rows:
        cells = row.name, row.email or "", row.lifecycle, ", ".join(row.tags)
        table.add_row(str(row.id), *map(escape, cells))
    shell.console.print(table)
