"""`lyceum jobs`: the queues in a terminal, by the same use cases as the dashboard."""

from datetime import datetime
from typing import Any, get_args
from uuid import UUID

import click
import msgspec
from rich.markup import escape
from rich.table import Column, Table

from lyceum.app.shell import Shell
from lyceum.platform import queue_admin, queue_views
from lyceum.platform.job_status import State
from lyceum.platform.jobs import QUEUES
from lyceum.platform.queue_admin import QueuedJob

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
queue_option = click.option("--queue", type=click.Choice(QUEUES), help="Only this queue.")
name_option = click.option("--name", help="Only jobs of this name, such as users.send_welcome.")
COLOURS = {"failed": "red", "running": "green", "waiting": "yellow", "queued": "yellow"}


@click.group()
def jobs() -> None:
    """See the job queues; retry, cancel and discard jobs."""


@jobs.command(name="stats")
@as_json_option
@click.pass_obj
def show_stats(shell: Shell, as_json: bool) -> None:
    """Print counts, rates, latency and workers."""
    found = shell.run(lambda tx: queue_admin.get_overview(tx, shell.actor))
    view = queue_views.view_overview(found)
    if as_json:
        shell.print_json(view)
        return
    table = _table("queue", "waiting", "delayed", "running", "failed", "1 h", "waits ms", "runs ms")
    for queue in view.queues:
        latency = queue.latency
        table.add_row(
            queue.name, str(queue.waiting), str(queue.delayed), str(queue.running),
            f"[red]{queue.failed}[/]" if queue.failed else "0",
            str(queue.succeeded_last_hour + queue.failed_last_hour),
            f"{_milliseconds(latency.waiting_p50)}/{_milliseconds(latency.waiting_p95)}",
            f"{_milliseconds(latency.running_p50)}/{_milliseconds(latency.running_p95)}",
        )  # fmt: skip
    shell.console.print(table)
    shell.console.print("1 h: ended in the last hour; waits, runs: half/95 % within so many ms")
    for worker in view.workers:
        shell.console.print(
            f"worker {escape(worker.host)} {worker.process_id}: {worker.running} running,"
            f" services {worker.services}"
        )
    if not view.workers:
        shell.console.print("[red]no worker is running: jobs wait until one does[/]")


@jobs.command(name="list")
@click.option("--state", type=click.Choice(get_args(State)), default="failed", show_default=True)
@queue_option
@name_option
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json_option
@click.pass_obj
def list_jobs(shell: Shell, /, state: State, as_json: bool, **given: Any) -> None:
    """Print jobs in a state, the newest first."""
    found = shell.run(lambda tx: queue_admin.list_jobs(tx, shell.actor, state, **given))
    if as_json:
        shell.print_json([queue_views.view_job(job) for job in found])
        return
    for job in found:
        _print(shell, job, as_json=False)
        why = job.fault or job.error or job.note
        if why:
            shell.console.print(f"    {escape(why)}")
    shell.console.print(f"{len(found)} {state}" if found else f"nothing is {state}")


@jobs.command(name="show")
@click.argument("job_id", type=click.UUID)
@as_json_option
@click.pass_obj
def show_job(shell: Shell, job_id: UUID, as_json: bool) -> None:
    """Print all of one job, what it was asked with included."""
    job = shell.run(lambda tx: queue_admin.get_job(tx, shell.actor, job_id))
    arguments = shell.run(lambda tx: queue_admin.get_arguments(tx, shell.actor, job_id))
    view = queue_views.view_detail(job, arguments)
    if as_json:
        shell.print_json(view)
        return
    table = Table(show_header=False)
    for name, value in msgspec.to_builtins(view).items():
        table.add_row(name, "" if value is None else escape(str(value)))
    shell.console.print(table)


@jobs.command(name="retry")
@click.argument("job_id", type=click.UUID, required=False)
@click.option("--all", "all_failed", is_flag=True, help="Every failed job.")
@queue_option
@name_option
@as_json_option
@click.pass_obj
def retry(
    shell: Shell, /, job_id: UUID | None, all_failed: bool, as_json: bool, **only: str | None
) -> None:
    """Give one failed job, or many, all tries again."""
    if _is_one(job_id, all_failed, only):
        job = shell.run(lambda tx: queue_admin.retry_job(tx, shell.actor, _known(job_id)))
        _print(shell, job, as_json)
        return
    count = shell.run(lambda tx: queue_admin.retry_failed(tx, shell.actor, **only))
    _print_count(shell, count, "tried again", as_json)


@jobs.command(name="discard")
@click.argument("job_id", type=click.UUID, required=False)
@click.option("--all", "all_failed", is_flag=True, help="Every failed job.")
@queue_option
@name_option
@as_json_option
@click.pass_obj
def discard(
    shell: Shell, /, job_id: UUID | None, all_failed: bool, as_json: bool, **only: str | None
) -> None:
    """Give one failed job, or many, up."""
    if _is_one(job_id, all_failed, only):
        shell.run(lambda tx: queue_admin.discard_job(tx, shell.actor, _known(job_id)))
        _print_count(shell, 1, "given up", as_json)
        return
    count = shell.run(lambda tx: queue_admin.discard_failed(tx, shell.actor, **only))
    _print_count(shell, count, "given up", as_json)


@jobs.command(name="cancel")
@click.argument("job_id", type=click.UUID)
@as_json_option
@click.pass_obj
def cancel(shell: Shell, job_id: UUID, as_json: bool) -> None:
    """Keep a job from being run, or ask one that runs to stop."""
    _print(shell, shell.run(lambda tx: queue_admin.cancel_job(tx, shell.actor, job_id)), as_json)


@jobs.command(name="cron")
@click.option("--run", "name", help="Run the scheduled job of this name now.")
@as_json_option
@click.pass_obj
def cron(shell: Shell, name: str | None, as_json: bool) -> None:
    """Print what the clock starts, with the last and the next run."""
    if name is not None:
        job_id = shell.run(lambda tx: queue_admin.run_schedule(tx, shell.actor, name))
        job = shell.run(lambda tx: queue_admin.get_job(tx, shell.actor, job_id))
        _print(shell, job, as_json)
        return
    rows = shell.run(lambda tx: queue_admin.list_schedules(tx, shell.actor))
    views = [queue_views.view_schedule(row) for row in rows]
    if as_json:
        shell.print_json(views)
        return
    table = _table("job", "cron (UTC)", "last run", "next run")
    for view in views:
        last = _moment(view.last_started_at) if view.last_started_at else ""
        if view.last_state == "failed":
            last = f"[red]{last}[/]"
        table.add_row(view.name, view.cron, last, _moment(view.next_at))
    shell.console.print(table)


def _is_one(job_id: UUID | None, all_failed: bool, only: dict[str, str | None]) -> bool:
    """Tell whether one job is meant; refuse a call that means nothing, or two things."""
    is_many = all_failed or any(only.values())
    if (job_id is not None) == is_many:
        raise click.UsageError("name one job, or say --all, --queue or --name")
    return job_id is not None


def _known(job_id: UUID | None) -> UUID:
    if job_id is None:
        raise LookupError("no job is named")
    return job_id


def _print(shell: Shell, job: QueuedJob, as_json: bool) -> None:
    if as_json:
        shell.print_json(queue_views.view_job(job))
    else:
        since = job.finished_at or job.started_at or job.created_at
        tries = f"{job.attempts} {'try' if job.attempts == 1 else 'tries'}"
        shell.console.print(
            f"{job.id} {escape(job.name)} in {job.queue}\n"
            f"    {_coloured(job)} since {since:%Y-%m-%d %H:%M:%S} UTC, {tries}"
        )


def _print_count(shell: Shell, count: int, what: str, as_json: bool) -> None:
    if as_json:
        shell.print_json({"count": count})
    else:
        shell.console.print(f"{count} {'job' if count == 1 else 'jobs'} {what}")


def _coloured(job: QueuedJob) -> str:
    state = "stopping" if job.is_stopping else job.state
    colour = COLOURS.get(job.state)
    return f"[{colour}]{state}[/]" if colour else state


def _moment(at: datetime) -> str:
    return f"{at:%d %b %H:%M}"


def _table(*titles: str) -> Table:
    """Return a narrow table whose words are never cut: they are what one copies."""
    return Table(*(Column(title, no_wrap=True) for title in titles), box=None, padding=(0, 1, 0, 0))


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f}"
