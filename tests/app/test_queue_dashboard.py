"""The queue dashboard: who gets the page, what is on it, and how it is in a real browser."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest

from lyceum.courses.jobs import render_certificate
from lyceum.platform import ids, jobs
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database
from lyceum.platform.settings import Settings
from lyceum.platform.statements import command, sql
from lyceum.users.records import Account
from tests.app.browser import Browser
from tests.app.servers import WebProcess, web_process
from tests.users import factories

SYSTEM = system_actor("test")
HOSTILE = "<script>alert('x')</script>"
_FAIL = command(
    "UPDATE platform.jobs SET state = 'failed', finished_at = now(), error = $2, fault = $2,"
    " attempts = 3 WHERE id = $1"
)
_STATE = sql("SELECT state FROM platform.jobs WHERE id = $1", str)


async def make_failed(database: Database, error: str = "It broke.") -> UUID:
    async with database.transaction() as tx:
        job_id = await jobs.enqueue(tx, SYSTEM, render_certificate, certificate_id=ids.new_id())
        await tx.execute(_FAIL, job_id, error)
    return job_id


@contextlib.asynccontextmanager
async def failed(database: Database, error: str = "It broke.") -> AsyncIterator[UUID]:
    """A failed job that is given up at the end, whatever became of it."""
    job_id = await make_failed(database, error)
    yield job_id
    connection = await asyncpg.connect(database.write_pool.dsn)
    try:
        gone = "UPDATE platform.jobs SET state = 'cancelled', finished_at = now() WHERE id = $1"
        await connection.execute(gone, job_id)
    finally:
        await connection.close()


async def bearer(database: Database, settings: Settings, person: Account) -> dict[str, str]:
    opened = await factories.open_session(database, settings, person)
    return {"authorization": f"Bearer {opened.access_token}"}


@pytest.fixture
async def admin(database: Database) -> Account:
    return await factories.store_user(database, roles=("admin",))


async def test_a_stranger_gets_a_form_and_no_figure(client: httpx.AsyncClient) -> None:
    answer = await client.get("/admin/queues")
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    assert 'type="password"' in answer.text
    assert "high-priority" not in answer.text


@pytest.mark.parametrize("role", ["student", "instructor", "manager"])
async def test_who_lacks_the_permission_is_refused(
    client: httpx.AsyncClient, database: Database, settings: Settings, role: str
) -> None:
    person = await factories.store_user(database, roles=(role,))
    headers = await bearer(database, settings, person)
    answer = await client.get("/admin/queues", headers=headers)
    assert answer.status_code == 403
    assert "queues:read" in answer.text
    assert "high-priority" not in answer.text
    assert (await client.get("/admin/queues/live", headers=headers)).status_code == 403


async def test_the_page_shows_what_there_is_and_escapes_it(
    client: httpx.AsyncClient, database: Database, settings: Settings, admin: Account
) -> None:
    headers = await bearer(database, settings, admin)
    async with failed(database, HOSTILE) as job_id:
        answer = await client.get("/admin/queues", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    for queue in jobs.QUEUES:
        assert queue in answer.text
    assert "courses.render_certificate" in answer.text
    assert f"/api/v1/admin/queues/jobs/{job_id}/retry" in answer.text
    assert HOSTILE not in answer.text
    assert "&lt;script&gt;" in answer.text


async def test_the_pages_policy_lets_nothing_of_others_run(
    client: httpx.AsyncClient, database: Database, settings: Settings, admin: Account
) -> None:
    answer = await client.get("/admin/queues", headers=await bearer(database, settings, admin))
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|\son\w+=|<script>|<style|https?://", answer.text)
    for name, kind in (("page.js", "text/javascript"), ("page.css", "text/css")):
        asset = await client.get(f"/admin/queues/{name}")
        assert asset.headers["content-type"].startswith(kind)
        again = {"if-none-match": asset.headers["etag"]}
        assert (await client.get(f"/admin/queues/{name}", headers=again)).status_code == 304


async def test_the_stream_sends_the_sections(
    client: httpx.AsyncClient, database: Database, settings: Settings, admin: Account
) -> None:
    headers = await bearer(database, settings, admin)
    told = await client.get("/admin/queues/live", params={"seconds": 0}, headers=headers)
    names = re.findall(r"^event: (\w+)$", told.text, re.MULTILINE)
    assert names == ["overview", "failed", "jobs", "schedules", "workers"]


@pytest.fixture(scope="module")
def web(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    with web_process(dsn, tmp_path_factory.mktemp("web"), LYCEUM_ACCESS_LOG="off") as web:
        yield web


@pytest.fixture(scope="module")
def own_web(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    """An academy under the address that the browser sees."""
    folder = tmp_path_factory.mktemp("own")
    with web_process(dsn, folder, LYCEUM_ACCESS_LOG="off", LYCEUM_PUBLIC_URL="") as web:
        yield web


async def test_a_stream_ends_when_its_listener_may_no_longer(
    web: WebProcess, database: Database, settings: Settings, admin: Account
) -> None:
    headers = await bearer(database, settings, admin)
    async with httpx.AsyncClient(base_url=web.url, headers=headers, timeout=30) as client:
        async with client.stream("GET", "/admin/queues/live") as stream:
            chunks = stream.aiter_bytes()
            assert (await anext(chunks)).startswith(b"event: overview\n")
            assert (await client.post("/api/v1/auth/logout")).is_success
            async with asyncio.timeout(30):
                assert [chunk async for chunk in chunks if chunk.startswith(b"event: over")] == []
        assert (await client.get("/admin/queues/live")).status_code == 401


async def test_streams_do_not_hold_up_the_end_of_the_process(
    dsn: str, database: Database, settings: Settings, admin: Account, tmp_path: Path
) -> None:
    headers = await bearer(database, settings, admin)
    with web_process(dsn, tmp_path) as web:
        async with (
            httpx.AsyncClient(base_url=web.url, headers=headers, timeout=30) as client,
            client.stream("GET", "/api/v1/admin/queues/live") as stream,
        ):
            chunks = stream.aiter_bytes()
            assert (await anext(chunks)).startswith(b"event: queues\n")
            web.process.terminate()
            async with asyncio.timeout(20):
                async for _ in chunks:
                    pass
        await asyncio.to_thread(web.process.wait, 20)


async def sign_in(browser: Browser, email: str, password: str) -> None:
    await browser.until("document.querySelector('form button:enabled')")
    await browser.run(
        f"document.querySelector('[name=email]').value = {email!r};"
        f"document.querySelector('[name=password]').value = {password!r};"
        "document.querySelector('form button').click()"
    )


@pytest.mark.services
async def test_in_a_browser(
    own_web: WebProcess, database: Database, admin: Account, tmp_path: Path
) -> None:
    async with failed(database) as job_id, Browser() as browser:
        await browser.open(f"{own_web.url}/admin/queues")
        await sign_in(browser, admin.email, "a-wrong-password-9")
        await browser.until("document.getElementById('problem').textContent")
        await sign_in(browser, admin.email, factories.PASSWORD)
        await browser.until("document.querySelector('#live-state.on')")
        retry = f"document.querySelector('[data-post$=\"{job_id}/retry\"]')"
        await browser.until(retry)
        async with failed(database, HOSTILE) as later:
            # It comes by itself, and is text.
            await browser.until(f"document.querySelector('[data-post$=\"{later}/discard\"]')")
            assert await browser.run("document.querySelectorAll('main script').length") == 0
        await browser.run(f"{retry}.click()")
        await browser.until(f"!{retry}")
        assert await database.reader().one(_STATE, job_id) in ("waiting", "cancelled")
        for width, is_dark in ((1280, False), (1280, True), (390, False), (390, True)):
            picture = tmp_path / f"{width}-{is_dark}.png"
            await browser.look(picture, width=width, is_dark=is_dark)
            assert picture.stat().st_size > 10_000
            # Nothing is cut off at the side.
            assert await browser.run("document.documentElement.scrollWidth") <= width
        refused = [said for said in browser.complaints if " 401 " not in said]
        assert refused == [], "errors of the script, or what the page's policy forbids"


@pytest.mark.services
async def test_a_browser_of_somebody_else_is_refused(
    own_web: WebProcess, database: Database
) -> None:
    student = await factories.store_user(database)
    async with Browser() as browser:
        await browser.open(f"{own_web.url}/admin/queues")
        await sign_in(browser, student.email, factories.PASSWORD)
        await browser.until("document.body.innerText.includes('queues:read')")
        assert await browser.run("document.querySelectorAll('.card dl').length") == 0
        await browser.run("document.getElementById('sign-out').click()")
        await browser.until("document.querySelector('[name=email]')")
