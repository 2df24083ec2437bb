"""The job of an import: what it refuses, what it leaves behind, and being run more than once."""

import asyncio
import gzip
import os
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from lyceum.packages import jobs
from lyceum.packages.adapters import reading, scratch
from lyceum.packages.service import imports as service
from lyceum.platform import clock, ids
from lyceum.platform.access import system_actor
from lyceum.platform.engines import Engines
from lyceum.platform.job_runs import JobRunner
from lyceum.platform.jobs import JobContext
from lyceum.platform.settings import child_environment
from lyceum.platform.statements import command, sql
from lyceum.users import api as users
from lyceum.users.service import administration
from tests.packages import archives, exports
from tests.packages.exports import IMPORTS

MIB = 1024 * 1024
COURSES_OF = sql(
    "SELECT count(*) FROM courses.courses WHERE owner_id = $1 AND deleted_at IS NULL", int
)
LECTURES_OF = sql(
    """
    SELECT count(*) FROM courses.lectures l JOIN courses.courses c ON c.id = l.course_id
    WHERE c.owner_id = $1
    """,
    int,
)
AGAIN = command(
    """
    UPDATE platform.jobs SET state = 'waiting', available_at = now(), finished_at = NULL
    WHERE id = $1
    """
)

LOSE = command("UPDATE platform.jobs SET leased_until = now() WHERE id = $1")


def course_xml(inside: str) -> bytes:
    return f'<course url_name="r" org="O" course="C">{inside}</course>'.encode()


def laughing() -> bytes:
    """Entities that stand for a billion words."""
    lines = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10 if at else "lol"}">' for at in range(10))
    document = f"<!DOCTYPE c [{lines}]>".encode() + course_xml("<chapter>&l9;</chapter>")
    return archives.tar_of(("course/course.xml", document))


HOSTILE = {
    "garbage": (b"\x00garbage" * 100, 6300, "not-an-archive"),
    "a page": (b"<!doctype html><p>x", 6300, "not-an-archive"),
    "cut off": (gzip.compress(os.urandom(5000))[:2000], 6300, "corrupt-archive"),
    "no course in it": (archives.zip_of(("readme.txt", b"x")), 6300, "unknown-format"),
    "a course of nothing": (
        archives.tar_of(("course/course.xml", course_xml("<chapter/>"))), 6300, "empty-course"),
    "a broken course": (
        archives.tar_of(("course/course.xml", b"<course")), 6300, "xml-malformed"),
    "entities": (laughing(), 6300, "xml-entities"),
    "an outside entity": (
        archives.tar_of(("course/course.xml", b'<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd"'
                         b">]>" + course_xml("<chapter>&x;</chapter>"))), 6300, "xml-entities"),
    "tar slip": (archives.tar_of(("../../slipped", b"x")), 6300, "unsafe-archive"),
    "zip slip": (archives.zip_of(("../slipped", b"x")), 6300, "unsafe-archive"),
    "an absolute path": (archives.tar_of(("/slipped", b"x")), 6300, "unsafe-archive"),
    "a drive": (archives.zip_of(("C:/slipped", b"x")), 6300, "unsafe-archive"),
    "a symbolic link": (
        archives.tar_of(archives.special("a", tarfile.SYMTYPE, "/etc/passwd")),
        6300, "unsafe-archive"),
    "a hard link": (
        archives.tar_of(archives.special("a", tarfile.LNKTYPE, "/etc/passwd")),
        6300, "unsafe-archive"),
    "a device": (
        archives.tar_of(archives.special("a", tarfile.CHRTYPE)), 6300, "unsafe-archive"),
    "names that clash": (
        archives.zip_of(("a/B", b"x"), ("a/b", b"y")), 6300, "unsafe-archive"),
    "a slip behind honest files": (
        archives.tar_of(("course/course.xml", course_xml("")), ("../slipped", b"x")),
        6300, "unsafe-archive"),
    "a bomb": (
        gzip.compress(archives.tar_of(("zeros", bytes(64 * MIB)))), 6301, "archive-too-large"),
    "a bomb that claims little": (
        gzip.compress(archives.tar_header("zeros", 4 * 1024 * MIB) + bytes(32 * MIB)),
        6301, "archive-too-large"),
    "a bomb that quotes itself": (
        archives.overlap_bomb(200, 20_000), 6300, "unsafe-archive"),
    "too many blocks": (
        archives.tar_of(("course/course.xml", course_xml("<html/>" * 60_000))),
        6301, "package-too-large"),
}  # fmt: skip


def entries(folder: Path) -> list[Path]:
    """All that is below a folder."""
    return list(folder.rglob("*"))


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
async def test_what_is_wrong_with_a_package_fails_the_job_and_leaves_nothing(
    engines: Engines, client: httpx.AsyncClient, temporary: Path, case: tuple[bytes, int, str]
) -> None:
    package, code, reason = case
    owner = await exports.person(engines.database)
    headers = await exports.headers_of(engines, owner)
    made = await exports.upload(client, headers, package)
    await exports.run_job(engines, made["jobId"])
    job = (await client.get(f"/api/v1/jobs/{made['jobId']}", headers=headers)).json()["data"]
    shown = (await client.get(f"{IMPORTS}/{made['id']}", headers=headers)).json()["data"]
    problem = shown["problem"]
    assert (job["state"], job["result"], job["error"]) == ("failed", None, problem["detail"])
    assert (problem["code"], problem["reason"]) == (code, reason)
    assert (shown["report"], shown["courseId"]) == (None, None)
    assert shown["finishedAt"] is not None
    assert str(temporary) not in str(shown)
    assert not await engines.storage.exists(f"imports/{made['id']}")
    assert entries(temporary.parent) == [temporary]
    assert await engines.database.reader().one(COURSES_OF, owner.user_id) == 0


async def test_the_same_package_three_times_at_once(
    engines: Engines, client: httpx.AsyncClient, temporary: Path
) -> None:
    owner = await exports.person(engines.database)
    headers = await exports.headers_of(engines, owner)
    package = exports.export(exports.unique_run())
    made = await asyncio.gather(*(exports.upload(client, headers, package) for _ in range(3)))
    await asyncio.gather(*(exports.run_job(engines, each["jobId"]) for each in made))
    shown = [
        (await client.get(f"{IMPORTS}/{each['id']}", headers=headers)).json()["data"]
        for each in made
    ]
    assert len({each["courseId"] for each in shown}) == 1
    assert sorted(each["report"]["isNew"] for each in shown) == [False, False, True]
    assert await engines.database.reader().one(COURSES_OF, owner.user_id) == 1
    assert await engines.database.reader().one(LECTURES_OF, owner.user_id) == 3
    assert entries(temporary) == []


async def test_a_job_that_is_run_again_after_its_end_says_the_same(
    engines: Engines, client: httpx.AsyncClient
) -> None:
    """As when the worker died between storing the course and saying so."""
    owner = await exports.person(engines.database)
    headers = await exports.headers_of(engines, owner)
    made = await exports.upload(client, headers, exports.export(exports.unique_run()))
    results = []
    for _ in range(2):
        await engines.database.sole_writer().execute(AGAIN, UUID(made["jobId"]))
        await exports.run_job(engines, made["jobId"])
        job = await client.get(f"/api/v1/jobs/{made['jobId']}", headers=headers)
        results.append(job.json()["data"]["result"])
    assert results[0] == results[1]
    assert results[0]["isNew"]
    assert await engines.database.reader().one(COURSES_OF, owner.user_id) == 1


async def test_an_upload_that_is_gone_is_said(engines: Engines, client: httpx.AsyncClient) -> None:
    headers = await exports.headers_of(engines, await exports.person(engines.database))
    made = await exports.upload(client, headers, exports.export(exports.unique_run()))
    await engines.storage.delete(f"imports/{made['id']}")
    await exports.run_job(engines, made["jobId"])
    shown = (await client.get(f"{IMPORTS}/{made['id']}", headers=headers)).json()["data"]
    assert shown["problem"]["reason"] == "upload-gone"


async def test_whoever_may_teach_no_more_imports_no_more(
    engines: Engines, client: httpx.AsyncClient
) -> None:
    owner = await exports.person(engines.database)
    headers = await exports.headers_of(engines, owner)
    made = await exports.upload(client, headers, exports.export(exports.unique_run()))
    async with engines.database.transaction() as tx:
        await administration.change_roles(
            tx, system_actor("test"), owner.require_user(), ("student",), if_match=None
        )
    await exports.run_job(engines, made["jobId"])
    job = (await client.get(f"/api/v1/jobs/{made['jobId']}", headers=headers)).json()["data"]
    assert job["state"] == "failed"
    assert "packages:import" in job["error"]
    assert not await engines.storage.exists(f"imports/{made['id']}")
    assert await engines.database.reader().one(COURSES_OF, owner.user_id) == 0


async def test_a_long_report_is_short_in_the_job_and_whole_in_the_import(
    engines: Engines, client: httpx.AsyncClient
) -> None:
    headers = await exports.headers_of(engines, await exports.person(engines.database))
    polls = "".join(f'<poll url_name="p{at}"/><html url_name="h{at}"/>' for at in range(300))
    package = exports.export(exports.unique_run(), exports.UNITS + polls)
    result = await exports.import_over_http(engines, client, headers, package)
    assert result["leftOutCounts"]["poll"] == 300
    assert len(result["leftOut"]) <= 102
    assert sum(item["count"] for item in result["leftOut"]) == sum(result["leftOutCounts"].values())


async def test_old_uploads_are_removed(engines: Engines, client: httpx.AsyncClient) -> None:
    headers = await exports.headers_of(engines, await exports.person(engines.database))
    fresh = await exports.upload(client, headers, exports.export(exports.unique_run()))
    orphan = f"imports/{ids.new_id()}"
    await engines.storage.put(orphan, b"x")
    before = (clock.utc_now() - timedelta(days=3)).timestamp()
    os.utime(engines.settings.data_dir / "files" / orphan, (before, before))
    context = JobContext(engines, ids.new_id(), 1, system_actor("test"))
    assert await jobs.purge_uploads(context) >= 1
    assert not await engines.storage.exists(orphan)
    assert await engines.storage.exists(f"imports/{fresh['id']}")


async def test_a_reading_that_nobody_waits_for_stops(temporary: Path, tmp_path: Path) -> None:
    many = {f"html/h{at}.html": "x" for at in range(3000)}
    path = archives.write(tmp_path / "a.tar", exports.export("r", **many))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    shares: list[float] = []

    def tell(share: float) -> None:
        shares.append(share)
        loop.call_soon_threadsafe(begun.set)

    async def wait_for_it() -> None:
        async with reading.open_package(path, tell, service.RECEIVER):
            raise AssertionError("it was read")

    work = asyncio.create_task(wait_for_it())
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert entries(temporary) == []
    assert max(shares) < 1.0


def test_folders_of_killed_processes_are_removed(temporary: Path) -> None:
    old, new, other = (temporary / f"{scratch.PREFIX}{name}" for name in ("old", "new", "file"))
    for folder in (old, new):
        (folder / "deep").mkdir(parents=True)
    other.write_text("no folder")
    before = (clock.utc_now() - timedelta(hours=7)).timestamp()
    for path in (old, other):
        os.utime(path, (before, before))
    with scratch.scratch_folder() as folder:
        assert folder.parent == temporary
        assert not old.exists()
    assert sorted(temporary.iterdir()) == sorted([new, other])


@asynccontextmanager
async def worker(engines: Engines, dsn: str, temporary: Path) -> AsyncIterator[Any]:
    """A worker in a process of its own, killed at the end."""
    given = {
        "DATABASE_URL": dsn, "LYCEUM_ENVIRONMENT": "test", "TMPDIR": str(temporary),
        "LYCEUM_DATA_DIR": str(engines.settings.data_dir),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from lyceum.app.cli import main; main()", "worker",
        env=child_environment(given), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until_note(
    client: httpx.AsyncClient, headers: dict[str, str], job: str, note: str
) -> None:
    async with asyncio.timeout(60):
        while True:
            shown = (await client.get(f"/api/v1/jobs/{job}", headers=headers)).json()["data"]
            if shown["note"] == note:
                return
            assert shown["state"] in {"waiting", "queued", "running"}, shown
            await asyncio.sleep(0.05)


@pytest.mark.usefixtures("forgotten")
async def test_a_worker_killed_while_it_stores_the_course(
    engines: Engines, client: httpx.AsyncClient, dsn: str, temporary: Path
) -> None:
    owner = await exports.person(engines.database)
    headers = await exports.headers_of(engines, owner)
    made = await exports.upload(client, headers, exports.export(exports.unique_run()))
    lock = await asyncpg.connect(dsn)
    try:
        # The course is written and its lectures wait for this lock, so the worker is in between.
        await lock.execute("BEGIN; LOCK TABLE courses.lectures IN SHARE MODE")
        async with worker(engines, dsn, temporary) as process:
            await until_note(client, headers, made["jobId"], "storing the course")
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
            async with asyncio.timeout(30):
                while not await lock.fetchval(waiting):  # noqa: ASYNC110 - locks do not set events
                    await asyncio.sleep(0.05)
            process.kill()
            await process.wait()
        await lock.execute("COMMIT")
        await take_over(engines, made["jobId"])
        await lock.execute("TRUNCATE platform.saq_jobs")
    finally:
        lock.terminate()
    shown = (await client.get(f"{IMPORTS}/{made['id']}", headers=headers)).json()["data"]
    assert shown["report"]["isNew"]
    assert await engines.database.reader().one(COURSES_OF, owner.user_id) == 1
    assert await engines.database.reader().one(LECTURES_OF, owner.user_id) == 3
    assert not await engines.storage.exists(f"imports/{made['id']}")


async def take_over(engines: Engines, job_id: str) -> None:
    """Run a job whose worker is gone, without waiting for the end of its lease."""
    primary = engines.database.sole_writer
    await primary().execute(LOSE, UUID(job_id))
    await JobRunner(engines, users.actor_for).recover_lost()
    await primary().execute(AGAIN, UUID(job_id))
    await exports.run_job(engines, job_id)
