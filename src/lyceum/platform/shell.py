"""What the program gives the commands of every domain. Not here: the commands (`cli` of each)."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.settings import Settings

T = TypeVar("T")

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Shell(Protocol):
    """The context object of every command; `notes` is for what no pipe wants."""

    actor: Actor
    console: Console
    notes: Console
    settings: Settings

    def run(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        """Run `work` in one transaction."""

    def with_engines(self, work: Callable[[Engines], Awaitable[T]]) -> T:
        """Run `work` with open engines."""

    def print_json(self, value: Any) -> None:
        """Print a value as JSON."""


def progress_bar(shell: Shell) -> Progress:
    """Return a bar that is shown while something runs, if somebody is there to see it."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=shell.notes,
        transient=True,
        disable=not shell.notes.is_terminal,
    )
