"""The Open edX demo course, counted against its own files."""

import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lyceum.packages.records import PackageCourse, PackageReport
from tests.packages import exports, olx_trees

PACKAGE = Path(__file__).parents[3] / "shared" / "data" / "openedx" / "demo-course.olx.tar.gz"

pytestmark = pytest.mark.skipif(not PACKAGE.exists(), reason="../shared/data is not here")


@pytest.fixture(scope="module")
def reading() -> tuple[PackageCourse, PackageReport, list[float]]:
    told: list[float] = []
    course, report = exports.read(PACKAGE, told.append)
    return course, report, told


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """The files of the package, unpacked by the standard library."""
    with tarfile.open(PACKAGE) as tar:
        return {
            member.name.removeprefix("course/"): tar.extractfile(member).read()  # type: ignore[union-attr]
            for member in tar
            if member.isfile()
        }


def reachable(files: dict[str, bytes], tag: str, name: str) -> Iterator[tuple[str, str]]:
    """Every block that a block leads to, by tag and name."""
    yield tag, name
    if content := files.get(f"{tag}/{name}.xml"):
        for child in ElementTree.fromstring(content):  # noqa: S314 (a file that we chose)
            if "url_name" in child.attrib:
                yield from reachable(files, child.tag, child.attrib["url_name"])


def test_what_is_found_is_what_course_xml_leads_to(
    reading: tuple[PackageCourse, PackageReport, list[float]], files: dict[str, bytes]
) -> None:
    course, report, _ = reading
    counts = Counter(tag for tag, _ in reachable(files, "course", "DemoCourse"))
    assert report.found == {
        "chapters": counts["chapter"],
        "sequentials": counts["sequential"],
        "verticals": counts["vertical"],
        "html": counts["html"],
        "problems": counts["problem"],
        "videos": counts["video"],
        "files": sum(path.startswith("static/") for path in files),
    }
    assert report.found == {
        "chapters": 6, "sequentials": 17, "verticals": 58,
        "html": 266, "problems": 29, "videos": 11, "files": 124,
    }  # fmt: skip
    olx_trees.check_account(course, report)


def test_what_is_taken(reading: tuple[PackageCourse, PackageReport, list[float]]) -> None:
    course, report, told = reading
    assert report.taken == {
        "chapters": 6, "sequentials": 17, "verticals": 58,
        "html": 204, "problems": 21, "videos": 11, "files": 124,
        "lectures": 79, "questions": 28,
    }  # fmt: skip
    assert Counter(entry.reason for entry in olx_trees.left_out(report, "html")) == {
        "it holds only scripts and styles": 62,
    }
    kept = {entry.title: entry.is_kept_as_text for entry in olx_trees.left_out(report, "problem")}
    assert kept == {
        "Advanced Numerical Problem with Fractions and Constants": True,
        "Image Mapped Input": True,
        "Simple Python-Evaluated Input Problem": False,
        "Advanced Custom Python-Evaluated Input Problem": True,
        "Custom JavaScript Display and Grading": True,
        "Medical Scenario": True,
        "Design a Logic Gate": True,
        "Protein Builder": False,
    }
    assert [chapter.title for chapter in course.chapters][2] == "Module 3: Ace the Assessments!"
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_every_file_is_read_or_named(
    reading: tuple[PackageCourse, PackageReport, list[float]], files: dict[str, bytes]
) -> None:
    course, report, _ = reading
    static = {path for path in files if path.startswith("static/")}
    assert {asset.path for asset in course.assets} == static
    assert report.taken["files"] == len(static)
    counts = report.left_out_counts
    assert not [kind for kind in counts if kind.startswith("orphaned-")]


def test_what_stays_behind_is_named(
    reading: tuple[PackageCourse, PackageReport, list[float]],
) -> None:
    _, report, _ = reading
    strangers = {
        "drag-and-drop-v2": 1, "openassessment": 2, "edx_sga": 1, "staffgradedxblock": 1, "done": 1,
        "lti": 2, "library_content": 1, "annotatable": 1, "discussion": 1, "poll": 1, "survey": 1,
        "wiki": 1, "group-access": 2, "jump-link": 47,
    }  # fmt: skip
    assert strangers.items() <= report.left_out_counts.items()
    assert "not known" not in str([entry.reason for entry in report.left_out])


def test_questions_have_their_answers(
    reading: tuple[PackageCourse, PackageReport, list[float]],
) -> None:
    course, _, _ = reading
    questions = [question for each in olx_trees.lectures(course) for question in each.questions]
    assert Counter(question.kind for question in questions) == {
        "multiple_choice": 19,
        "multiple_response": 2,
        "short_answer": 7,
    }
    for question in questions:
        assert question.html
        assert any(choice.is_correct for choice in question.choices) or question.answers
    dwarfs = next(q for q in questions if "seven dwarfs" in q.html)
    assert [answer.text for answer in dwarfs.answers] == [
        "Doc", "Sleepy", "Dopey", "Grumpy", "Happy", "Bashful", "Sneezy",
    ]  # fmt: skip
    table = [q for q in questions if "Polio" in q.html]
    assert len(table) == 8
    right = ["Albert Einstein", "Germany", "Dmitri Mendeleev", "Russia", "Sir Isaac Newton"]
    assert [choice.html for q in table for choice in q.choices if choice.is_correct][:5] == right
