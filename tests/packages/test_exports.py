"""Exports: our archive makes the same course again, and nobody fetches what is not theirs."""

import asyncio
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from lyceum.packages import jobs
from lyceum.packages.adapters import (
    assets,
    faults,
    formats,
    lyceum_archive,
    packing,
    reading,
    uploads,
)
from lyceum.packages.adapters.progress import untold
from lyceum.packages.records import KeptFile, PackageCourse, PackageReport
from lyceum.packages.service import exports as service
from lyceum.packages.service import imports
from lyceum.platform import clock, ids
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.links import LinkSigner
from lyceum.platform.statements import command
from lyceum.platform.storage import Storage, open_storage
from tests.courses import factories
from tests.packages import archives, exports, generated

API = "/api/v1"
SYSTEM = system_actor("tests")
EXPIRE = command("UPDATE packages.exports SET expires_at = now() WHERE id = $1")
NO_REPORT = PackageReport(format="test", found={}, taken={}, left_out=(), left_out_counts={})


@pytest.fixture
def storage() -> Storage:
    return open_storage("memory://", LinkSigner(bytes(32)))


async def store(
    tx: Writer, storage: Storage, owner: Actor, course: PackageCourse, report: PackageReport
) -> Any:
    """Store a course as an import of its own; return its id."""
    import_id = ids.new_id()
    uploaded = await uploads.upload_files(storage, import_id, course.assets)
    await imports.add_import(
        tx, owner, import_id, owner_id=owner.require_user(), file_name="course.lyceum.zip"
    )
    made = await imports.store_package(
        tx, owner, import_id, owner_id=owner.require_user(), course=course, report=report,
        uploaded=uploaded,
    )  # fmt: skip
    return made.course_id


async def export_to(
    tx: Writer, storage: Storage, owner: Actor, course_id: Any, path: Path
) -> tuple[PackageCourse, list[KeptFile]]:
    """Export a course to a file; return what was read of it."""
    whole, held = await service.read_whole_course(tx, owner, course_id)
    async with packing.packed(storage, whole, held, "lyceum") as package:
        assert package.notes == ()
        await asyncio.to_thread(shutil.copyfile, package.path, path)
    return whole, held


def facts(file: KeptFile) -> tuple[Any, ...]:
    return file.path, file.sha256, file.media_type, file.is_for_staff, file.is_in_description


@settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(course=generated.COURSES)
async def test_an_archive_makes_the_same_course(
    tx: Writer, tmp_path: Path, storage: Storage, course: PackageCourse
) -> None:
    kept = tuple(
        assets.asset(name, archives.write(tmp_path / f"f{at}", content), is_for_staff=at == 2)
        for at, (name, content) in enumerate(generated.FILES.items())
    )
    author, other = [await factories.make_person(tx, "instructor") for _ in range(2)]
    course = msgspec.structs.replace(course, assets=kept)
    first = await store(tx, storage, author, course, NO_REPORT)
    path = tmp_path / "course.lyceum.zip"
    whole, held = await export_to(tx, storage, author, first, path)
    assert msgspec.structs.replace(whole, external_id="generated") == msgspec.structs.replace(
        course, assets=(), title=whole.title
    )
    async with reading.open_package(path, untold, imports.RECEIVER) as (read, report):
        assert report.format == "lyceum"
        exports.check_sums_of(report)
        second = await store(tx, storage, other, read, report)
    assert second != first
    again, held_again = await service.read_whole_course(tx, other, second)
    assert again == whole
    assert [facts(file) for file in held_again] == [facts(file) for file in held]
    # Again into the same course: nothing is there twice.
    async with reading.open_package(path, untold, imports.RECEIVER) as (read, report):
        assert await store(tx, storage, other, read, report) == second
    assert (await service.read_whole_course(tx, other, second))[0] == whole


async def test_a_course_made_by_hand_and_its_bytes(
    tx: Writer, tmp_path: Path, storage: Storage
) -> None:
    outline = await factories.make_published(tx)
    one, two = tmp_path / "one", tmp_path / "two"
    whole, _ = await export_to(tx, storage, outline.owner, outline.course_id, one)
    await export_to(tx, storage, outline.owner, outline.course_id, two)
    assert one.read_bytes() == two.read_bytes()
    assert whole.external_id == f"lyceum/{outline.course_id}"
    lectures = [each for chapter in whole.chapters for each in chapter.lectures]
    assert [each.is_preview for each in lectures] == [True, False, False, False]


def manifest(**changes: Any) -> dict[str, Any]:
    course = {"external_id": "x", "title": "Lanterns", "chapters": []}
    return {"format": "lyceum-course", "schema_version": 1, "course": course, **changes}


FILE = {"path": "a", "size_bytes": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "cannot be read"),
        (b"[" * 5000, "cannot be read"),
        (msgspec.json.encode(manifest(format="x")), "cannot be read"),
        (msgspec.json.encode(manifest(schema_version=2)), "newer"),
        (msgspec.json.encode(manifest(more=1)), "cannot be read"),
        (msgspec.json.encode(manifest(files=[FILE])), "missing"),
        (msgspec.json.encode(manifest(files=[{**FILE, "sha256": "../../x"}])), "cannot be read"),
        (
            msgspec.json.encode(manifest(course={"external_id": "", "title": "x"})),
            "no key",
        ),
    ],
)
def test_an_archive_that_is_not_whole_is_refused(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = archives.write(tmp_path / "a.zip", archives.zip_of(("lyceum.json", content)))
    with pytest.raises(faults.NotLyceum) as refusal, formats.open_package(path, untold):
        pass
    assert words in refusal.value.detail


def test_a_file_that_was_changed_is_noticed(tmp_path: Path) -> None:
    original = archives.write(tmp_path / "f", b"x")
    path = tmp_path / "a.zip"
    course = PackageCourse(external_id="x", title="Lanterns")
    lyceum_archive.write_archive(path, course, [assets.asset("f", original)])
    with ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    changed = [(name, b"y" if name.startswith("files/") else each) for name, each in members]
    archives.write(path, archives.zip_of(*changed))
    with pytest.raises(faults.NotLyceum), formats.open_package(path, untold):
        pass


async def asked(
    engines: Engines, client: httpx.AsyncClient, headers: dict[str, str], course_id: Any, kind: str
) -> dict[str, Any]:
    """Ask for an export, run its job, and return it."""
    answer = await client.post(
        f"{API}/courses/{course_id}/exports", json={"format": kind}, headers=headers
    )
    assert answer.status_code == 202, answer.text
    made = answer.json()["data"]
    assert answer.headers["location"] == f"{API}/jobs/{made['jobId']}"
    assert made["downloadUrl"] is None
    await exports.run_job(engines, made["jobId"])
    job = (await client.get(answer.headers["location"], headers=headers)).json()["data"]
    assert job["state"] == "succeeded", job
    shown = await client.get(job["links"]["result"], headers=headers)
    data: dict[str, Any] = shown.json()["data"]
    return data


@pytest.mark.parametrize("kind", ["lyceum", "cc"])
async def test_an_export_is_fetched_by_its_link_alone(
    engines: Engines, client: httpx.AsyncClient, tmp_path: Path, kind: str
) -> None:
    outline = await factories.store_published(engines.database)
    headers = await exports.headers_of(engines, outline.owner)
    made = await asked(engines, client, headers, outline.course_id, kind)
    assert made["problem"] is None
    assert made["fileName"].startswith("Lanterns at sea")
    link = made["downloadUrl"]
    fetched = await client.get(link)
    assert fetched.status_code == 200
    assert fetched.headers["content-disposition"].startswith('attachment; filename="Lanterns')
    assert len(fetched.content) == made["sizeBytes"]
    report = await exports.import_over_http(
        engines, client, await exports.headers_of(engines, await exports.person(engines.database)),
        fetched.content,
    )  # fmt: skip
    assert report["taken"]["lectures"] == 4
    for wrong in (
        link.replace("signature=", "signature=0"),
        link.replace("expires=1", "expires=9"),
        link.partition("?")[0],
        link.replace(made["id"], str(ids.new_id())),
        link.replace("name=", "name=x"),
    ):
        assert (await client.get(wrong)).status_code == 404, wrong
    assert (await client.head(link)).status_code == 200
    assert (await client.put(link)).status_code == 405


async def test_only_who_may_change_a_course_exports_it(
    engines: Engines, client: httpx.AsyncClient
) -> None:
    outline = await factories.store_published(engines.database)
    owner = await exports.headers_of(engines, outline.owner)
    path = f"{API}/courses/{outline.course_id}/exports"
    learner = await factories.store_person(engines.database)
    async with engines.database.transaction() as tx:
        await factories.enrol(tx, outline.course_id, learner)
    stranger = await exports.person(engines.database)
    assert (await client.post(path, json={})).status_code == 401
    for actor in (learner, stranger):
        headers = await exports.headers_of(engines, actor)
        assert (await client.post(path, json={}, headers=headers)).status_code == 403
        made = await asked(engines, client, owner, outline.course_id, "lyceum")
        seen = await client.get(f"{API}/course-exports/{made['id']}", headers=headers)
        assert seen.status_code == 404
    unknown = f"{API}/courses/{ids.new_id()}/exports"
    assert (await client.post(unknown, json={}, headers=owner)).status_code == 404
    wrong = await client.post(path, json={"format": "scorm"}, headers=owner)
    assert wrong.status_code == 422


async def test_what_expired_is_gone(engines: Engines, client: httpx.AsyncClient) -> None:
    outline = await factories.store_published(engines.database)
    headers = await exports.headers_of(engines, outline.owner)
    made = await asked(engines, client, headers, outline.course_id, "lyceum")
    async with engines.database.transaction() as tx:
        await tx.execute(EXPIRE, UUID(made["id"]))
    shown = await client.get(f"{API}/course-exports/{made['id']}", headers=headers)
    assert shown.status_code == 404
    assert (await client.get(made["downloadUrl"])).status_code == 404
    key = f"{packing.STORED}/{made['id']}"
    before = (clock.utc_now() - timedelta(days=2)).timestamp()
    os.utime(engines.settings.data_dir / "files" / key, (before, before))
    assert await jobs.purge_exports(JobContext(engines, ids.new_id(), 1, SYSTEM)) >= 1
    assert not await engines.storage.exists(key)
