"""`lyceum import` and `lyceum export`: content packages of this machine."""

import asyncio
import shutil
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from lyceum.packages.adapters import packing, reading, uploads
from lyceum.packages.errors import PackageRefused
from lyceum.packages.records import ExportFormat, LeftOut
from lyceum.packages.schemas import ImportReport
from lyceum.packages.service import exports
from lyceum.packages.service import imports as service
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.engines import Engines
from lyceum.platform.shell import Shell, progress_bar

# Of the time an import takes, reading is about this share.
READING = 0.8


@click.command(name="import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--instructor", required=True, metavar="EMAIL", help="Whose course it becomes.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def import_package(shell: Shell, path: Path, instructor: str, as_json: bool) -> None:
    """Import the content package PATH; importing it again updates the same course."""
    _require_readable(path)
    with progress_bar(shell) as progress:
        report = shell.with_engines(
            lambda engines: _run(engines, shell.actor, path, instructor, progress)
        )
    if as_json:
        shell.print_json(report)
    else:
        _print(shell.console, report)


@click.command(name="export")
@click.argument("course")
@click.option(
    "--format",
    "export_format",
    type=click.Choice(["cc", "lyceum"]),
    default="lyceum",
    show_default=True,
    help="Common Cartridge 1.3, or our own archive, which loses nothing.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="PATH")
@click.option("--json", "as_json", is_flag=True, help="Print what was left out as JSON.")
@click.pass_obj
def export_course(
    shell: Shell, course: str, export_format: ExportFormat, output: Path, as_json: bool
) -> None:
    """Export COURSE, an id or a slug, as a content package."""
    notes = shell.with_engines(
        lambda engines: _export(engines, shell.actor, course, export_format, output)
    )
    if as_json:
        shell.print_json({"path": str(output), "notes": notes})
        return
    shell.console.print(f"[bold]{escape(str(output))}[/bold] is written")
    for note in notes:
        shell.console.print(f"not in it: {escape(note.reason)} ({note.count})")


async def _export(
    engines: Engines, actor: Actor, course: str, export_format: ExportFormat, output: Path
) -> tuple[LeftOut, ...]:
    async with engines.database.transaction() as tx:
        course_id = await exports.require_exportable(tx, actor, course)
        whole, held = await exports.read_whole_course(tx, actor, course_id)
    async with packing.packed(engines.storage, whole, held, export_format) as package:
        try:
            await asyncio.to_thread(shutil.copyfile, package.path, output)
        except OSError as problem:
            raise errors.InvalidInput(f"{output}: {problem.strerror}") from problem
        return package.notes


def _require_readable(path: Path) -> None:
    """Say what is wrong with the file before the database is started for it."""
    try:
        with path.open("rb"):
            return
    except OSError as problem:
        raise PackageRefused(f"{path}: {problem.strerror}", reason="unreadable") from problem


async def _run(
    engines: Engines, actor: Actor, path: Path, instructor: str, progress: Progress
) -> ImportReport:
    task = progress.add_task(f"reading {escape(path.name)}", total=1.0)
    owner_id = await service.find_owner(engines.database.reader(), actor, instructor)
    import_id = ids.new_id()
    async with reading.open_package(
        path, lambda share: progress.update(task, completed=share * READING), service.RECEIVER
    ) as (course, report):
        progress.update(task, description="storing the course")
        uploaded = await uploads.upload_files(engines.storage, import_id, course.assets)
    async with engines.database.transaction() as tx:
        await service.add_import(tx, actor, import_id, owner_id=owner_id, file_name=path.name)
        return await service.store_package(
            tx,
            actor,
            import_id,
            owner_id=owner_id,
            course=course,
            report=report,
            uploaded=uploaded,
        )


def _print(console: Console, report: ImportReport) -> None:
    done = "imported" if report.is_new else "updated"
    console.print(f"[bold]{escape(report.title)}[/bold] {done} as course {report.course_id}")
    table = Table("kind", "found", "taken", "left out")
    for kind in sorted({*report.found, *report.taken, *report.left_out_counts}):
        cells = (report.found, report.taken, report.left_out_counts)
        table.add_row(escape(kind), *(str(counts.get(kind, "")) for counts in cells))
    console.print(table)
    reasons = Table("left out", "how many", "why", "what")
    for item in report.left_out:
        what = item.title or item.path or item.external_id
        reasons.add_row(escape(item.kind), str(item.count), escape(item.reason), escape(what))
    console.print(reasons)
