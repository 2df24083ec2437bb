"""Real PostgreSQL for every test: one server a run, one database a worker process.

The server is the embedded one, or that of LYCEUM_TEST_DATABASE_URL. The schema is migrated once
into a template database from which each worker's is copied.
"""

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from lyceum.app import services, web
from lyceum.app.engines import open_engines
from lyceum.app.operations import probes
from lyceum.platform import clock, ids, migrations, runner
from lyceum.platform.database import Database, Writer
from lyceum.platform.edge import Edge
from lyceum.platform.embedded import EmbeddedPostgres, start_embedded
from lyceum.platform.engines import Engines
from lyceum.platform.health import Doorkeeper
from lyceum.platform.settings import Settings, load_settings
from lyceum.platform.statements import command
from lyceum.users import api as users

SERVER = pytest.StashKey[EmbeddedPostgres]()
FOLDER = pytest.StashKey[Path]()
TEMPLATE = pytest.StashKey[str]()
BEGAN = pytest.StashKey[datetime]()
MAX_ID = 60
LEFTOVERS = 100


def _with_name(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


async def _run(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _make_template(config: pytest.Config) -> str:
    """Start the server and return the address of the migrated template database."""
    if "LYCEUM_TEST_DATABASE_URL" in os.environ:
        base = os.environ["LYCEUM_TEST_DATABASE_URL"]
    else:
        folder = Path(tempfile.mkdtemp(prefix="lyceum-test-"))
        config.stash[FOLDER] = folder
        config.stash[SERVER] = server = start_embedded(folder, durable=False)
        base = server.dsn
    template = f"template_{ids.new_id().hex}"
    asyncio.run(_run(base, f"CREATE DATABASE {template}"))
    migrations.upgrade(_with_name(base, template))
    return _with_name(base, template)


def pytest_configure(config: pytest.Config) -> None:
    """In the process that distributes the tests: start the server."""
    is_worker = hasattr(config, "workerinput")
    if not is_worker and not config.option.collectonly:
        config.stash[TEMPLATE] = _make_template(config)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name long values, and those made at random, by their argument: the names must be the same in
    every process that shares the tests."""
    text = val if isinstance(val, str) else repr(val)
    is_stable = len(text) <= MAX_ID and not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}| at 0x", text)
    return None if is_stable else argname


def pytest_configure_node(node: Any) -> None:
    """Tell a worker process where the template is."""
    node.workerinput["template"] = node.config.stash[TEMPLATE]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and remove what it wrote."""
    if SERVER in config.stash:
        config.stash[SERVER].stop()
        shutil.rmtree(config.stash[FOLDER], ignore_errors=True)
    elif TEMPLATE in config.stash:
        template = config.stash[TEMPLATE]
        name = urlsplit(template).path.removeprefix("/")
        asyncio.run(
            _run(_with_name(template, "postgres"), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        )


@pytest.fixture(scope="session")
def template_dsn(request: pytest.FixtureRequest) -> str:
    """The address of the migrated, empty template database."""
    worker = getattr(request.config, "workerinput", None)
    return worker["template"] if worker else request.config.stash[TEMPLATE]


@pytest.fixture(scope="session")
async def dsn(template_dsn: str) -> AsyncIterator[str]:
    """The address of this worker's own migrated database."""
    name = f"test_{ids.new_id().hex}"
    source = urlsplit(template_dsn).path.removeprefix("/")
    maintenance = _with_name(template_dsn, "postgres")
    # Another worker may be copying at this moment, which PostgreSQL refuses to do twice.
    for _ in range(100):
        try:
            await _run(maintenance, f"CREATE DATABASE {name} TEMPLATE {source}")
            break
        except asyncpg.ObjectInUseError:
            await asyncio.sleep(0.1)
    yield _with_name(template_dsn, name)
    await _run(maintenance, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def settings(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a test: everything embedded, no rate limits, registration open."""
    return load_settings(
        environment="test",
        data_dir=tmp_path_factory.mktemp("data"),
        database_url=dsn,
        public_url="http://academy.test",
        rate_limits="off",
        registration="open",
    )


@pytest.fixture(scope="session")
async def engines(settings: Settings, dsn: str) -> AsyncIterator[Engines]:
    """The engines of this worker process; what they commit stays until the end of the run."""
    async with open_engines(settings, dsn) as engines:
        yield engines


@pytest.fixture(scope="session")
def database(engines: Engines) -> Database:
    """The pools of this worker's database."""
    return engines.database


@pytest.fixture(scope="session")
def authenticator(engines: Engines) -> users.Authenticator:
    """What verifies tokens in this worker process."""
    return users.Authenticator(engines)


@pytest.fixture(scope="session")
def app(engines: Engines, authenticator: users.Authenticator) -> Edge:
    """The whole application, as a web process serves it."""
    return web.build(engines, Doorkeeper(probes(engines)), authenticator)


@pytest.fixture
async def client(app: Edge) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the application; what it does is committed."""
    transport = httpx.ASGITransport(cast(Any, app))
    async with httpx.AsyncClient(transport=transport, base_url="http://academy.test") as client:
        yield client


_FORGET_EVENTS = command("DELETE FROM platform.outbox WHERE occurred_at < $1 AND dead_at IS NULL")
_FORGET_JOBS = command("DELETE FROM platform.jobs WHERE state = 'waiting' AND created_at < $1")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember when a test began, before its fixtures."""
    item.stash[BEGAN] = clock.utc_now()


@pytest.fixture
async def forgotten(engines: Engines, request: pytest.FixtureRequest) -> None:
    """Forget what other tests of this worker have left to do.

    Endpoints of webhooks that nobody answers at and followers by the hundred make thousands of jobs
    of it. What this test has begun with stays.
    """
    for leftovers in (_FORGET_EVENTS, _FORGET_JOBS):
        await engines.database.sole_writer().execute(leftovers, request.node.stash[BEGAN])


@pytest.fixture
async def drain(engines: Engines, forgotten: None) -> Callable[[], Awaitable[int]]:
    """Handle every event and run every job that is due, as the worker would, and what fails of
    what this test has begun with."""
    services.load_handlers("all")

    async def settle() -> int:
        return await runner.drain(engines, users.actor_for)

    for _ in range(LEFTOVERS):
        with contextlib.suppress(Exception):
            await settle()
            break
    return settle


@pytest.fixture
async def tx(database: Database) -> AsyncIterator[Writer]:
    """A Writer whose work is rolled back after the test."""
    writer = Writer(database)
    yield writer
    await writer.abandon()
