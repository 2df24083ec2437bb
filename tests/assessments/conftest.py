"""The door of assessments, in process."""

from collections.abc import AsyncIterator

import httpx
import pytest

from lyceum.assessments.http import routes
from lyceum.platform.engines import Engines
from tests.doors import open_door


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    async with open_door(engines, routes.all) as client:
        yield client
