"""`lyceum import`, as a program of its own."""

import asyncio
import os
import pty
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from lyceum.packages.schemas import ImportReport
from lyceum.platform.access import Actor
from lyceum.platform.database import Database
from lyceum.platform.settings import child_environment
from lyceum.platform.statements import sql
from lyceum.users import api as users
from tests.packages import archives, exports

COURSES_OF = sql("SELECT count(*) FROM courses.courses WHERE owner_id = $1", int)
IMPORTS_OF = sql(
    """
    SELECT count(*) FROM packages.imports
    WHERE owner_id = $1 AND asked_by IS NULL AND file_key IS NULL AND report IS NOT NULL
    """,
    int,
)
PROGRAM = (sys.executable, "-c", "from lyceum.app.cli import main; main()")


class Ended(NamedTuple):
    """What became of the program."""

    code: int | None
    out: str
    err: str


class Runner:
    """Runs the program on the database of the test."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.folder = folder
        self._given = {
            "DATABASE_URL": dsn, "LYCEUM_ENVIRONMENT": "test", "COLUMNS": "120",
            "LYCEUM_DATA_DIR": str(folder / "data"), "TERM": "xterm",
        }  # fmt: skip

    async def __call__(self, *arguments: str, stderr: int = asyncio.subprocess.PIPE) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, "import", *arguments,
            env=child_environment(self._given), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=stderr,
        )  # fmt: skip
        out, err = await process.communicate()
        return Ended(process.returncode, out.decode(), (err or b"").decode())


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Runner:
    return Runner(dsn, tmp_path)


async def address_of(database: Database, actor: Actor) -> str:
    person = await users.find_person(database.reader(), actor.require_user())
    assert person is not None
    return person.email


async def test_json_is_all_that_is_printed(database: Database, run: Runner) -> None:
    owner = await exports.person(database)
    email = await address_of(database, owner)
    path = archives.write(run.folder / "course.tar", exports.export(exports.unique_run()))
    first, again = [await run(str(path), "--instructor", email, "--json") for _ in range(2)]
    assert (first.code, first.err) == (0, "")
    report = msgspec.json.decode(first.out, type=ImportReport)
    exports.check_sums(report)
    plain = msgspec.json.decode(first.out)
    assert (plain["courseId"], plain["isNew"]) == (str(report.course_id), True)
    assert plain["found"]["html"] == plain["taken"]["html"] == 1
    assert plain["leftOut"] == plain["leftOutCounts"].get("nothing", [])
    assert msgspec.json.decode(again.out) == {**plain, "isNew": False}
    assert await database.reader().one(COURSES_OF, owner.user_id) == 1
    assert await database.reader().one(IMPORTS_OF, owner.user_id) == 2


async def test_two_at_once_make_one_course(database: Database, run: Runner) -> None:
    owner = await exports.person(database)
    email = await address_of(database, owner)
    path = archives.write(run.folder / "course.tar", exports.export(exports.unique_run()))
    ended = await asyncio.gather(*(run(str(path), "--instructor", email, "--json") for _ in "ab"))
    assert [each.code for each in ended] == [0, 0]
    assert len({msgspec.json.decode(each.out)["courseId"] for each in ended}) == 1
    assert await database.reader().one(COURSES_OF, owner.user_id) == 1


async def test_people_are_shown_tables_and_how_far_it_is(database: Database, run: Runner) -> None:
    email = await address_of(database, await exports.person(database))
    inside = exports.UNITS + '<poll url_name="p" display_name="[bold]Which?"/>'
    package = exports.export(exports.unique_run(), inside, title="The [red] lantern")
    path = archives.write(run.folder / "course [x].tar", package)
    ours, theirs = pty.openpty()
    ended = await run(str(path), "--instructor", email, stderr=theirs)
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "reading course [x].tar" in shown
    assert ended.code == 0
    assert "The [red] lantern imported as course" in ended.out
    assert "polls and surveys are not brought in" in ended.out
    assert "[bold]Which?" in ended.out


async def test_what_cannot_be_imported_is_said_in_one_line(database: Database, run: Runner) -> None:
    instructor = await address_of(database, await exports.person(database))
    student = await address_of(database, await exports.person(database, "student"))
    good = str(archives.write(run.folder / "good.tar", exports.export(exports.unique_run())))
    garbage = str(archives.write(run.folder / "garbage", b"\0garbage" * 100))
    slip = str(archives.write(run.folder / "slip.tar", archives.tar_of(("../slipped", b"x"))))
    missing = str(run.folder / "missing.tar")
    cases = {
        (missing, instructor): f"{missing}: No such file or directory",
        (str(run.folder), instructor): f"{run.folder}: Is a directory",
        (garbage, instructor): "The file is not a tar (plain, gz, bz2, xz) or zip archive",
        (slip, instructor): "The archive is not safe to unpack: parent-folder at '../slipped'",
        (good, "nobody@people.test"): "Nobody here has the address nobody@people.test",
        (good, "no address"): "Nobody here has the address no address",
        (good, student): f"{student} is not an instructor",
    }
    for (path, email), said in cases.items():
        ended = await run(path, "--instructor", email, "--json")
        assert (ended.code, ended.out, ended.err) == (1, "", f"{said}\n")
    assert not (run.folder.parent / "slipped").exists()
