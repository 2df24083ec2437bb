"""Every route of the program, and the document that describes them."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

from lyceum.app.operations import operation_routes, probes
from lyceum.app.services import routes_of
from lyceum.platform import ids
from lyceum.platform.engines import Engines
from lyceum.platform.health import Doorkeeper
from lyceum.platform.routing import Route
from tests.app.raw_http import Connection
from tests.app.servers import WebProcess


@pytest.fixture(scope="session")
def every_route(engines: Engines) -> list[Route]:
    """Every route that a process carries, the unversioned ones included."""
    routes = routes_of("all")
    return [*routes, *operation_routes(engines, Doorkeeper(probes(engines)), lambda: routes)]


@pytest.fixture
def connection(web: WebProcess) -> Iterator[Connection]:
    """A connection to the web process of a module."""
    opened = Connection(web)
    yield opened
    opened.close()


@pytest.fixture
def fresh_dsn(template_dsn: str) -> Iterator[str]:
    """The address of a migrated database of the test's own, which is dropped after it."""
    name = f"fresh_{ids.new_id().hex}"
    parts = urlsplit(template_dsn)
    source = parts.path.removeprefix("/")
    maintenance = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(maintenance, autocommit=True) as connection:
        # Another test may be copying at this moment, which PostgreSQL refuses to do twice.
        for _ in range(100):
            with contextlib.suppress(psycopg.errors.ObjectInUse):
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {source}".encode())
                break
            time.sleep(0.1)
        yield urlunsplit(parts._replace(path=f"/{name}"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    """The OpenAPI document as it is served."""
    found: dict[str, Any] = (await client.get("/openapi.json")).raise_for_status().json()
    return found
