"""`lyceum serve`: kept apart and light, because every start waits for it."""

import importlib
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.panel import Panel

from lyceum.app import serve as supervisor
from lyceum.app.demo.accounts import DemoAccount, academy_version, account_table, load_accounts
from lyceum.app.service_names import domains_of
from lyceum.platform.settings import Settings, SettingsInvalid, environment_name, load_settings


@click.command()
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (3000).")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Data folder (./var).")
@click.option("--services", help="Comma-separated services that this process carries (all).")
@click.option("--workers", type=click.IntRange(1, 64), help="Web processes (1).")
@click.option("--demo", "with_demo", is_flag=True, help="Load the demo academy first.")
@click.pass_obj
def serve(base: Settings, /, with_demo: bool, **given: Any) -> None:
    """Run the academy: database, web and worker, until SIGTERM."""
    given["data_dir"] = given["data_dir"] or base.data_dir
    settings = load_settings(**given)
    domains_of(settings.services)
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SettingsInvalid(f"LYCEUM_DATA_DIR: cannot be made: {problem}") from problem
    options = {environment_name(k): str(v) for k, v in given.items() if v is not None}

    def announce(port: int) -> None:
        _banner(load_settings(**{**given, "port": port}), load_accounts() if with_demo else [])

    seed = (lambda dsn: _seed(settings, dsn)) if with_demo else None
    sys.exit(supervisor.serve(settings, options, seed=seed, on_ready=announce))


def _seed(settings: Settings, dsn: str) -> None:
    """Load the demo academy unless this data folder says that it was loaded."""
    marker = settings.data_dir / "demo-academy"
    version = academy_version()
    if marker.exists() and marker.read_text() == version:
        return
    importlib.import_module("lyceum.app.demo.seed").seed_once(settings, dsn)
    marker.write_text(version)


def _banner(settings: Settings, accounts: list[DemoAccount]) -> None:
    console = Console()
    base = settings.base_url
    lines = [
        f"[bold]{settings.academy_name}[/bold] is open at [link]{base}[/link]",
        f"API {base}/api/v1   documentation {base}/docs   mail {base}/dev/mail",
        f"health {base}/health   ready {base}/ready   metrics {base}/metrics",
    ]
    console.print(Panel("\n".join(lines), expand=False))
    if accounts:
        console.print(account_table(accounts))
