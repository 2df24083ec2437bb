"""The command `lyceum`: which commands there are. Each is imported when it is called, because
importing all of them takes longer than starting the supervisor.
"""

import importlib
from pathlib import Path
from typing import Any, Final, cast

import click

from lyceum.app.serve import PortTaken
from lyceum.app.service_names import UnknownService
from lyceum.platform import errors, logs, migrations
from lyceum.platform.embedded import EmbeddedUnavailable
from lyceum.platform.settings import SettingsInvalid, load_settings

COMMANDS: Final = {
    "audit": "lyceum.audit.cli:audit",
    "customers": "lyceum.customers.cli:customers",
    "doctor": "lyceum.app.commands:doctor",
    "events": "lyceum.app.events_command:events",
    "export": "lyceum.packages.cli:export_course",
    "import": "lyceum.packages.cli:import_package",
    "jobs": "lyceum.app.jobs_command:jobs",
    "keys": "lyceum.users.cli.keys:keys",
    "migrate": "lyceum.app.commands:migrate",
    "seed": "lyceum.app.commands:seed",
    "serve": "lyceum.app.serve_command:serve",
    "service-keys": "lyceum.users.cli.service_keys:keys",
    "settings": "lyceum.app.commands:settings",
    "users": "lyceum.users.cli.people:users",
    "worker": "lyceum.app.commands:worker",
}
EXPECTED: Final = (
    errors.Fact,
    SettingsInvalid,
    EmbeddedUnavailable,
    migrations.DatabaseUnavailable,
    migrations.UnknownRevision,
    PortTaken,
    UnknownService,
)


class _Commands(click.Group):
    """Imports a command when it is asked for; tells what is nobody's bug in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        return cast(click.Command, getattr(importlib.import_module(module), name))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EXPECTED as problem:
            detail = problem.detail if isinstance(problem, errors.Fact) else str(problem)
            click.secho(detail, fg="red", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data-dir", type=click.Path(path_type=Path), help="Data folder; ./var if not set.")
@click.version_option(package_name="lyceum")
@click.pass_context
def main(ctx: click.Context, data_dir: Path | None) -> None:
    """Lyceum: an academy's backend."""
    settings = load_settings(data_dir=data_dir)
    logs.configure(settings.log_level, settings.log_format)
    if ctx.invoked_subcommand == "serve":
        ctx.obj = settings
    else:
        ctx.obj = importlib.import_module("lyceum.app.shell").Shell(settings)
