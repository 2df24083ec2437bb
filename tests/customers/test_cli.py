"""`lyceum customers`, on a real database."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from lyceum.app.engines import open_engines
from lyceum.customers.cli import customers as commands
from lyceum.customers.service import customers as service
from lyceum.platform import errors
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.settings import Settings
from tests.customers import factories

T = TypeVar("T")


class Shell:
    """What the program gives its commands, for one database."""

    def __init__(self, settings: Settings, dsn: str) -> None:
        self.settings = settings
        self.dsn = dsn
        self.actor = system_actor("command line")
        self.console = Console(width=200)
        self.watched = io.StringIO()
        self.notes = Console(file=self.watched, force_terminal=True, width=100)

    def with_engines(self, work: Callable[[Engines], Awaitable[T]]) -> T:
        async def run() -> T:
            async with open_engines(self.settings, self.dsn) as engines:
                return await work(engines)

        return asyncio.run(run())

    def run(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        async def in_transaction(engines: Engines) -> T:
            async with engines.database.transaction() as tx:
                return await work(tx)

        return self.with_engines(in_transaction)

    def print_json(self, value: Any) -> None:
        click.echo(msgspec.json.encode(value))


@pytest.fixture
def shell(settings: Settings, dsn: str) -> Shell:
    return Shell(settings, dsn)


async def command(shell: Shell, *arguments: str) -> Result:
    """Run a command as the program does: in a thread of its own, with a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, commands, arguments, obj=shell)


async def test_a_file_comes_in_and_goes_out(shell: Shell, tmp_path: Path) -> None:
    mark, reference = factories.word(), factories.word()
    incoming = tmp_path / "in.csv"
    incoming.write_text(f"name,reference,tags\nAda,{reference},{mark}\nBob,,{mark}\n=Eve,,{mark}\n")
    tried = await command(shell, "import", str(incoming), "--dry-run", "--json")
    assert tried.exit_code == 0, tried.output
    assert json.loads(tried.output)["created"] == 3
    assert json.loads((await command(shell, "list", "--filter", f"tag = {mark}", "--json")).output)[
        "customers"
    ] == []  # fmt: skip
    done = await command(shell, "import", str(incoming))
    assert "3 added" in done.output
    assert "reading" in shell.watched.getvalue()
    listed = await command(
        shell, "list", "--filter", f"tag = {mark}", "--sort", "name", "--limit", "2", "--json"
    )
    page = json.loads(listed.output)
    assert [row["name"] for row in page["customers"]] == ["=Eve", "Ada"]
    rest = await command(
        shell, "list", "--filter", f"tag = {mark}", "--sort", "name", "--cursor",
        page["nextCursor"], "--json",
    )  # fmt: skip
    assert [row["name"] for row in json.loads(rest.output)["customers"]] == ["Bob"]
    out = tmp_path / "out.csv"
    exported = await command(shell, "export", "--filter", f"tag = {mark}", "-o", str(out), "--json")
    assert json.loads(exported.output)["customers"] == 3
    lines = out.read_text().splitlines()
    assert len(lines) == 4
    assert any("'=Eve" in line for line in lines)


async def test_rows_that_are_wrong_are_told(shell: Shell, tmp_path: Path) -> None:
    mark = factories.word()
    incoming = tmp_path / "in.csv"
    incoming.write_text(f"name,tags,country\nAda,{mark},DE\nBob,{mark},Germany\n")
    nothing = await command(shell, "import", str(incoming), "--mode", "all-or-nothing", "--json")
    report = json.loads(nothing.output)
    assert (nothing.exit_code, report["created"], report["failed"]) == (1, 0, 1)
    some = await command(shell, "import", str(incoming))
    assert some.exit_code == 1
    assert "country" in some.output
    assert "1 added" in some.output
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    refused = await command(shell, "import", str(tmp_path / "bad.csv"), "--json")
    assert (refused.exit_code, json.loads(refused.output)["created"]) == (1, 0)


async def test_duplicates_are_merged(shell: Shell, database: Database) -> None:
    one, other = await factories.store_customers(database, 2)
    merged = await command(shell, "merge", str(one.id), str(other.id), "--json")
    assert json.loads(merged.output)["id"] == str(one.id)
    gone = await command(shell, "show", str(other.id))
    assert isinstance(gone.exception, errors.Fact)
    shown = await command(shell, "show", str(one.id))
    assert one.name in shown.output
    whole = json.loads((await command(shell, "show", str(one.id), "--json")).output)
    assert whole["customer"]["id"] == str(one.id)
    found, _ = await service.get_customer(database.reader(), factories.manager(), one.id)
    assert found.version > one.version


async def test_what_cannot_be_done_is_said(shell: Shell, tmp_path: Path) -> None:
    wrong = await command(shell, "list", "--filter", "tag =")
    assert isinstance(wrong.exception, errors.Fact)
    assert (await command(shell, "show", "nobody")).exit_code == 2
    assert (await command(shell, "import", str(tmp_path / "no.csv"))).exit_code == 2
    nowhere = await command(shell, "export", "-o", str(tmp_path / "no" / "out.csv"))
    assert isinstance(nowhere.exception, errors.InvalidInput)
