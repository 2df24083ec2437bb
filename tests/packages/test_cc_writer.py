"""The Common Cartridge that we write, held against the rules of the format and read back.

The rules are those of "1EdTech Common Cartridge Profile: Implementation", version 1.3 (information
model and conformance): schema and version of the metadata, one organization with one untitled root,
resource types, every file in a resource and every resource's files there, names unique and XML ids,
profiles and metadata fields of tests.
"""

import re
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from lyceum.packages.adapters import assets, cc_writer, wording
from lyceum.packages.records import (
    NumberRange,
    PackageAnswer,
    PackageChapter,
    PackageChoice,
    PackageCourse,
    PackageLecture,
    PackageQuestion,
    PackageReport,
    QuizRules,
)
from tests.packages import archives, exports, generated, olx_trees

CP = "{http://www.imsglobal.org/xsd/imsccv1p3/imscp_v1p1}"
CPX = "{http://www.imsglobal.org/xsd/imsccv1p3/imscp_extensionv1p2}"
LOM = "{http://ltsc.ieee.org/xsd/imsccv1p3/LOM/manifest}"
QTI = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
TYPES = {
    "webcontent", "imswl_xmlv1p3", "imsdt_xmlv1p3", "imsqti_xmlv1p2/imscc_xmlv1p3/assessment",
    "imsqti_xmlv1p2/imscc_xmlv1p3/question-bank", "imsbasiclti_xmlv1p3", "assignment_xmlv1p0",
    "associatedcontent/imscc_xmlv1p3/learning-application-resource",
}  # fmt: skip
# Of a test, and of an item; the values that the profile allows.
EXAM_FIELDS = {
    "cc_profile", "qmd_assessmenttype", "qmd_scoretype", "qmd_feedbackpermitted",
    "qmd_hintspermitted", "qmd_solutionspermitted", "qmd_timelimit", "cc_allow_late_submission",
    "cc_maxattempts",
}  # fmt: skip
PROFILES = {
    "cc.multiple_choice.v0p1", "cc.multiple_response.v0p1", "cc.true_false.v0p1", "cc.fib.v0p1",
    "cc.pattern_match.v0p1", "cc.essay.v0p1",
}  # fmt: skip
NCNAME = re.compile(r"[A-Za-z_][\w.-]*")
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def written(folder: Path, course: PackageCourse) -> tuple[Path, dict[str, bytes]]:
    """Write a course with the files that it points at; return the cartridge and its members."""
    kept = [
        assets.asset(name, archives.write(folder / f"file{at}", content), is_for_staff=at == 2)
        for at, (name, content) in enumerate(generated.FILES.items())
    ]
    path = folder / "course.imscc"
    cc_writer.write_cartridge(path, course, kept)
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        return path, {name: archive.read(name) for name in archive.namelist()}


def check_manifest(members: dict[str, bytes]) -> ElementTree.Element:
    """Assert what the information model demands of a manifest."""
    root = ElementTree.fromstring(members["imsmanifest.xml"])  # noqa: S314 - we wrote it
    assert root.tag == f"{CP}manifest"
    assert root.findtext(f"{CP}metadata/{CP}schema") == "IMS Common Cartridge"
    assert root.findtext(f"{CP}metadata/{CP}schemaversion") == "1.3.0"
    title = f"{CP}metadata/{LOM}lom/{LOM}general/{LOM}title/{LOM}string"
    assert root.findtext(title)
    (organization,) = root.findall(f"{CP}organizations/{CP}organization")
    assert organization.get("structure") == "rooted-hierarchy"
    (top,) = organization.findall(f"{CP}item")
    assert top.find(f"{CP}title") is None
    assert top.get("identifierref") is None
    names = [each.get("identifier") or "" for each in root.iter() if "identifier" in each.attrib]
    assert len(names) == len(set(names))
    assert all(NCNAME.fullmatch(name) for name in names)
    return root


def check_resources(root: ElementTree.Element, members: dict[str, bytes]) -> None:
    """Assert that resources and files are each other's, and that items name resources."""
    resources = root.findall(f"{CP}resources/{CP}resource")
    by_name = {each.get("identifier"): each for each in resources}
    listed = {file.get("href") for each in resources for file in each.findall(f"{CP}file")}
    assert listed == set(members) - {"imsmanifest.xml"}
    for resource in resources:
        assert resource.get("type") in TYPES
        hrefs = [file.get("href") for file in resource.findall(f"{CP}file")]
        assert resource.get("href") in (None, *hrefs)
        for variant in resource.findall(f"{CPX}variant"):
            assert variant.get("identifierref") in by_name
    for item in root.iter(f"{CP}item"):
        target = item.get("identifierref")
        children = item.findall(f"{CP}item")
        assert item.get("identifier") == "root" or item.findtext(f"{CP}title")
        assert target is None or (target in by_name and not children)


def check_test(content: bytes) -> None:
    """Assert what the profile demands of a test."""
    root = ElementTree.fromstring(content)  # noqa: S314 - we wrote it
    assert root.tag == f"{QTI}questestinterop"
    (assessment,) = root.findall(f"{QTI}assessment")
    fields = {
        each.findtext(f"{QTI}fieldlabel"): each.findtext(f"{QTI}fieldentry")
        for each in assessment.findall(f"{QTI}qtimetadata/{QTI}qtimetadatafield")
    }
    assert fields["cc_profile"] == "cc.exam.v0p1"
    assert set(fields) <= EXAM_FIELDS
    (section,) = assessment.findall(f"{QTI}section")
    for item in section.findall(f"{QTI}item"):
        labels = {each.text for each in item.iter(f"{QTI}fieldentry")}
        assert len(labels & PROFILES) == 1
        assert item.find(f"{QTI}presentation") is not None
        said = {each.get("ident") for each in item.iter(f"{QTI}itemfeedback")}
        links = {each.get("linkrefid") for each in item.iter(f"{QTI}displayfeedback")}
        assert links == said


def check(members: dict[str, bytes]) -> None:
    check_resources(check_manifest(members), members)
    for name, content in members.items():
        if name.endswith("assessment.xml"):
            check_test(content)


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(course=generated.COURSES)
def test_any_course_is_a_cartridge_by_the_rules(tmp_path: Path, course: PackageCourse) -> None:
    path, members = written(tmp_path, course)
    check(members)
    read, report = exports.read(path)
    exports.check_sums_of(report)
    assert read.title == wording.one_line(course.title)
    before = [lecture for chapter in course.chapters for lecture in chapter.lectures]
    asked = sum(len(lecture.questions) for lecture in before)
    assert report.found["quiz-items"] == report.taken["quiz-items"] == asked
    assert report.found["files"] == report.taken["files"] == len(generated.FILES)
    assert not [entry for entry in report.left_out if entry.kind in {"page", "assessment", "item"}]
    assert report.left_out_counts.get("file-link", 0) == 0


def questions(*made: PackageQuestion) -> PackageCourse:
    quiz = PackageLecture(
        external_id="q", kind="quiz", title="Quiz", questions=made,
        rules=QuizRules(attempts_allowed=3, time_limit_seconds=90),
    )  # fmt: skip
    chapter = PackageChapter(external_id="c", title="Chapter", lectures=(quiz,))
    return PackageCourse(external_id="x", title="Lanterns at sea", chapters=(chapter,))


def read_back(folder: Path, course: PackageCourse) -> tuple[PackageCourse, PackageReport]:
    path, members = written(folder, course)
    check(members)
    return exports.read(path)


OIL = PackageChoice(html="<b>Oil</b> &amp; fat", is_correct=True, feedback_html="<p>Yes</p>")
WATER = PackageChoice(html="Water", is_correct=False)
ASKED = PackageQuestion(external_id="1", kind="multiple_choice", html="<p>Which?</p>", points=2.5)
KEPT = {
    "one choice": replace(ASKED, choices=(OIL, WATER), explanation_html="<p>Fire</p>"),
    "any of two": replace(ASKED, choices=(OIL, WATER, replace(OIL, html="Wax"))),
    "all of two": replace(
        ASKED, kind="multiple_response", scoring="all_or_nothing",
        choices=(OIL, WATER, replace(OIL, html="Wax", feedback_html="")),
    ),
    "true": replace(
        ASKED, kind="true_false",
        choices=(replace(WATER, html="True"), replace(WATER, html="False", is_correct=True)),
    ),
    "a text": replace(
        ASKED, kind="short_answer", answers=(PackageAnswer(text="oil"), PackageAnswer(text="<w>")),
        is_case_sensitive=True,
    ),
    "a part": replace(
        ASKED, kind="short_answer", answers=(PackageAnswer(text=r".*o\.il.*", is_pattern=True),)
    ),
}  # fmt: skip


@pytest.mark.parametrize("question", KEPT.values(), ids=KEPT)
def test_questions_come_back_as_they_went(tmp_path: Path, question: PackageQuestion) -> None:
    course, _ = read_back(tmp_path, questions(question))
    (lecture,) = olx_trees.lectures(course)
    (read,) = lecture.questions
    assert read == replace(question, external_id=read.external_id, scoring=read.scoring)
    assert lecture.rules is not None
    assert (lecture.rules.attempts_allowed, lecture.rules.time_limit_seconds) == (3, 120)


def test_what_a_cartridge_cannot_hold_is_said(tmp_path: Path) -> None:
    number = PackageAnswer(text="about 5", number=NumberRange(lowest=4.0, highest=6.0))
    pattern = PackageAnswer(text="a+b?", is_pattern=True)
    course = questions(replace(ASKED, kind="short_answer", answers=(number, pattern)))
    notes = cc_writer.write_cartridge(tmp_path / "a.imscc", course, [])
    reasons = " ".join(note.reason for note in notes)
    assert "range of numbers" in reasons
    assert "pattern" in reasons
    assert "minutes" in reasons


def test_lectures_of_every_kind(tmp_path: Path) -> None:
    def lecture(kind: str, **fields: object) -> PackageLecture:
        made = PackageLecture(external_id=kind, kind="text", title=f"The {kind}", section="Part")
        return replace(made, kind=kind, **fields)

    made = (
        lecture("text", html=f'<p><img src="{assets.reference("a b.png")}"></p>', section=""),
        lecture("video", media_url="https://www.youtube.com/watch?v=abcdefghijk"),
        lecture("assignment", html="<p>Do</p>"),
        lecture("file", html=f'<p><a href="{assets.reference("deep/é.pdf")}">pdf</a></p>'),
        lecture("live"),
    )
    chapter = PackageChapter(external_id="c", title="Chapter", lectures=made)
    before = PackageCourse(external_id="x", title="Lanterns at sea", chapters=(chapter,))
    course, report = read_back(tmp_path, before)
    assert [(each.kind, each.section, each.title) for each in olx_trees.lectures(course)] == [
        ("text", "", "The text"), ("video", "Part", "The video"),
        ("assignment", "Part", "The assignment"), ("text", "Part", "The file"),
        ("text", "Part", "The live"),
    ]  # fmt: skip
    shown = olx_trees.lectures(course)
    assert '<img src="/package-files/' in shown[0].html
    assert 'href="/package-files/' in shown[3].html
    assert [(each.path, each.is_for_staff) for each in course.assets] == [
        ("web_resources/a_b.png", False), ("web_resources/deep/_.pdf", False),
        ("web_resources/unused.txt", True),
    ]  # fmt: skip
    exports.check_sums_of(report)
