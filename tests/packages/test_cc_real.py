"""The cartridges of ../shared/data, counted against their own manifests by the standard library."""

import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.packages import exports, olx_trees

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "imscc"
PACKAGES = sorted(FOLDER.glob("*.imscc"))

pytestmark = pytest.mark.skipif(not PACKAGES, reason="../shared/data is not here")
KINDS = {
    "imsdt": "discussions", "imswl": "weblinks", "imsbasiclti": "tools",
    "assignment": "assignments",
}  # fmt: skip


def local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


class Held:
    """What a cartridge holds, by its manifest."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            self.names = set(archive.namelist())
            self.texts = {
                name: archive.read(name)
                for name in self.names
                if name.endswith((".xml", ".qti", ".html"))
            }
        root = ElementTree.fromstring(self.texts["imsmanifest.xml"])  # noqa: S314 - our own choice
        self.resources = [each for each in root.iter() if local(each) == "resource"]
        self.organised = {
            each.get("identifierref") for each in root.iter() if local(each) == "item"
        }

    def counts(self) -> dict[str, int]:
        """How much of each kind there is."""
        found: Counter[str] = Counter()
        for resource in self.resources:
            kind = resource.get("type") or ""
            if kind.endswith("/assessment"):
                found["assessments"] += 1
                found["quiz-items"] += self.items(resource.get("identifier") or "")
            elif any("assignment_settings.xml" in href for href in self.hrefs(resource)):
                found["assignments"] += 1
            elif (resource.get("href") or "").endswith(".xml.qti"):
                found["question-banks"] += 1
                found["quiz-items"] += len(self.items_in(resource.get("href") or ""))
            elif self.is_page(resource):
                found["pages"] += 1
            elif prefix := next((each for each in KINDS if kind.startswith(each)), ""):
                found[KINDS[prefix]] += 1
        found["files"] = len(
            {
                href
                for resource in self.resources
                if resource.get("type") == "webcontent"
                and not self.is_page(resource)
                and not any(local(child) == "variant" for child in resource)
                for href in self.hrefs(resource)
            }
        )
        return dict(found)

    def is_page(self, resource: ElementTree.Element) -> bool:
        href = resource.get("href") or ""
        named = href.startswith("wiki_content/") or resource.get("identifier") in self.organised
        return resource.get("type") == "webcontent" and href.endswith(".html") and named

    def hrefs(self, resource: ElementTree.Element) -> list[str]:
        found = [resource.get("href"), *(each.get("href") for each in resource)]
        return [href for href in found if href]

    def items(self, identifier: str) -> int:
        fuller = f"non_cc_assessments/{identifier}.xml.qti"
        plain = f"{identifier}/assessment_qti.xml"
        return len(self.items_in(fuller if fuller in self.names else plain))

    def items_in(self, name: str) -> list[Any]:
        return re.findall(rb"<item ", self.texts[name])


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.stem)
def test_the_counts_are_those_of_the_manifest(package: Path) -> None:
    course, report = exports.read(package)
    held = Held(package)
    counts = held.counts()
    for kind, count in report.found.items():
        if kind != "chapters":
            assert count == counts.get(kind, 0), kind
    exports.check_sums_of(report)
    assert course.chapters
    assert {asset.path for asset in course.assets} <= held.names
    assert len(course.assets) == report.taken["files"]
    lectures = olx_trees.lectures(course)
    assert report.taken["lectures"] == len(lectures)
    assert report.taken["questions"] == sum(len(each.questions) for each in lectures)
    for lecture in lectures:
        assert lecture.html or lecture.questions or lecture.video


def test_all_kinds_of_questions() -> None:
    course, report = exports.read(FOLDER / "all-question-types.imscc")
    (lecture,) = olx_trees.lectures(course)
    kinds = Counter(question.kind for question in lecture.questions)
    assert kinds == {
        "multiple_choice": 6, "true_false": 1, "multiple_response": 1, "short_answer": 1,
    }  # fmt: skip
    assert (report.found["quiz-items"], report.taken["quiz-items"]) == (10, 6)
    kept = [entry for entry in report.left_out if entry.kind == "quiz-item"]
    assert all(entry.is_kept_as_text for entry in kept)


def test_modules_keep_their_order() -> None:
    course, _ = exports.read(FOLDER / "course-1.imscc")
    assert [chapter.title for chapter in course.chapters] == ["First Module", "Question banks"]
    assert [lecture.kind for lecture in course.chapters[0].lectures] == [
        "assignment", "quiz", "text", "text", "embed", "file", "file", "assignment", "text",
    ]  # fmt: skip
