"""The commands of the program itself. Those of a domain are in its own `cli.py`."""

import asyncio
import sys

import click
import uvloop
from rich.table import Table

from lyceum.app import doctor as doctor_module
from lyceum.app import worker as worker_process
from lyceum.app.demo import seed as demo
from lyceum.app.demo.accounts import account_table, load_accounts
from lyceum.app.service_names import domains_of
from lyceum.app.shell import Shell
from lyceum.platform import migrations
from lyceum.platform.settings import Settings, environment_name, is_set


@click.command(name="worker")
@click.option("--services", help="Comma-separated services whose event queues it consumes (all).")
@click.pass_obj
def worker(shell: Shell, services: str | None) -> None:
    """Run only the worker: events and jobs, until SIGTERM. Without RabbitMQ each worker handles
    every event, whatever it carries."""
    settings = shell.settings
    if services is not None:
        domains_of(services)
        settings = settings.model_copy(update={"services": services})
    with shell.database() as dsn:
        uvloop.run(worker_process.run(settings, dsn))


@click.command()
@click.option("--to", "revision", default="head", help="Revision to go to; `base` is none at all.")
@click.option("--sql", "as_sql", is_flag=True, help="Print the SQL and change nothing.")
@click.option("--down", is_flag=True, help="Take back every revision after --to.")
@click.pass_obj
def migrate(shell: Shell, revision: str, as_sql: bool, down: bool) -> None:
    """Bring the schema up to date, or back."""
    if as_sql:
        click.echo(migrations.render_sql(revision))
        return
    with shell.database_as_it_is() as dsn:
        asyncio.run(migrations.current_revision(dsn))  # says it well when there is no database
        if down:
            migrations.downgrade(dsn, revision)
        else:
            migrations.upgrade(dsn, revision)
        present = asyncio.run(migrations.current_revision(dsn))
    click.echo(f"the database is at {present or 'nothing'}")


@click.group()
def seed() -> None:
    """Load content of our own."""


@seed.command(name="demo")
@click.option("--json", "as_json", is_flag=True, help="Print the accounts as JSON.")
@click.pass_obj
def seed_demo(shell: Shell, as_json: bool) -> None:
    """Load the demo academy; safe to repeat."""
    shell.with_engines(demo.seed)
    if as_json:
        shell.print_json(load_accounts())
    else:
        shell.console.print(account_table(load_accounts()))


@click.command(name="settings")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def settings(shell: Shell, as_json: bool) -> None:
    """Print every setting, its value, and what it is for."""
    rows = []
    for name, field in Settings.model_fields.items():
        variable = environment_name(name)
        value = getattr(shell.settings, name)
        is_secret = name == "secret_key" or (name.endswith("_url") and "@" in str(value))
        rows.append(
            {
                "name": variable,
                "value": "********" if is_secret else None if value is None else str(value),
                "source": "environment" if is_set(variable) else "default",
                "description": field.description or "",
            }
        )
    if as_json:
        shell.print_json(rows)
        return
    table = Table("setting", "value", "from", "what it is for")
    for row in rows:
        table.add_row(*(str(row[k] or "") for k in ("name", "value", "source", "description")))
    shell.console.print(table)


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def doctor(shell: Shell, as_json: bool) -> None:
    """Say what is wrong with this installation and how to mend it; exit 1 if anything is."""
    findings = doctor_module.examine(shell.settings)
    if as_json:
        shell.print_json(findings)
    else:
        table = Table("", "what", "finding", "how to mend it")
        marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "wrong": "[red]wrong[/]"}
        for finding in findings:
            table.add_row(marks[finding.state], finding.what, finding.finding, finding.remedy)
        shell.console.print(table)
    sys.exit(1 if any(finding.state == "wrong" for finding in findings) else 0)
