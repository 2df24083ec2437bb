"""Open edX course exports as archives, and what is done with them over HTTP."""

import io
import secrets
import tarfile
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from lyceum.app import services
from lyceum.packages.adapters import formats, reading, uploads
from lyceum.packages.adapters.archive import DEFAULT_LIMITS, ArchiveLimits
from lyceum.packages.adapters.progress import Progress, untold
from lyceum.packages.records import PackageCourse, PackageReport
from lyceum.packages.schemas import ImportReport
from lyceum.packages.service import imports as service
from lyceum.platform import ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.job_runs import JobRunner
from lyceum.platform.links import LinkSigner
from lyceum.platform.storage import open_storage
from lyceum.users import api as users
from lyceum.users.queries.accounts import FIND_ACCOUNT
from tests.packages import archives
from tests.users import factories

IMPORTS = "/api/v1/imports"
CHOICE = (
    '<problem url_name="{name}"><p>Which one burns?</p><multiplechoiceresponse><choicegroup>'
    '<choice correct="true">Oil</choice><choice correct="false">Water</choice>'
    "</choicegroup></multiplechoiceresponse></problem>"
)
UNITS = (
    '<html url_name="read"><![CDATA[<p>Light the lantern.</p>]]></html>'
    '<video url_name="watch" youtube_id_1_0="abcdefghijk" display_name="Watch"/>'
    + CHOICE.format(name="ask")
)


def unique_run() -> str:
    return f"run-{secrets.token_hex(8)}"


def export(run: str, inside: str = UNITS, *, title: str = "Lanterns at sea", **files: str) -> bytes:
    """A course of one unit with this content; `files` are further ones by their paths."""
    course = (
        f'<course url_name="{run}" org="Org" course="C1" display_name="{title}">'
        '<chapter url_name="ch" display_name="Chapter">'
        '<sequential url_name="seq" display_name="Section">'
        f'<vertical url_name="v" display_name="Unit">{inside}</vertical>'
        "</sequential></chapter></course>"
    )
    return archive({"course.xml": course, **files})


def export_with(run: str, inside: str, files: dict[str, bytes]) -> bytes:
    """As `export`, with further files of bytes."""
    course = export(run, inside)
    with tarfile.open(fileobj=io.BytesIO(course)) as tar:
        member = tar.extractfile("course/course.xml")
        assert member is not None
        head = member.read()
    held = ((f"course/{path}", content) for path, content in files.items())
    return archives.tar_of(("course/course.xml", head), *held)


def archive(files: dict[str, str]) -> bytes:
    """A tar of the files of a course, in a folder as Open edX makes it."""
    return archives.tar_of(*((f"course/{path}", text.encode()) for path, text in files.items()))


async def store(
    tx: Writer, actor: Actor, folder: Path, package: bytes, *, owner: Actor | None = None
) -> ImportReport:
    """Read a package and store its course, as every door does."""
    path = archives.write(folder / f"{secrets.token_hex(4)}.tar", package)
    owner_id = (owner or actor).require_user()
    import_id = ids.new_id()
    storage = open_storage("memory://", LinkSigner(bytes(32)))
    async with reading.open_package(path, untold, service.RECEIVER) as (course, report):
        uploaded = await uploads.upload_files(storage, import_id, course.assets)
    await service.add_import(tx, actor, import_id, owner_id=owner_id, file_name="course.tar")
    return await service.store_package(
        tx, actor, import_id, owner_id=owner_id, course=course, report=report, uploaded=uploaded
    )


def read(
    path: Path, told: Progress = untold, limits: ArchiveLimits = DEFAULT_LIMITS
) -> tuple[PackageCourse, PackageReport]:
    """Read a package whose files are not looked at afterwards."""
    with formats.open_package(path, told, limits=limits) as found:
        return found


def check_sums(report: ImportReport) -> None:
    """Assert that all that was found was taken or left out, and that the list says the same."""
    for kind, found in report.found.items():
        assert found == report.taken.get(kind, 0) + report.left_out_counts.get(kind, 0), kind
    assert sum(report.left_out_counts.values()) == sum(item.count for item in report.left_out)
    assert all(item.reason for item in report.left_out)


def check_sums_of(report: PackageReport) -> None:
    """As `check_sums`, of a reading."""
    for kind, found in report.found.items():
        assert found == report.taken.get(kind, 0) + report.left_out_counts.get(kind, 0), kind
    assert sum(report.left_out_counts.values()) == sum(item.count for item in report.left_out)
    assert all(item.reason for item in report.left_out)


async def headers_of(engines: Engines, actor: Actor) -> dict[str, str]:
    """Sign a person in, and return the header that says so."""
    account = await engines.database.reader().one(FIND_ACCOUNT, actor.user_id)
    opened = await factories.open_session(engines.database, engines.settings, account)
    return {"authorization": f"Bearer {opened.access_token}"}


async def person(database: Database, role: str = "instructor") -> Actor:
    return factories.actor_of(await factories.store_user(database, roles=(role,)))


async def upload(
    client: httpx.AsyncClient, headers: dict[str, str], package: bytes, query: str = ""
) -> dict[str, Any]:
    """Send a package as the body; return the import, with the address of its job."""
    answer = await client.post(
        f"{IMPORTS}{query}",
        content=package,
        headers={**headers, "content-type": "application/octet-stream"},
    )
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['data']['jobId']}"
    found: dict[str, Any] = answer.json()["data"]
    return found


async def run_job(engines: Engines, job_id: str) -> None:
    """Try the job of an import once, as a worker does."""
    services.load_handlers("all")
    await JobRunner(engines, users.actor_for).run(UUID(job_id))


async def import_over_http(
    engines: Engines, client: httpx.AsyncClient, headers: dict[str, str], package: bytes
) -> dict[str, Any]:
    """Send a package, run its job, and return the report."""
    made = await upload(client, headers, package)
    await run_job(engines, made["jobId"])
    job = (await client.get(f"/api/v1/jobs/{made['jobId']}", headers=headers)).json()["data"]
    assert job["state"] == "succeeded", job
    report: dict[str, Any] = job["result"]
    return report
