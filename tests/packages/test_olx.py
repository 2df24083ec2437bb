"""Open edX courses in their old and new forms become the same tree; what is wrong is reported."""

from pathlib import Path

import pytest

from lyceum.packages.adapters import faults, olx
from lyceum.packages.records import PackageCourse, Transcript
from tests.packages import olx_trees

POINTERS = {
    "course.xml": '<course url_name="2024" org="Org" course="C1"/>',
    "course/2024.xml": '<course display_name="Title"><chapter url_name="one"/></course>',
    "chapter/one.xml": '<chapter display_name="Chapter"><sequential url_name="seq"/></chapter>',
    "sequential/seq.xml": (
        '<sequential display_name="Section"><vertical url_name="v"/></sequential>'
    ),
    "vertical/v.xml": '<vertical display_name="Unit"><html url_name="h"/></vertical>',
    "html/h.xml": '<html filename="h" display_name="Text"/>',
    "html/h.html": "<p>Words</p>",
}
INLINE = {
    "course.xml": (
        '<course url_name="2024" org="Org" course="C1" display_name="Title">'
        '<chapter url_name="one" display_name="Chapter">'
        '<sequential url_name="seq" display_name="Section">'
        '<vertical url_name="v" display_name="Unit">'
        '<html url_name="h" display_name="Text"><p>Words</p></html>'
        "</vertical></sequential></chapter></course>"
    )
}
NAMED_BY_POLICY = {
    "course.xml": '<course url_name="2024" org="Org" course="C1"><chapter url_name="one">'
    '<sequential slug="seq"><vertical url_name="v"><html url_name="h"/></vertical></sequential>'
    "</chapter></course>",
    "html/h.html": "<p>Words</p>",
    "policies/2024/policy.json": (
        '{"course/2024": {"display_name": "Title", "start": "2020"},'
        ' "chapter/one": {"display_name": "Chapter"},'
        ' "sequential/seq": {"display_name": "Section", "graded": true},'
        ' "vertical/v": {"display_name": "Unit"}, "html/h": null}'
    ),
}


def outline(course: PackageCourse) -> list[tuple[str, str, str, str]]:
    return [
        (chapter.title, lecture.section, lecture.title, lecture.kind)
        for chapter in course.chapters
        for lecture in chapter.lectures
    ]


@pytest.mark.parametrize("files", [POINTERS, INLINE, NAMED_BY_POLICY])
@pytest.mark.parametrize("root", ["", "2024-export/", "a/b/"])
def test_all_forms_are_one_course(tmp_path: Path, files: dict[str, str], root: str) -> None:
    moved = {f"{root}{path}": content for path, content in files.items()}
    course, report = olx_trees.read_files(tmp_path, moved)
    assert (course.title, course.external_id) == ("Title", "Org/C1/2024")
    assert outline(course) == [("Chapter", "Section", "Unit", "text")]
    (lecture,) = olx_trees.lectures(course)
    assert lecture.html == "<p>Words</p>"
    assert lecture.external_id == "vertical/v"
    assert course.chapters[0].external_id == "chapter/one"
    assert report.found == {
        "chapters": 1, "sequentials": 1, "verticals": 1, "html": 1, "problems": 0, "videos": 0,
        "files": 0,
    }  # fmt: skip


def test_a_unit_becomes_a_text_a_video_and_a_quiz(tmp_path: Path) -> None:
    problem = (
        '<problem url_name="{}"><numericalresponse answer="1"><label>Q</label>'
        "<textline/></numericalresponse></problem>"
    )
    inside = (
        '<html url_name="h1"><p>One</p></html>'
        f"{problem.format('p1')}"
        '<video url_name="m1" youtube="1.00:abcdefghijk" display_name="Look"/>'
        '<html url_name="h2"><p>Two</p></html>'
        '<video url_name="m2" youtube_id_1_0="abcdefghijk" display_name="Video"/>'
        f"{problem.format('p2')}"
    )
    course, report = olx_trees.read_inline(tmp_path, inside)
    made = olx_trees.lectures(course)
    assert [(lecture.kind, lecture.title, lecture.external_id) for lecture in made] == [
        ("text", "Unit", "vertical/v"),
        ("quiz", "Unit (quiz)", "vertical/v#quiz"),
        ("video", "Look", "video/m1"),
        ("video", "Unit (video)", "video/m2"),
    ]
    assert made[0].html == "<p>One</p>\n<p>Two</p>"
    assert [question.external_id for question in made[1].questions] == ["problem/p1", "problem/p2"]
    assert report.taken == {
        "chapters": 1, "sequentials": 1, "verticals": 1, "html": 2, "problems": 2, "videos": 2,
        "files": 0,
        "lectures": 4, "questions": 2,
    }  # fmt: skip


def test_titles_are_told_apart_by_section_and_number(tmp_path: Path) -> None:
    def section(name: str, *units: str) -> str:
        inside = "".join(
            f'<vertical url_name="{name}{at}" display_name="{unit}">'
            f'<html url_name="{name}h{at}">x</html></vertical>'
            for at, unit in enumerate(units)
        )
        return f'<sequential url_name="{name}" display_name="Part {name}">{inside}</sequential>'

    course, _ = olx_trees.read_files(
        tmp_path,
        {
            "course.xml": '<course url_name="r"><chapter url_name="c">'
            + section("1", "Introduction", "Alone")
            + section("2", "introduction", "Introduction", "")
            + f'<vertical url_name="long" display_name="{"w" * 300}">'
            + '<html url_name="hl">x</html></vertical></chapter></course>'
        },
    )
    titles = [lecture.title for lecture in olx_trees.lectures(course)]
    assert titles[:5] == [
        "Part 1: Introduction",
        "Alone",
        "Part 2: introduction",
        "Part 2: Introduction (2)",
        "Part 2",
    ]
    assert titles[5] == "w" * 254 + "…"


def test_a_text_may_be_anywhere_it_ever_was(tmp_path: Path) -> None:
    course, report = olx_trees.read_inline(
        tmp_path,
        '<html url_name="named" filename="other"/>'
        '<html url_name="deep:er"/>'
        '<html url_name="own"/>'
        '<html url_name="pointing"/>'
        '<html url_name="escaped">&lt;b&gt;escaped&lt;/b&gt;</html>'
        "<html>nameless</html>"
        '<html url_name="gone" filename="nowhere"/>'
        '<html url_name="void"/>',
        **{
            "html/other.html": "\ufeffother\0",
            "html/deep/er.xml": '<html filename="er"/>',
            "html/deep/er.html": "deeper",
            "html/own.xml": "<html><p>own</p></html>",
            "html/pointing.xml": '<html filename="target"/>',
            "html/target.xml": "<html>target</html>",
        },
    )
    (lecture,) = olx_trees.lectures(course)
    expected = ["other", "deeper", "<p>own</p>", "target", "<b>escaped</b>", "nameless"]
    assert lecture.html.split("\n") == expected
    reasons = {entry.external_id: entry.reason for entry in olx_trees.left_out(report, "html")}
    assert reasons == {
        "html/gone": "its text is missing or too long",
        "html/void": "its file is missing",
    }


def test_what_shows_nothing_is_left_out(tmp_path: Path) -> None:
    course, report = olx_trees.read_inline(
        tmp_path,
        '<html url_name="a"><![CDATA[<script src="/static/x.js"></script>]]></html>'
        '<html url_name="b"><![CDATA[<p>&nbsp;</p>]]></html>',
    )
    assert course.chapters == ()
    assert [entry.reason for entry in olx_trees.left_out(report, "html")] == [
        "it holds only scripts and styles",
        "it is empty",
    ]
    assert {entry.kind for entry in report.left_out} == {
        "html", "vertical", "sequential", "chapter",
    }  # fmt: skip


def test_what_leads_nowhere_here_is_replaced_by_words_and_counted(tmp_path: Path) -> None:
    html = (
        '<img src="/static/a.png"><a href="/jump_to_id/h2">x</a><a href="/static/b.pdf">y</a>'
        '<img src="/asset-v1:O+C+R+type@asset+block@c.png"><iframe src="https://e.org"></iframe>'
    )
    course, report = olx_trees.read_inline(
        tmp_path, f'<html url_name="h"><![CDATA[{html}]]></html>'
    )
    assert olx_trees.lectures(course)[0].html == (
        'xy<a href="https://e.org" rel="noopener noreferrer nofollow">https://e.org</a>'
    )
    counts = report.left_out_counts
    assert (counts["file-link"], counts["jump-link"], counts["embedded-page"]) == (3, 1, 1)


def test_what_only_staff_see_stays_behind(tmp_path: Path) -> None:
    course, report = olx_trees.read_inline(
        tmp_path,
        '<html url_name="a">seen</html>'
        '<vertical url_name="hidden" visible_to_staff_only="true">'
        '<html url_name="b">hidden</html><lti url_name="l"/></vertical>',
    )
    assert [lecture.html for lecture in olx_trees.lectures(course)] == ["seen"]
    hidden = {entry.external_id for entry in report.left_out if "staff" in entry.reason}
    assert hidden == {"vertical/hidden", "html/b", "lti/l"}


def test_holders_give_what_they_hold_and_strangers_do_not(tmp_path: Path) -> None:
    inside = (
        '<library_content url_name="lib"><html url_name="a">a</html></library_content>'
        '<split_test url_name="ab"><vertical url_name="x"><html url_name="b">b</html></vertical>'
        "</split_test>"
        '<conditional url_name="if"><html url_name="c">c</html></conditional>'
        '<newfangled url_name="new"><html url_name="d">d</html></newfangled>'
        '<poll url_name="poll" display_name="What do you think?"/>'
        '<annotatable url_name="note"><p>poem</p></annotatable>'
    )
    course, report = olx_trees.read_inline(tmp_path, inside)
    assert olx_trees.lectures(course)[0].html == "a\nb\nc\n<p>poem</p>"
    entries = {entry.external_id: entry for entry in report.left_out}
    assert "random" in entries["library_content/lib"].reason
    assert "group" in entries["split_test/ab"].reason
    assert "condition" in entries["conditional/if"].reason
    assert "not known" in entries["newfangled/new"].reason
    assert "newfangled" in entries["html/d"].reason
    assert entries["poll/poll"].title == "What do you think?"
    assert entries["annotatable/note"].is_kept_as_text


def test_blocks_outside_of_their_usual_places(tmp_path: Path) -> None:
    course, _ = olx_trees.read_files(
        tmp_path,
        {
            "course.xml": '<course url_name="r" display_name="Course">'
            '<html url_name="loose">loose</html>'
            '<chapter url_name="c" display_name="Chapter"><html url_name="in">in chapter</html>'
            '<videosequence url_name="s" display_name="Old"><html url_name="old">old</html>'
            '<sequential url_name="inner" display_name="Inner"><vertical url_name="v">'
            '<html url_name="deep">deep</html></vertical></sequential></videosequence></chapter>'
            '<wiki slug="a.b"/></course>'
        },
    )
    assert outline(course) == [
        ("Course", "", "loose", "text"),
        ("Chapter", "", "in", "text"),
        ("Chapter", "Old", "Old", "text"),
        ("Chapter", "Inner", "Inner", "text"),
    ]


VIDEOS = {
    'youtube="0.75:aaaaaaaaaaa,1.00:bbbbbbbbbbb"': ("bbbbbbbbbbb", ()),
    'youtube_id_1_0="ccccccccccc" youtube="1.00:bbbbbbbbbbb"': ("ccccccccccc", ()),
    'html5_sources=\'["https://e.org/a.mp4", "https://e.org/a.webm", 3]\'': (
        None,
        ("https://e.org/a.mp4", "https://e.org/a.webm"),
    ),
    'source="http://e.org/a.mp4"': (None, ("http://e.org/a.mp4",)),
    "html5_sources='[\"https://youtu.be/ddddddddddd\"]'": ("ddddddddddd", ()),
    "html5_sources='[\"https://www.youtube.com/watch?v=eeeeeeeeeee&amp;t=1\"]'": (
        "eeeeeeeeeee",
        (),
    ),
}


@pytest.mark.parametrize(("attributes", "expected"), VIDEOS.items())
def test_where_videos_play_from(
    tmp_path: Path, attributes: str, expected: tuple[str | None, tuple[str, ...]]
) -> None:
    course, _ = olx_trees.read_inline(tmp_path, f'<video url_name="m" {attributes}/>')
    video = olx_trees.lectures(course)[0].video
    assert video is not None
    assert (video.youtube_id, video.source_urls) == expected


def test_all_that_a_video_says(tmp_path: Path) -> None:
    course, _ = olx_trees.read_inline(
        tmp_path,
        '<video url_name="m" edx_video_id="host-1" start_time="00:00:30" end_time="90.0" sub="abc"'
        ' transcripts=\'{"fr": "x-fr.srt"}\'>'
        '<source src="https://e.org/a.mp4"/><transcript language="de" src="x-de.srt"/>'
        '<video_asset duration="120.5"><encoded_video profile="hls" url="https://e.org/a.m3u8"/>'
        "</video_asset></video>",
    )
    (lecture,) = olx_trees.lectures(course)
    assert lecture.duration_seconds == 60
    assert lecture.video is not None
    assert lecture.video.source_urls == ("https://e.org/a.mp4", "https://e.org/a.m3u8")
    assert (lecture.video.host_video_id, lecture.video.start_seconds) == ("host-1", 30)
    assert lecture.video.transcripts == (
        Transcript(language="en", file_name="subs_abc.srt.sjson"),
        Transcript(language="fr", file_name="x-fr.srt"),
        Transcript(language="de", file_name="x-de.srt"),
    )


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ("", "no source"),
        ('youtube="1.00:../../x"', "no source"),
        ('html5_sources=\'["javascript:alert(1)", "file:///etc/passwd"]\'', "no source"),
        ("html5_sources='not json'", "no source"),
        ("html5_sources='[\"/static/a.mp4\"]'", "not in the package"),
    ],
)
def test_videos_that_cannot_be_played(tmp_path: Path, attributes: str, reason: str) -> None:
    course, report = olx_trees.read_inline(tmp_path, f'<video url_name="m" sub="" {attributes}/>')
    assert course.chapters == ()
    (entry,) = olx_trees.left_out(report, "video")
    assert reason in entry.reason


def test_what_is_said_of_the_course(tmp_path: Path) -> None:
    course, report = olx_trees.read_files(
        tmp_path,
        {
            **INLINE,
            "policies/2024/policy.json": '{"course/2024": {"language": "pt_BR", '
            '"learning_info": ["Learn  this", "", 3], "display_name": "T\\u0000itle\\ud800"}}',
            "about/overview.html": "<h2>About</h2>",
            "about/short_description.html": "Short &amp; <b>sweet</b>",
            "about/effort.html": "5 hours",
            "static/a.png": "png",
            "static/b.PNG": "png",
            "static/subs_x.srt.sjson": "{}",
            "problem/orphan.xml": "<problem/>",
            "html/orphan.xml": '<html filename="orphan"/>',
            "html/orphan.html": "orphan",
            "drafts/vertical/d.xml": "<vertical/>",
            "README": "hello",
        },
    )
    assert (course.title, course.subtitle) == ("Title", "Short & sweet")
    assert course.description_html == "<h2>About</h2>"
    assert (course.language, course.objectives) == ("pt-br", ("Learn this",))
    assert [(asset.path, asset.size_bytes) for asset in course.assets] == [
        ("static/a.png", 3), ("static/b.PNG", 3), ("static/subs_x.srt.sjson", 2),
    ]  # fmt: skip
    assert (report.found["files"], report.taken["files"]) == (3, 3)
    assert {
        kind: count for kind, count in report.left_out_counts.items() if kind != "html"
    } == {
        "orphaned-problem": 1, "orphaned-html": 1,
        "draft": 1, "about-page": 1, "other-file": 1,
    }  # fmt: skip


def test_broken_files_of_single_blocks_are_reported(tmp_path: Path) -> None:
    broken = {
        "vertical/bad.xml": "<vertical>",
        "html/badly.xml": "<html>",
        "problem/bad.xml": "no xml",
        "policies/run/policy.json": "[" * 5000,
    }
    course, report = olx_trees.read_inline(
        tmp_path,
        '<html url_name="good">good</html><vertical url_name="bad"/><html url_name="badly"/>'
        '<problem url_name="bad"/><html url_name="far" filename="badly"/>',
        **broken,
    )
    assert [lecture.html for lecture in olx_trees.lectures(course)] == ["good"]
    reasons = [entry.reason for entry in report.left_out if "well-formed" in entry.reason]
    assert len(reasons) == 4
    assert len(olx_trees.left_out(report, "policy")) == 1


def test_a_course_file_that_cannot_be_used(tmp_path: Path) -> None:
    for number, (files, code) in enumerate(
        [
            ({}, "not-olx"),
            ({"library.xml": "<library/>"}, "not-olx"),
            ({"course.xml": "<library/>"}, "not-olx"),
            ({"course.xml": "<course"}, "xml-malformed"),
            ({"course.xml": '<course url_name="r" org="O" course="C"/>'}, "not-olx"),
            ({"course.xml": '<course url_name="r"/>', "course/r.xml": "<course"}, "not-olx"),
        ]
    ):
        root = olx_trees.write_files(tmp_path / str(number), {"note": "", **files})
        with pytest.raises(faults.PackageFault) as caught:
            olx.read_olx(root)
        assert caught.value.code == code
        assert str(tmp_path) not in caught.value.detail
