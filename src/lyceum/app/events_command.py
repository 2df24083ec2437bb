"""`lyceum events dead`: events that could not be handled, in a terminal."""

from uuid import UUID

import click
import msgspec
from rich.markup import escape
from rich.table import Table

from lyceum.app.shell import Shell
from lyceum.platform import dead_letters, event_routes
from lyceum.platform.database import Writer

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
name_option = click.option("--name", help="Only events of this name, such as course.completed.")
consumer_option = click.option("--consumer", help="Only those that this domain could not handle.")


@click.group()
def events() -> None:
    """See what becomes of events."""


@events.group()
def dead() -> None:
    """Events that could not be handled in all their tries: see, replay or drop them."""


@dead.command(name="list")
@name_option
@consumer_option
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json_option
@click.pass_obj
def list_dead(
    shell: Shell, name: str | None, consumer: str | None, limit: int, as_json: bool
) -> None:
    """Print them in the order in which they were kept."""
    found = shell.run(
        lambda tx: dead_letters.list_dead_letters(tx, limit=limit, name=name, consumer=consumer)
    )
    if as_json:
        shell.print_json([event_routes.view(letter) for letter in found])
        return
    table = Table("id", "event", "consumer", "key", "tries", "since", "why")
    for letter in found:
        since = letter.dead_at.isoformat(" ", "seconds") if letter.dead_at else ""
        table.add_row(
            str(letter.id), letter.name, letter.consumer or "all", escape(letter.key),
            str(letter.attempts), since, escape(letter.error or ""),
        )  # fmt: skip
    shell.console.print(table if found else "no event is parked")


@dead.command(name="show")
@click.argument("dead_id", type=click.UUID)
@as_json_option
@click.pass_obj
def show_dead(shell: Shell, dead_id: UUID, as_json: bool) -> None:
    """Print one with its payload; by its id, or the event's."""
    letter = event_routes.view(shell.run(lambda tx: dead_letters.get_dead_letter(tx, dead_id)))
    if as_json:
        shell.print_json(letter)
        return
    table = Table("", "", show_header=False)
    for field, value in msgspec.to_builtins(letter).items():
        shown = msgspec.json.encode(value).decode() if field == "payload" else str(value)
        table.add_row(field, escape(shown))
    shell.console.print(table)


@dead.command(name="replay")
@click.argument("dead_id", type=click.UUID, required=False)
@click.option("--all", "replay_all", is_flag=True, help="All of them, or those that are chosen.")
@name_option
@consumer_option
@as_json_option
@click.pass_obj
def replay_dead(
    shell: Shell,
    dead_id: UUID | None,
    replay_all: bool,
    name: str | None,
    consumer: str | None,
    as_json: bool,
) -> None:
    """Deliver one again, or --all; handlers that had it are left out."""
    if (dead_id is None) != replay_all or (dead_id is not None and (name or consumer)):
        raise click.UsageError("give an id, or --all (with --name or --consumer to choose)")

    async def replay(tx: Writer) -> int:
        if dead_id is None:
            return await dead_letters.replay_dead_letters(tx, shell.actor, name, consumer=consumer)
        await dead_letters.replay_dead_letter(tx, shell.actor, dead_id)
        return 1

    count = shell.run(replay)
    if as_json:
        shell.print_json({"count": count})
    else:
        shell.console.print(f"{count} delivered again")


@dead.command(name="drop")
@click.argument("dead_id", type=click.UUID)
@as_json_option
@click.pass_obj
def drop_dead(shell: Shell, dead_id: UUID, as_json: bool) -> None:
    """Give one up for good: its effect at that consumer will not happen."""
    shell.run(lambda tx: dead_letters.drop_dead_letter(tx, shell.actor, dead_id))
    if as_json:
        shell.print_json({"dropped": str(dead_id)})
    else:
        shell.console.print("dropped")
