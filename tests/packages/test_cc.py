"""Common Cartridges of every version: order, kinds of resource, links, and what is left."""

from pathlib import Path

import pytest

from lyceum.packages.adapters import assets, faults, formats
from lyceum.packages.records import PackageCourse
from tests.packages import archives, cartridges, exports, olx_trees
from tests.packages.cartridges import NAMESPACES, PAGE, entry, manifest, module, resource

WEB = "webcontent"
TOPIC = (
    '<topic xmlns="http://www.imsglobal.org/xsd/imsccv1p{}/imsdt_v1p{}"><title>Topic</title>'
    '<text texttype="{}">{}</text><attachments><attachment href="../files/a.pdf"/></attachments>'
    "</topic>"
)
LINK = (
    '<webLink xmlns="http://www.imsglobal.org/xsd/imsccv1p1/imswl_v1p1"><title>Link</title>'
    '<url href="{}" target="_blank"/></webLink>'
)
ASSIGNMENT = (
    '<assignment xmlns="http://www.imsglobal.org/xsd/imscc_extensions/assignment" identifier="a">'
    '<title>Homework</title><instructor_text texttype="text/plain">The key</instructor_text>'
    '<text texttype="text/html">&lt;p&gt;Do it&lt;/p&gt;</text>'
    '<gradable points_possible="10">true</gradable></assignment>'
)
SCORM = '<manifest xmlns:adlcp="http://www.adlnet.org/xsd/adlcp_v1p3"/>'
BANK = "imsqti_xmlv1p2/imscc_xmlv1p2/question-bank"
ASK = cartridges.item(
    "cc.true_false.v0p1",
    cartridges.words("<p>Burns?</p>") + cartridges.choices({"t": "True", "f": "False"}),
    cartridges.right(cartridges.equal("t")),
)


def outline(course: PackageCourse) -> list[tuple[str, list[tuple[str, str, str]]]]:
    return [
        (chapter.title, [(each.section, each.title, each.kind) for each in chapter.lectures])
        for chapter in course.chapters
    ]


@pytest.mark.parametrize("version", NAMESPACES)
@pytest.mark.parametrize("root", ["", "folder/"])
def test_every_version_is_one_course(tmp_path: Path, version: str, root: str) -> None:
    minor = version.split(".")[1]
    kinds = {
        "imsdt": f"imsdt_xmlv1p{minor}", "imswl": f"imswl_xmlv1p{minor}",
        "test": f"imsqti_xmlv1p2/imscc_xmlv1p{minor}/assessment",
    }  # fmt: skip
    resources = [
        resource("page", WEB, "pages/a.html", "pages/a.png"),
        resource("topic", kinds["imsdt"], "topics/t.xml", href=False),
        resource("link", kinds["imswl"], "link.xml", href=False),
        resource("test", kinds["test"], "test/qti.xml", href=False),
        resource("pdf", WEB, "files/a.pdf"),
    ]
    inside = [
        entry("i1", "Read", to="page"),
        entry("h", "Heading"),
        entry("i2", "Discuss", to="topic"),
        entry("f", "Folder", entry("i3", "Look", to="link")),
        entry("i4", "Ask", to="test"),
        entry("i5", "File", to="pdf"),
    ]
    files = {
        "imsmanifest.xml": manifest("".join(resources), module(*inside), version=version),
        "pages/a.html": PAGE.format('<img src="a.png"><a href="../files/a.pdf">pdf</a>'),
        "pages/a.png": "png",
        "files/a.pdf": "pdf",
        "topics/t.xml": TOPIC.format(minor, minor, "text/html", "&lt;p&gt;Why?&lt;/p&gt;"),
        "link.xml": LINK.format("https://e.org/?a=1&amp;b=2"),
        "test/qti.xml": cartridges.qti(ASK),
    }
    course, report = cartridges.read(tmp_path, {root + path: each for path, each in files.items()})
    assert outline(course) == [
        ("Module", [
            ("", "Read", "text"),
            ("Heading", "Discuss", "text"),
            ("Folder", "Look", "embed"),
            ("Heading", "Ask", "quiz"),
            ("Heading", "File", "file"),
        ]),
    ]  # fmt: skip
    exports.check_sums_of(report)
    read, discuss, look, ask, file = olx_trees.lectures(course)
    assert read.html == (
        f'<p><img src="{assets.reference("pages/a.png")}">'
        f'<a href="{assets.reference("files/a.pdf")}" '
        'rel="noopener noreferrer nofollow">pdf</a></p>'
    )
    assert discuss.html.startswith("<p>Why?</p>")
    assert assets.reference("files/a.pdf") in discuss.html
    assert 'href="https://e.org/?a=1&amp;b=2"' in look.html
    assert ask.questions[0].kind == "true_false"
    assert assets.reference("files/a.pdf") in file.html
    assert [each.path for each in course.assets] == ["files/a.pdf", "pages/a.png"]
    keys = [each.external_id for each in olx_trees.lectures(course)]
    again, _ = cartridges.read(tmp_path / "again", files)
    assert [each.external_id for each in olx_trees.lectures(again)] == keys


def test_a_thin_cartridge_has_only_links(tmp_path: Path) -> None:
    thin = manifest(
        resource("w", "imswl_xmlv1p3", "w.xml") + resource("t", "imsbasiclti_xmlv1p3", "t.xml"),
        module(entry("i", "Watch", to="w"), entry("j", "Tool", to="t")),
    ).replace("IMS Common Cartridge", "IMS Thin Common Cartridge")
    course, report = cartridges.read(
        tmp_path,
        {
            "imsmanifest.xml": thin,
            "w.xml": LINK.format("https://youtu.be/abcdefghijk"),
            "t.xml": "<cartridge_basiclti_link/>",
        },
    )
    (lecture,) = olx_trees.lectures(course)
    assert lecture.kind == "video"
    assert lecture.video is not None
    assert lecture.video.youtube_id == "abcdefghijk"
    assert (report.found["tools"], report.taken["tools"]) == (1, 0)


def test_loose_entries_and_what_is_outside(tmp_path: Path) -> None:
    resources = "".join(
        [resource(name, WEB, f"{name}.html") for name in "abc"]
        + [resource("hw", "assignment_xmlv1p0", "hw.xml"), resource("bank", BANK, "bank.xml")]
    )
    items = entry("1", "A", to="a") + module(entry("2", "B", to="b")) + entry("3", "C", to="c")
    course, report = cartridges.read(
        tmp_path,
        {
            "imsmanifest.xml": manifest(resources, items),
            **{f"{name}.html": PAGE.format(name) for name in "abc"},
            "hw.xml": ASSIGNMENT,
            "bank.xml": cartridges.qti(ASK, kind="objectbank", title="Bank"),
        },
    )
    assert outline(course) == [
        ("Lanterns at sea", [("", "A", "text")]),
        ("Module", [("", "B", "text")]),
        ("Lanterns at sea", [("", "C", "text")]),
        ("Outside the modules", [("", "Homework", "assignment")]),
        ("Question banks", [("", "Bank", "quiz")]),
    ]
    homework = olx_trees.lectures(course)[3]
    assert homework.html == "<p>Do it</p><p>Points: 10</p>"
    assert report.left_out_counts["instructor-text"] == 1
    exports.check_sums_of(report)


def test_a_cartridge_without_organization_is_its_pages(tmp_path: Path) -> None:
    course, _ = cartridges.read(
        tmp_path,
        {"imsmanifest.xml": manifest(resource("a", WEB, "a.html")), "a.html": PAGE.format("x")},
    )
    assert outline(course) == [("Outside the modules", [("", "Own title", "text")])]


def test_what_is_for_teachers_stays_with_them(tmp_path: Path) -> None:
    role = (
        "<metadata><lom><educational><intendedEndUserRole><value>Instructor</value>"
        "</intendedEndUserRole></educational></lom></metadata>"
    )
    resources = resource("a", WEB, "a.html", inside=role) + resource(
        "k", WEB, "key.pdf", inside=role
    )
    course, report = cartridges.read(
        tmp_path,
        {
            "imsmanifest.xml": manifest(
                resources + resource("b", WEB, "b.html"),
                module(entry("1", "A", to="a"), entry("2", "Key", to="k"), entry("3", to="b")),
            ),
            "a.html": PAGE.format("answers"),
            "b.html": PAGE.format('<a href="key.pdf">key</a>'),
            "key.pdf": "key",
        },
    )
    assert [lecture.title for lecture in olx_trees.lectures(course)] == ["Own title"]
    assert [(each.path, each.is_for_staff) for each in course.assets] == [("key.pdf", True)]
    assert {entry.reason for entry in report.left_out} == {"it is for teachers"}


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("$IMS-CC-FILEBASE$/a%20b.png", "web_resources/a b.png"),
        ("$IMS_CC_FILEBASE$/files/a%20b.png", "web_resources/a b.png"),
        ("%24IMS-CC-FILEBASE%24/a%20b.png?canvas_download=1", "web_resources/a b.png"),
        ("$1EdTech-CC-FILEBASE$a b.png", "web_resources/a b.png"),
        ("../web_resources/a b.png", "web_resources/a b.png"),
        ("$IMS-CC-FILEBASE$/../../../etc/passwd", None),
        ("../../../../etc/passwd", None),
        ("$CANVAS_OBJECT_REFERENCE$/pages/x", None),
        ("/courses/1/files/2", None),
        ("missing.png", None),
    ],
)
def test_where_addresses_lead(tmp_path: Path, address: str, path: str | None) -> None:
    course, _ = cartridges.read(
        tmp_path,
        {
            "imsmanifest.xml": manifest(
                resource("p", WEB, "wiki_content/p.html")
                + resource("f", WEB, "web_resources/a b.png"),
                module(entry("1", "P", to="p")),
            ),
            "wiki_content/p.html": PAGE.format(f'<img src="{address}" alt="shown">'),
            "web_resources/a b.png": "png",
        },
    )
    (lecture,) = olx_trees.lectures(course)
    wanted = "[shown]" if path is None else f'src="{assets.reference(path)}"'
    assert wanted in lecture.html


def test_what_points_nowhere_is_said(tmp_path: Path) -> None:
    course, report = cartridges.read(
        tmp_path,
        {
            "imsmanifest.xml": manifest(
                resource("p", WEB, "p.html")
                + resource("gone", "imsdt_xmlv1p1", "gone.xml")
                + resource("odd", "idpfepub_xmlv3p0", "odd.epub")
                + resource("bad", "imswl_xmlv1p1", "bad.xml"),
                module(
                    entry("1", "P", to="p"), entry("2", "P again", to="p"),
                    entry("3", "Nothing", to="nowhere"), entry("4", "Gone", to="gone"),
                    entry("5", "Odd", to="odd"), entry("6", "Bad", to="bad"),
                ),
            ),
            "p.html": PAGE.format("x"),
            "bad.xml": LINK.format("javascript:alert(1)"),
        },
    )  # fmt: skip
    assert [lecture.title for lecture in olx_trees.lectures(course)] == ["P"]
    reasons = {entry.title: entry.reason for entry in report.left_out if entry.title}
    assert "once" in reasons["P again"]
    assert "nothing in the package" in reasons["Nothing"]
    assert "missing" in reasons["Gone"]
    assert "not known" in reasons["Odd"]
    assert "web" in reasons["Bad"]
    exports.check_sums_of(report)


def test_canvas_modules_and_fuller_quizzes(tmp_path: Path) -> None:
    numeric = cartridges.item(
        "", cartridges.words("<p>2?</p>")
        + '<response_str ident="r1" rcardinality="Single"><render_fib/></response_str>',
        cartridges.right(cartridges.equal("2")),
        more=cartridges.field("question_type", "numerical_question"), ident="q2",
    )  # fmt: skip
    modules = (
        '<modules xmlns="http://canvas.instructure.com/xsd/cccv1p0">'
        '<module identifier="m2"><title>Second</title><position>2</position><items/></module>'
        '<module identifier="m1"><title>First</title><position>1</position>'
        "<workflow_state>unpublished</workflow_state><items><item identifier='i'>"
        "<identifierref>q</identifierref><title>Quiz</title><position>1</position></item></items>"
        "</module></modules>"
    )
    course, report = cartridges.read(
        tmp_path,
        {
            "imsmanifest.xml": manifest(
                resource("q", "imsqti_xmlv1p2/imscc_xmlv1p1/assessment", "q/assessment_qti.xml")
            ),
            "q/assessment_qti.xml": cartridges.qti(ASK),
            "q/assessment_meta.xml": "<quiz><title>T</title><allowed_attempts>-1</allowed_attempts>"
            "<description>&lt;p&gt;Think.&lt;/p&gt;</description><time_limit>5</time_limit></quiz>",
            "non_cc_assessments/q.xml.qti": cartridges.qti(ASK, numeric),
            "course_settings/module_meta.xml": modules,
            "course_settings/syllabus.html": "<p>All about lanterns</p>",
        },
    )
    assert outline(course) == [("First", [("", "Quiz", "quiz")])]
    (lecture,) = olx_trees.lectures(course)
    assert [question.kind for question in lecture.questions] == ["true_false", "short_answer"]
    assert lecture.html == "<p>Think.</p>"
    assert lecture.rules is not None
    assert (lecture.rules.attempts_allowed, lecture.rules.time_limit_seconds) == (None, 300)
    assert course.description_html == "<p>All about lanterns</p>"
    assert report.left_out_counts["unpublished-item"] == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<manifest/>", faults.NotCommonCartridge),
        ("<other/>", faults.NotCommonCartridge),
        (
            '<manifest xmlns:adlcp="http://www.adlnet.org/xsd/adlcp_v1p3"/>',
            faults.NotCommonCartridge,
        ),
        ("<manifest", faults.XmlMalformed),
        (
            '<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><manifest>&x;</manifest>',
            faults.XmlEntities,
        ),
        (manifest("", "<item>" * 40 + "</item>" * 40), faults.XmlMalformed),
    ],
)
def test_what_is_no_cartridge(tmp_path: Path, text: str, fault: type[faults.PackageFault]) -> None:
    path = archives.write(tmp_path / "a.imscc", cartridges.zipped({"imsmanifest.xml": text}))
    with pytest.raises(fault), formats.open_package(path, lambda share: None):
        pass


ENTITY = '<!DOCTYPE q [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("imsqti_xmlv1p2/imscc_xmlv1p3/assessment", cartridges.qti(ASK)),
        ("imsdt_xmlv1p3", TOPIC.format(3, 3, "text/plain", "&b;")),
        ("imswl_xmlv1p3", LINK.format("https://e.org")),
        ("assignment_xmlv1p0", ASSIGNMENT),
    ],
)
def test_entities_anywhere_refuse_the_package(tmp_path: Path, kind: str, content: str) -> None:
    with pytest.raises(faults.XmlEntities):
        cartridges.lecture(tmp_path, kind, ENTITY + content)
