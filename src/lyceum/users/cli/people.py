"""`lyceum users`: accounts from the command line, by the same use cases as over HTTP."""

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from lyceum.platform import errors
from lyceum.platform.database import Writer
from lyceum.platform.shell import Shell, as_json_option
from lyceum.users import api
from lyceum.users.adapters import people_csv
from lyceum.users.records import Account
from lyceum.users.schemas.accounts import NewUser, UserQuery
from lyceum.users.schemas.invitations import ImportOutcome
from lyceum.users.service import administration, factors, people_imports

ROLE_NAMES = click.Choice(["student", "instructor", "manager", "admin", "super_admin"])


@click.group()
def users() -> None:
    """List and manage accounts."""


@users.command(name="list")
@click.option("--search", help="Part of a name or an email address.")
@click.option("--role", type=ROLE_NAMES, help="Only people with this role.")
@click.option("--page", type=click.IntRange(1, 1_000_000), default=1, help="The page, from 1.")
@click.option("--per-page", type=click.IntRange(1, 100), default=50, help="Accounts on a page.")
@as_json_option
@click.pass_obj
def list_users(shell: Shell, /, as_json: bool, **given: Any) -> None:
    """Print accounts, the newest first."""
    query = UserQuery(**{k: v for k, v in given.items() if v is not None})
    rows, total = shell.run(lambda tx: administration.list_accounts(tx, shell.actor, query))
    if as_json:
        shell.print_json([_facts(row) for row in rows])
        return
    _print_table(shell, rows)
    shell.console.print(f"{len(rows)} of {total}")


@users.command(name="create")
@click.argument("email")
@click.option("--first-name", required=True)
@click.option("--last-name", default="")
@click.option("--role", type=ROLE_NAMES, default="student", show_default=True)
@click.password_option(help="Asked for if not given.")
@as_json_option
@click.pass_obj
def create_user(
    shell: Shell,
    email: str,
    first_name: str,
    last_name: str,
    role: Any,
    password: str,
    as_json: bool,
) -> None:
    """Make an account whose address counts as proved."""
    new = NewUser(
        email=email, password=password, first_name=first_name, last_name=last_name, roles=(role,)
    )
    _print(
        shell, shell.run(lambda tx: administration.create_account(tx, shell.actor, new)), as_json
    )


@users.command(name="import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would come of it.")
@click.option("--invite", is_flag=True, help="Mail everybody a link to set a password.")
@as_json_option
@click.pass_obj
def import_users(shell: Shell, path: Path, dry_run: bool, invite: bool, as_json: bool) -> None:
    """Make accounts of the people in the CSV file PATH (email, firstName, lastName, roles)."""
    try:
        people = people_csv.read_people(path.read_text("utf-8"))
    except UnicodeDecodeError as problem:
        raise errors.InvalidInput("The file is not UTF-8.") from problem

    async def work(tx: Writer) -> list[ImportOutcome]:
        return await people_imports.import_people(
            tx, shell.actor, people, is_dry_run=dry_run, sends_invitations=invite
        )

    outcomes = shell.run(work)
    report = people_imports.make_report(None, shell.actor, outcomes, is_dry_run=dry_run)
    if as_json:
        shell.print_json(report)
        return
    table = Table("line", "email", "outcome", "why")
    for row in report.rows:
        table.add_row(str(row.line), escape(row.email), row.outcome, escape(row.message))
    shell.console.print(table)
    done = "would be made" if dry_run else "made"
    shell.console.print(f"{report.created} {done}, {report.existing} there, {report.refused} not")


@users.command(name="set-role")
@click.argument("email")
@click.argument("role", type=ROLE_NAMES)
@as_json_option
@click.pass_obj
def set_role(shell: Shell, email: str, role: str, as_json: bool) -> None:
    """Give the person with EMAIL the ROLE in place of the present ones."""

    async def work(tx: Writer) -> Account:
        person = await _person(tx, email)
        return await administration.change_roles(
            tx, shell.actor, person.user_id, (role,), if_match=None
        )

    _print(shell, shell.run(work), as_json)


@users.command(name="suspend")
@click.argument("email")
@as_json_option
@click.pass_obj
def suspend_user(shell: Shell, email: str, as_json: bool) -> None:
    """Shut the person with EMAIL out at once."""

    async def work(tx: Writer) -> Account:
        person = await _person(tx, email)
        return await administration.suspend(tx, shell.actor, person.user_id)

    _print(shell, shell.run(work), as_json)


@users.command(name="reset-mfa")
@click.argument("email")
@as_json_option
@click.pass_obj
def reset_mfa(shell: Shell, email: str, as_json: bool) -> None:
    """Take every second factor from the person with EMAIL, who has lost them."""

    async def work(tx: Writer) -> Account:
        person = await _person(tx, email)
        await factors.reset_factors(tx, shell.actor, person.user_id)
        return await administration.get_account(tx, shell.actor, person.user_id)

    _print(shell, shell.run(work), as_json)


async def _person(tx: Writer, email: str) -> api.Person:
    person = await api.find_person_by_email(tx, email)
    if person is None:
        raise errors.NotFound(f"Nobody has the address {email}.")
    return person


def _facts(row: Account) -> dict[str, Any]:
    return {
        "id": row.id,
        "email": row.email,
        "name": row.display_name,
        "roles": row.roles,
        "status": row.status,
        "createdAt": row.created_at,
    }


def _print(shell: Shell, row: Account, as_json: bool) -> None:
    if as_json:
        shell.print_json(_facts(row))
    else:
        _print_table(shell, [row])


def _print_table(shell: Shell, rows: list[Account]) -> None:
    table = Table("email", "name", "roles", "status")
    for row in rows:
        table.add_row(row.email, row.display_name, ", ".join(row.roles), row.status)
    shell.console.print(table)
