"""`lyceum audit`: whether the trail is whole, how long it is kept, who may write in it."""

import os
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from lyceum.audit import jobs
from lyceum.audit.adapters import database_roles, export_files
from lyceum.audit.records import Finding
from lyceum.audit.schemas import AuditFilters, ExportFormat
from lyceum.audit.service import exports, verifying
from lyceum.audit.service import retention as rules
from lyceum.audit.service.verifying import Report
from lyceum.platform.access import Actor
from lyceum.platform.engines import Engines
from lyceum.platform.shell import Shell, progress_bar


class _Moment(click.DateTime):
    """A day or a moment; without a zone it is UTC."""

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        found: datetime = super().convert(value, param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=UTC)


MOMENT: Final = _Moment(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Compute all chains anew and compare them with the anchors; 1 if anything was altered."""
    shell: Shell = ctx.obj
    with progress_bar(shell) as progress:
        report = shell.with_engines(lambda engines: _verify(engines, shell.actor, progress))
    if as_json:
        shell.print_json(report)
    else:
        _print(shell.console, report)
    if report.findings:
        ctx.exit(1)


async def _verify(engines: Engines, actor: Actor, progress: Progress) -> Report:
    task = progress.add_task("verifying", total=None)
    return await verifying.verify(
        engines.database.sole_writer(),
        actor,
        engines.storage,
        engines.settings.secret_key,
        advance=lambda done, total: progress.update(task, completed=done, total=total),
    )


def _print(console: Console, report: Report) -> None:
    looked_at = f"{report.entries} entries, {report.anchors} anchors"
    if report.removed:
        looked_at = f"{looked_at}, {report.removed} removed in their time"
    if not report.findings:
        console.print(f"[bold green]whole[/]: {looked_at}")
        return
    table = Table("what", "stream", "sequence", "detail")
    for finding in report.findings:
        place = finding.stream, finding.sequence
        shown = ("" if value is None else str(value) for value in place)
        table.add_row(finding.kind, *shown, escape(finding.detail))
    console.print(table)
    console.print(f"[bold red]altered[/]: {len(report.findings)} findings in {looked_at}")


@audit.command()
@click.option("--from", "since", type=MOMENT, help="The first day or moment (UTC).")
@click.option("--to", "until", type=MOMENT, help="The day or moment before which it ends.")
@click.option("--actor", type=click.UUID, help="What this person did.")
@click.option("--person", type=click.UUID, help="What this person did or is named in.")
@click.option("--action", help="This action alone, as course.published.")
@click.option("--result", type=click.Choice(["done", "refused"]), help="This result alone.")
@click.option(
    "--format", "export_format", type=click.Choice(["ndjson", "csv"]), default="ndjson",
    show_default=True, help="NDJSON can be checked, CSV looked at.",
)  # fmt: skip
@click.option("--out", type=click.File("wb"), required=True, help="File; - is standard output.")
@click.option("--json", "as_json", is_flag=True, help="Say how much it was as JSON.")
@click.pass_obj
def export(
    shell: Shell, /, export_format: ExportFormat, out: BinaryIO, as_json: bool, **filters: Any
) -> None:
    """Write entries with their hashes and details to a file. It is in the trail."""
    wanted = AuditFilters(**filters)
    written = exports.Written()

    async def write(engines: Engines) -> None:
        async def report(share: float, entries: int) -> None:
            progress.update(task, completed=share, description=f"{entries} entries")

        task = progress.add_task("exporting", total=1.0)
        chunks = exports.write_entries(
            engines.database.sole_writer(), shell.actor, wanted, export_format,
            written=written, report=report,
        )  # fmt: skip
        async for chunk in chunks:
            out.write(chunk)
        async with engines.database.transaction() as tx:
            await exports.tell_export(
                tx, shell.actor, wanted=wanted, export_format=export_format, written=written
            )

    with progress_bar(shell) as progress:
        shell.with_engines(write)
    if as_json:
        told = {"entries": written.entries, "sizeBytes": written.size_bytes}
        shell.notes.print_json(data=told) if out.name == "-" else shell.print_json(told)
    else:
        shell.notes.print(f"{written.entries} entries, {written.size_bytes} bytes")


@audit.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def check(ctx: click.Context, file: BinaryIO, as_json: bool) -> None:
    """Check an NDJSON export by its hashes alone, without a database; 1 if it was altered."""
    shell: Shell = ctx.obj
    findings: list[Finding] = []
    entries = 0
    size = os.fstat(file.fileno()).st_size if file.seekable() else None
    with progress_bar(shell) as progress:
        task = progress.add_task("checking", total=size)
        for length, found in export_files.check(file):
            entries += 1
            findings += found[: verifying.MOST_TOLD - len(findings)]
            progress.update(task, advance=length)
    report = Report(entries=entries, removed=0, anchors=0, findings=findings)
    if as_json:
        shell.print_json(report)
    else:
        _print(shell.console, report)
    if findings:
        ctx.exit(1)


@audit.command()
@click.option("--dry-run", is_flag=True, help="Say what is past its time, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def retention(shell: Shell, dry_run: bool, as_json: bool) -> None:
    """Remove what is past its time, as the worker does every night."""

    async def look(engines: Engines) -> list[dict[str, Any]]:
        tx = engines.database.sole_writer()
        return [
            {"class": rule.retention_class, "days": rule.days, "isHeld": rule.is_held,
             "expired": expired.entries, "removed": 0}
            for rule, expired in await rules.list_rules(tx, shell.actor)
        ]  # fmt: skip

    async def remove(engines: Engines) -> dict[str, int]:
        async def report(share: float, _: int) -> None:
            progress.update(task, completed=share)

        task = progress.add_task("removing", total=1.0)
        return await jobs.remove_all_expired(engines.database, report)

    rows = shell.with_engines(look)
    if not dry_run:
        with progress_bar(shell) as progress:
            removed = shell.with_engines(remove)
        for row in rows:
            row["removed"] = removed.get(row["class"], 0)
    if as_json:
        shell.print_json(rows)
        return
    table = Table("class", "kept", "past its time", "removed")
    for row in rows:
        kept = "for ever" if row["days"] is None else f"{row['days']} days"
        held = ", held" if row["isHeld"] else ""
        table.add_row(row["class"], kept + held, str(row["expired"]), str(row["removed"]))
    shell.console.print(table)


@audit.command()
@click.option("--program", default="lyceum_program", show_default=True, help="Role of the program.")
@click.option("--owner", default="lyceum_audit", show_default=True, help="Owner of the trail.")
@click.option("--apply", is_flag=True, help="Run it on DATABASE_URL, and print nothing.")
@click.pass_obj
def role(shell: Shell, program: str, owner: str, apply: bool) -> None:
    """Print the SQL of a database role that may read and add to the trail, and no more.

    Run it as the role that migrates, again after each migration.
    """
    try:
        text = database_roles.render(program, owner)
    except ValueError as problem:
        raise click.UsageError(str(problem)) from problem
    if not apply:
        click.echo(text)
        return
    shell.with_engines(lambda engines: database_roles.apply(engines.database.write_pool.dsn, text))
