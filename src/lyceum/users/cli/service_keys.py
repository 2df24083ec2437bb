"""`lyceum service-keys`: the keys by which other services sign their requests."""

from typing import Any

import click
from rich.table import Table

from lyceum.platform.shell import Shell, as_json_option
from lyceum.users.service import service_keys


@click.group(name="service-keys")
def keys() -> None:
    """Manage the keys by which other services sign their requests."""


@keys.command(name="list")
@as_json_option
@click.pass_obj
def list_keys(shell: Shell, as_json: bool) -> None:
    """Print every key; secrets are shown when a key is made, and never again."""
    found = shell.run(lambda tx: service_keys.list_service_keys(tx, shell.actor))
    if as_json:
        shell.print_json(found)
        return
    table = Table("service", "key", "made", "good until")
    for key in found:
        table.add_row(key.service, key.id, str(key.created_at), str(key.expires_at or ""))
    shell.console.print(table)


@keys.command(name="create")
@click.argument("service")
@as_json_option
@click.pass_obj
def create_key(shell: Shell, service: str, as_json: bool) -> None:
    """Make the first key of SERVICE and print its secret."""
    made = shell.run(
        lambda tx: service_keys.create_service_key(tx, shell.actor, shell.settings, service)
    )
    _print(shell, made, as_json)


@keys.command(name="rotate")
@click.argument("service")
@click.option(
    "--overlap", type=click.IntRange(0, 30 * 86_400), default=86_400, show_default=True,
    help="Seconds for which the present key is good as well.",
)  # fmt: skip
@as_json_option
@click.pass_obj
def rotate_key(shell: Shell, service: str, overlap: int, as_json: bool) -> None:
    """Make another key of SERVICE; an older one than the present ends at once."""
    made = shell.run(
        lambda tx: service_keys.rotate_service_key(
            tx, shell.actor, shell.settings, service, overlap_seconds=overlap
        )
    )
    _print(shell, made, as_json)


@keys.command(name="revoke")
@click.argument("key_id")
@click.pass_obj
def revoke_key(shell: Shell, key_id: str) -> None:
    """End the key KEY_ID at once."""
    shell.run(lambda tx: service_keys.revoke_service_key(tx, shell.actor, key_id))


def _print(shell: Shell, made: service_keys.MadeServiceKey, as_json: bool) -> None:
    facts: dict[str, Any] = {"service": made.key.service, "key": made.key.id, "secret": made.secret}
    if as_json:
        shell.print_json(facts)
        return
    for name, value in facts.items():
        shell.console.print(f"{name}: {value}", highlight=False, soft_wrap=True)
