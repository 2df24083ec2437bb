"""The Moodle backup of ../shared/data, counted against its own files by the standard library."""

import re
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from lyceum.packages.records import PackageCourse, PackageReport
from tests.packages import exports, olx_trees

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "moodle"
PACKAGE = FOLDER / "lincs-build-lesson-oer.mbz"
NAMES = {
    "page": "pages", "label": "labels", "url": "urls", "resource": "resources", "book": "books",
    "forum": "forums", "assign": "assignments", "lesson": "lessons", "feedback": "other-activities",
}  # fmt: skip

pytestmark = pytest.mark.skipif(not PACKAGE.exists(), reason="../shared/data is not here")


@pytest.fixture(scope="module")
def held() -> dict[str, str]:
    with tarfile.open(PACKAGE) as tar:
        return {
            member.name: tar.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in tar
            if member.isfile() and member.name.endswith(".xml")
        }


@pytest.fixture(scope="module")
def reading() -> tuple[PackageCourse, PackageReport]:
    return exports.read(PACKAGE)


def test_what_is_found_is_what_the_backup_holds(
    reading: tuple[PackageCourse, PackageReport], held: dict[str, str]
) -> None:
    _, report = reading
    listed = re.findall(r"<modulename>(\w+)</modulename>", held["moodle_backup.xml"])
    counts = Counter(NAMES[name] for name in listed)
    assert sum(counts.values()) == 45
    for kind, count in counts.items():
        assert report.found[kind] == count, kind
    assert report.found["sections"] == sum(path.endswith("/section.xml") for path in held)
    names = re.findall(r"<filename>(.*?)</filename>", held["files.xml"])
    assert report.found["files"] == sum(name != "." for name in names)
    lessons = "".join(text for path, text in held.items() if path.endswith("/lesson.xml"))
    kinds = re.findall(r"<qtype>(\d+)</qtype>", lessons)
    assert report.found["quiz-items"] == sum(kind != "20" for kind in kinds)
    exports.check_sums_of(report)


def test_what_is_hidden_is_all_that_stays_of_the_activities(
    reading: tuple[PackageCourse, PackageReport], held: dict[str, str]
) -> None:
    course, report = reading
    hidden = sum(
        "<visible>0</visible>" in text for path, text in held.items() if path.endswith("module.xml")
    )
    kinds = {*NAMES.values()} & set(report.left_out_counts)
    left = sum(report.left_out_counts[kind] for kind in kinds)
    assert left == hidden
    assert len(course.assets) == report.taken["files"] == report.found["files"]
    lectures = olx_trees.lectures(course)
    assert report.taken["lectures"] == len(lectures)
    shown = "".join(lecture.html for lecture in lectures)
    assert "PLUGINFILE" not in shown
    assert "/package-files/" in shown
