"""The files of a course that was copied: learners of the copy see them, and not the source."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx

from lyceum.platform.engines import Engines
from lyceum.platform.statements import sql
from tests.packages import exports
from tests.packages.test_files import PNG, package

API = "/api/v1"
PICTURE = sql("SELECT id FROM packages.files WHERE course_id = $1 AND path LIKE '%.png'", UUID)


async def test_a_copy_shows_the_pictures_of_its_source(
    engines: Engines, client: httpx.AsyncClient, drain: Callable[[], Awaitable[int]]
) -> None:
    author = await exports.headers_of(engines, await exports.person(engines.database))
    learner = await exports.headers_of(engines, await exports.person(engines.database, "student"))
    report = await exports.import_over_http(engines, client, author, package(exports.unique_run()))
    source = report["courseId"]
    copied = await client.post(f"{API}/courses/{source}/duplicate", json={}, headers=author)
    assert copied.status_code == 201, copied.text
    copy = copied.json()["data"]["id"]
    await drain()
    await client.post(f"{API}/courses/{copy}/publish", headers=author)
    await client.post(f"{API}/courses/{copy}/enroll", headers=learner)
    picture = await engines.database.reader().one(PICTURE, UUID(source))
    address = f"{API}/course-files/{picture}"
    answer = await client.get(address, headers=learner)
    assert answer.content == PNG.encode("latin-1")
    stranger = await exports.headers_of(engines, await exports.person(engines.database, "student"))
    assert (await client.get(address, headers=stranger)).status_code == 403
    # The export of the copy takes them along.
    made = await client.post(f"{API}/courses/{copy}/exports", json={}, headers=author)
    await exports.run_job(engines, made.json()["data"]["jobId"])
    shown = await client.get(f"{API}/course-exports/{made.json()['data']['id']}", headers=author)
    fetched = await client.get(shown.json()["data"]["downloadUrl"])
    other = await exports.headers_of(engines, await exports.person(engines.database))
    again = await exports.import_over_http(engines, client, other, fetched.content)
    assert again["taken"]["files"] == 2
