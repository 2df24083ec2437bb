"""The files of a package: kept under names of ours, and opened by whoever reads what shows them."""

import os
from datetime import timedelta
from typing import Any

import httpx
import pytest

from lyceum.packages import jobs
from lyceum.packages.adapters import assets, media_types, uploads
from lyceum.packages.service import files
from lyceum.platform import clock, ids
from lyceum.platform.access import system_actor
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.statements import sql
from tests.packages import exports

PNG = "\x89PNG\r\n\x1a\n" + "picture" * 40
TEXT = (
    '<html url_name="read"><![CDATA[<p>See <img src="/static/lantern.png" alt="A lantern">'
    '<a href="/static/how to.pdf">how</a> <img src="/static/gone.png" alt="gone"></p>]]></html>'
)
FILES = sql("SELECT file_key FROM packages.files WHERE course_id = $1 ORDER BY path", str)
NAMES = (
    "a.php.jpg",
    "CON",
    'a";x=.html',
    "\u202egnp.exe",
    "x" * 200 + ".png",
    "é.svg",
    ".htaccess",
)
SYSTEM = system_actor("tests")


def package(run: str, files: dict[str, bytes] | None = None, inside: str = TEXT) -> bytes:
    """A course of one text that shows two files of three, or these files."""
    plain = {"static/lantern.png": PNG.encode("latin-1"), "static/how to.pdf": b"%PDF-1.4 how"}
    held = {**plain, "static/unseen.txt": b"the key", "static/a/deep.html": b"<script>1</script>"}
    return exports.export_with(run, inside, held if files is None else files)


class Door:
    """Asks for files as somebody."""

    def __init__(self, engines: Engines, client: httpx.AsyncClient) -> None:
        self._engines, self._client = engines, client

    async def headers(self, role: str = "student") -> dict[str, str]:
        return await exports.headers_of(
            self._engines, await exports.person(self._engines.database, role)
        )

    async def publish(self, content: bytes, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Import and publish; return the course and the addresses of its files by path."""
        report = await exports.import_over_http(self._engines, self._client, headers, content)
        course_id = report["courseId"]
        await self._client.post(f"/api/v1/courses/{course_id}/publish", headers=headers)
        rows = await self._engines.database.reader().all(
            sql("SELECT path || '|' || id FROM packages.files WHERE course_id = $1", str),
            course_id,
        )
        pairs = [row.rpartition("|")[::2] for row in rows]
        return course_id, {path: f"/api/v1/course-files/{file_id}" for path, file_id in pairs}

    async def lecture(self, course_id: str, headers: dict[str, str]) -> dict[str, Any]:
        outline = await self._client.get(f"/api/v1/courses/{course_id}/chapters", headers=headers)
        lecture_id = outline.json()["data"][0]["lectures"][0]["id"]
        found = await self._client.get(f"/api/v1/lectures/{lecture_id}", headers=headers)
        data: dict[str, Any] = found.json()["data"]
        return data

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self._client.get(path, headers=headers or {})


@pytest.fixture
def door(engines: Engines, client: httpx.AsyncClient) -> Door:
    return Door(engines, client)


async def test_a_learner_sees_the_pictures_and_nobody_else_does(
    door: Door, client: httpx.AsyncClient
) -> None:
    author, learner = await door.headers("instructor"), await door.headers()
    course_id, paths = await door.publish(package(exports.unique_run()), author)
    assert len(paths) == 4
    picture = paths["static/lantern.png"]
    assert (await door.get(picture)).status_code == 401
    other = await door.headers()
    assert (await door.get(picture, other)).status_code == 403
    await client.post(f"/api/v1/courses/{course_id}/enroll", headers=learner)
    shown = (await door.lecture(course_id, learner))["content"]
    assert f'src="{picture}"' in shown
    assert f'href="{paths["static/how to.pdf"]}"' in shown
    assert "[gone]" in shown
    assert "package-files" not in shown
    answer = await door.get(picture, learner)
    assert answer.content == PNG.encode("latin-1")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'inline; filename="lantern.png"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-store"
    head = await client.head(picture, headers=learner)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(PNG))
    known = {**learner, "if-none-match": answer.headers["etag"]}
    assert (await door.get(picture, known)).status_code == 304
    # What no lecture shows is for staff.
    assert (await door.get(paths["static/unseen.txt"], learner)).status_code == 404
    assert (await door.get(paths["static/unseen.txt"], author)).content == b"the key"


async def test_a_draft_and_another_course_show_nothing(
    door: Door, client: httpx.AsyncClient
) -> None:
    author, learner = await door.headers("instructor"), await door.headers()
    made = await door.publish(package(exports.unique_run(), inside="<html>x</html>"), author)
    await client.post(f"/api/v1/courses/{made[0]}/enroll", headers=learner)
    hidden = await door.publish(package(exports.unique_run()), await door.headers("instructor"))
    await client.patch(
        f"/api/v1/courses/{hidden[0]}", json={"visibility": "invited"}, headers=author
    )
    for path in hidden[1].values():
        assert (await door.get(path, learner)).status_code in (403, 404)
        assert (await door.get(path, author)).status_code in (403, 404)
    missing = await door.get(f"/api/v1/course-files/{ids.new_id()}", learner)
    assert missing.status_code == 404


async def test_a_preview_shows_its_pictures_to_everybody(
    door: Door, client: httpx.AsyncClient
) -> None:
    author = await door.headers("instructor")
    course_id, paths = await door.publish(package(exports.unique_run()), author)
    lecture = await door.lecture(course_id, author)
    await client.patch(
        f"/api/v1/lectures/{lecture['id']}",
        json={"isPreview": True},
        headers={**author, "if-match": "*"},
    )
    assert (await door.get(paths["static/lantern.png"])).status_code == 200
    assert (await door.get(paths["static/unseen.txt"])).status_code == 404


@pytest.mark.parametrize(
    ("asked", "status", "content", "told"),
    [
        ("bytes=0-3", 206, b"%PDF", "bytes 0-3/12"),
        ("bytes=9-", 206, b"how", "bytes 9-11/12"),
        ("bytes=-3", 206, b"how", "bytes 9-11/12"),
        ("bytes=0-999", 206, b"%PDF-1.4 how", "bytes 0-11/12"),
        ("bytes=5-1", 200, b"%PDF-1.4 how", None),
        ("bytes=0-1,4-5", 200, b"%PDF-1.4 how", None),
        ("lines=1", 200, b"%PDF-1.4 how", None),
        ("bytes=-", 200, b"%PDF-1.4 how", None),
        ("bytes=12-", 416, None, "bytes */12"),
        ("bytes=" + "0-," * 5000, 200, b"%PDF-1.4 how", None),
    ],
)
async def test_parts_of_a_file(
    door: Door, asked: str, status: int, content: bytes | None, told: str | None
) -> None:
    author = await door.headers("instructor")
    _, paths = await door.publish(package(exports.unique_run()), author)
    answer = await door.get(paths["static/how to.pdf"], {**author, "range": asked})
    assert answer.status_code == status, answer.text
    assert answer.headers.get("content-range") == told
    if content is not None:
        assert answer.content == content


@pytest.mark.parametrize("name", NAMES)
async def test_names_of_strangers_are_only_labels(door: Door, engines: Engines, name: str) -> None:
    author = await door.headers("instructor")
    content = {f"static/{name}": b"<script>alert(1)</script>"}
    course_id, paths = await door.publish(package(exports.unique_run(), content), author)
    (key,) = await engines.database.reader().all(FILES, course_id)
    assert name not in key
    (path,) = paths.values()
    answer = await door.get(path, author)
    said = answer.headers["content-disposition"]
    assert said.startswith("attachment; filename="), said
    assert said.isascii()
    assert said.count('"') == 2
    assert answer.headers["content-type"] in ("application/octet-stream", "image/svg+xml")


async def test_importing_again_keeps_addresses_and_takes_new_content(
    door: Door, engines: Engines
) -> None:
    author, run = await door.headers("instructor"), exports.unique_run()
    course_id, paths = await door.publish(package(run), author)
    before = await engines.database.reader().all(FILES, course_id)
    again = await door.publish(package(run), author)
    assert again == (course_id, paths)
    assert await engines.database.reader().all(FILES, course_id) == before
    changed = {"static/lantern.png": PNG.encode("latin-1") + b"!", "static/new.txt": b"new"}
    later = await door.publish(package(run, changed), author)
    assert later[1].items() >= paths.items()
    answer = await door.get(paths["static/lantern.png"], author)
    assert answer.content.endswith(b"!")
    assert (await door.get(paths["static/how to.pdf"], author)).status_code == 200


async def test_what_no_course_holds_is_purged(door: Door, engines: Engines) -> None:
    author, run = await door.headers("instructor"), exports.unique_run()
    course_id, _ = await door.publish(package(run), author)
    kept = await engines.database.reader().all(FILES, course_id)
    await door.publish(package(run), author)  # uploads the same again, in vain
    before = (clock.utc_now() - timedelta(days=3)).timestamp()
    async for file in engines.storage.list(uploads.STORED):
        os.utime(engines.settings.data_dir / "files" / file.key, (before, before))
    assert await jobs.purge_files(JobContext(engines, ids.new_id(), 1, SYSTEM)) >= 4
    left = [file.key async for file in engines.storage.list(uploads.STORED)]
    assert set(kept) <= set(left)
    assert await files.list_unknown(engines.database.reader(), SYSTEM, left) == []


@pytest.mark.parametrize(
    ("name", "head", "kind", "is_shown"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n", "image/png", True),
        ("a.PNG", b"<script>", media_types.UNKNOWN, False),
        ("a.gif", b"GIF89a/*<script>", "image/gif", True),
        ("a.html", b"<html>", media_types.UNKNOWN, False),
        ("a.js", b"alert(1)", media_types.UNKNOWN, False),
        ("a.svg", b"<svg onload=1>", "image/svg+xml", False),
        ("a.xml", b"<x/>", media_types.UNKNOWN, False),
        ("a.mp4", b"\0\0\0\x18ftypmp42", "video/mp4", True),
        ("a.pdf", b"%PDF-1.7", "application/pdf", False),
        ("a.txt", b"<script>", "text/plain; charset=utf-8", True),
        ("a.docx", b"PK\x03\x04", media_types.media_type("b.docx", b"PK\x03\x04"), False),
        ("noending", b"\x89PNG\r\n\x1a\n", media_types.UNKNOWN, False),
    ],
)
def test_what_a_file_is(name: str, head: bytes, kind: str, is_shown: bool) -> None:
    assert media_types.media_type(name, head) == kind
    assert media_types.is_shown(kind) == is_shown


def test_a_forged_reference_leads_nowhere() -> None:
    forged = f'<a href="{assets.PREFIX}{"0" * 32}">x</a> {assets.reference("a")}'
    placed = assets.put_addresses(forged, {assets.token_of("a"): "/api/v1/course-files/1"})
    assert placed == '<a href="#">x</a> /api/v1/course-files/1'
