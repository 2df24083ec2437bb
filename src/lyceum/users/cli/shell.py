"""What the program gives the commands of this domain."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import click
from rich.console import Console

from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.settings import Settings

T = TypeVar("T")

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Shell(Protocol):
    """The context object of every command."""

    actor: Actor
    console: Console
    settings: Settings

    def run(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        """Run `work` in one transaction."""

    def print_json(self, value: Any) -> None:
        """Print a value as JSON."""
