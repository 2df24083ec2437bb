"""`lyceum users`, on a real database."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click
import msgspec
from click.testing import CliRunner, Result
from rich.console import Console

from lyceum.platform import errors
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.settings import Settings
from lyceum.users.cli.people import users
from lyceum.users.queries import factors as factor_queries
from tests.users import factories, mfa

T = TypeVar("T")


class Shell:
    """What the program gives its commands, for one database."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.actor = system_actor("command line")
        self.console = Console(width=200)

    def run(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        async def in_transaction() -> T:
            database = Database(self.dsn)
            try:
                async with database.transaction() as tx:
                    return await work(tx)
            finally:
                await database.close()

        return asyncio.run(in_transaction())

    def print_json(self, value: Any) -> None:
        click.echo(msgspec.json.encode(value))


async def command(dsn: str, *arguments: str) -> Result:
    """Run a command as the program does: in a thread of its own, with a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, users, arguments, obj=Shell(dsn))


async def test_an_account_from_the_command_line(dsn: str) -> None:
    email = factories.unique_email()
    made = await command(
        dsn, "create", email, "--first-name", "Ida", "--role", "admin",
        "--password", factories.PASSWORD, "--json",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    facts = json.loads(made.output)
    assert (facts["email"], facts["roles"], facts["status"]) == (email, ["admin"], "active")
    listed = await command(dsn, "list", "--search", email, "--json")
    assert [one["id"] for one in json.loads(listed.output)] == [facts["id"]]
    changed = await command(dsn, "set-role", email, "instructor", "--json")
    assert json.loads(changed.output)["roles"] == ["instructor"]
    suspended = await command(dsn, "suspend", email, "--json")
    assert json.loads(suspended.output)["status"] == "suspended"
    shown = await command(dsn, "list", "--search", email)
    assert email in shown.output
    assert "suspended" in shown.output


async def test_what_cannot_be_done_is_said(dsn: str) -> None:
    unknown = await command(dsn, "suspend", "nobody@people.test")
    assert isinstance(unknown.exception, errors.NotFound)
    weak = await command(
        dsn, "create", factories.unique_email(), "--first-name", "Ida", "--password", "password"
    )
    assert isinstance(weak.exception, errors.ValidationFailed)
    assert (await command(dsn, "set-role", "a@people.test", "emperor")).exit_code == 2


async def test_whoever_lost_their_phone_gets_in_again(
    dsn: str, database: Database, settings: Settings
) -> None:
    account = await factories.store_user(database)
    async with database.transaction() as tx:
        await mfa.add_totp(tx, settings, account)
    done = await command(dsn, "reset-mfa", account.email, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["id"] == str(account.id)
    assert await database.reader().all(factor_queries.LIST_KINDS, account.id) == []
