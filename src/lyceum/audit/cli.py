"""`lyceum audit`: whether the trail is whole."""

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from lyceum.audit.service import verifying
from lyceum.audit.service.verifying import Report
from lyceum.platform.access import Actor
from lyceum.platform.engines import Engines
from lyceum.platform.shell import Shell, progress_bar


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
