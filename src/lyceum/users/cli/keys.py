"""`lyceum keys`: the keys that sign access tokens."""

import click

from lyceum.platform.shell import Shell, as_json_option
from lyceum.users.service import tokens


@click.group()
def keys() -> None:
    """Manage the keys that sign access tokens."""


@keys.command(name="list")
@as_json_option
@click.pass_obj
def list_keys(shell: Shell, as_json: bool) -> None:
    """Print the keys that verify tokens now, the newest first."""
    found = [key.kid for key in shell.run(lambda tx: tokens.list_public_keys(tx, shell.actor))]
    if as_json:
        shell.print_json(found)
    for kid in () if as_json else found:
        shell.console.print(kid, highlight=False)


@keys.command(name="rotate")
@as_json_option
@click.pass_obj
def rotate_keys(shell: Shell, as_json: bool) -> None:
    """Sign with a new key from now on; what the old one signed stays good until it expires."""
    made = shell.run(lambda tx: tokens.rotate_signing_key(tx, shell.actor, shell.settings))
    if as_json:
        shell.print_json({"kid": made.jwk.kid})
    else:
        shell.console.print(f"access tokens are signed by {made.jwk.kid} from now on")
