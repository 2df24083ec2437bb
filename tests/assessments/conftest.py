"""The door of assessments, in process."""

from collections.abc import AsyncIterator

import httpx
import pytest

from lyceum.app.http import build_app
from lyceum.assessments.http import routes
from lyceum.platform.engines import Engines
from lyceum.users.api import Authenticator


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(engines, routes.all, authenticator=Authenticator(engines), watch=None)
    transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://academy.test") as client:
        yield client
