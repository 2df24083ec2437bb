"""A database of its own for the tests of background work, where nobody else's events are."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from lyceum.app.engines import open_engines
from lyceum.platform import ids
from lyceum.platform.engines import Engines
from lyceum.platform.settings import Settings
from tests.platform import sample_work


@pytest.fixture(scope="session")
async def quiet_dsn(template_dsn: str) -> AsyncIterator[str]:
    """The address of a migrated database that only tests of background work use."""
    template = urlsplit(template_dsn)
    maintenance = await asyncpg.connect(urlunsplit(template._replace(path="/postgres")), timeout=10)
    name = f"quiet_{ids.new_id().hex}"
    for _ in range(100):
        try:
            source = template.path.removeprefix("/")
            await maintenance.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
            break
        except asyncpg.ObjectInUseError:
            await asyncio.sleep(0.1)
    yield urlunsplit(template._replace(path=f"/{name}"))
    await maintenance.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await maintenance.close()


@pytest.fixture(scope="session")
async def quiet_engines(
    settings: Settings, quiet_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Engines]:
    """Engines on that database."""
    own: Path = tmp_path_factory.mktemp("quiet")
    async with open_engines(settings.model_copy(update={"data_dir": own}), quiet_dsn) as engines:
        yield engines


@pytest.fixture
async def background(quiet_engines: Engines, only_samples: None) -> Engines:
    """Engines with nothing to do yet, in a program that knows the samples alone."""
    await sample_work.empty(quiet_engines.database)
    return quiet_engines


@pytest.fixture
def only_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events and jobs of the samples alone, for the length of a test."""
    monkeypatch.setattr("lyceum.platform.events._events", {})
    monkeypatch.setattr("lyceum.platform.events._subscriptions", {})
    monkeypatch.setattr("lyceum.platform.jobs._jobs", {})
    sample_work.declare()
