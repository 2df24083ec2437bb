"""What a command of the command line works with: settings, the database, a place to print."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from rich.console import Console

from lyceum.app import services
from lyceum.app.engines import open_engines
from lyceum.app.serve import migrate
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Writer
from lyceum.platform.embedded import borrow_embedded
from lyceum.platform.engines import Engines
from lyceum.platform.settings import Settings

T = TypeVar("T")


class Shell:
    """The context object of every command."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.console = Console()
        self.notes = Console(stderr=True)
        self.actor: Actor = system_actor("command line")

    @contextmanager
    def database_as_it_is(self) -> Iterator[str]:
        """Lend the address of the database, which runs for the while if none does."""
        if self.settings.database_url:
            yield self.settings.database_url
            return
        with borrow_embedded(self.settings.data_dir) as dsn:
            yield dsn

    @contextmanager
    def database(self) -> Iterator[str]:
        """Lend the address of the database, migrated."""
        with self.database_as_it_is() as dsn:
            migrate(dsn)
            yield dsn

    def with_engines(self, work: Callable[[Engines], Awaitable[T]]) -> T:
        """Run `work` with open engines and return what it returns."""
        services.load_handlers("all")

        async def run(dsn: str) -> T:
            async with open_engines(self.settings, dsn) as engines:
                return await work(engines)

        with self.database() as dsn:
            return asyncio.run(run(dsn))

    def run(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        """Run `work` in one transaction and return what it returns."""

        async def in_transaction(engines: Engines) -> T:
            async with engines.database.transaction() as tx:
                return await work(tx)

        return self.with_engines(in_transaction)

    def print_json(self, value: Any) -> None:
        """Print a value as JSON on standard output, and nothing else."""
        print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())  # noqa: T201 - for pipes
