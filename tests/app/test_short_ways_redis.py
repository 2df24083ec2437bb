"""Known reads whose limits Redis counts, for two processes that share them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lyceum.platform.database import Database
from lyceum.platform.settings import Settings
from tests.app.raw_http import Connection, same
from tests.app.servers import web_process
from tests.courses import factories
from tests.platform.redis_line import redis_url
from tests.users import factories as users

pytestmark = pytest.mark.services

NORMAL = "X-Normal: 1"
LIMIT = 12


@pytest.fixture
def two(dsn: str, tmp_path: Path) -> Iterator[tuple[Connection, Connection]]:
    """A connection to each of two processes."""
    options = {
        "REDIS_URL": redis_url(),
        "LYCEUM_RATE_LIMITS": "on",
        "LYCEUM_RATE_LIMIT_SIGNED_IN": str(LIMIT),
    }
    with (
        web_process(dsn, tmp_path / "one", **options) as one,
        web_process(dsn, tmp_path / "two", **options) as other,
    ):
        connections = Connection(one), Connection(other)
        yield connections
        for connection in connections:
            connection.close()


async def test_they_answer_alike_and_share_the_limit(
    two: tuple[Connection, Connection], database: Database, settings: Settings
) -> None:
    outline = await factories.store_published(database)
    account = await users.store_user(database)
    opened = await users.open_session(database, settings, account)
    header = f"Authorization: Bearer {opened.access_token}"
    address = f"/api/v1/courses/{outline.course_id}"
    normal = two[0].get(address, header, NORMAL)
    answers = [normal] + [two[number % 2].get(address, header) for number in range(1, LIMIT)]
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert same(answer) == same(normal)
    left = [int(re.findall(rb"ratelimit-remaining: (\d+)", answer)[0]) for answer in answers]
    assert left == list(reversed(range(LIMIT)))
    refused, normally = two[0].get(address, header), two[1].get(address, header, NORMAL)
    assert refused.startswith(b"HTTP/1.1 429 ")
    waits = re.compile(rb"(?i)(retry-after: |again in )\d+")
    assert same(waits.sub(b"", refused)) == same(waits.sub(b"", normally))
