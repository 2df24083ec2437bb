"""Open edX courses that mean harm end in a fault or in the report, soon and in little memory."""

from pathlib import Path

import pytest

from lyceum.packages.adapters import faults, olx, olx_intake, package_folder
from tests.packages import olx_trees

EVIL = '<script>alert(1)</script><p onclick="alert(2)">x</p><a href="javascript:alert(3)">y</a>'


def test_no_reference_leads_out_of_the_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    olx_trees.write_files(secret, {"x.html": "secret", "x.xml": "<html>secret</html>"})
    course = tmp_path / "course"
    course.mkdir()
    (course / "html").mkdir()
    (course / "html" / "link.html").symlink_to(secret / "x.html")
    (course / "linked").symlink_to(secret)
    names = [
        "../../secret/x",
        "/etc/passwd",
        f"{secret}/x",
        "link",
        "../linked/x",
        "x\\y",
        "n" * 5000,
    ]
    inside = "".join(
        f'<html url_name="{at}" filename="{name}"/><html url_name="{name}"/>'
        for at, name in enumerate(names)
    )
    tree, report = olx_trees.read_inline(course, inside)
    assert tree.chapters == ()
    assert len(olx_trees.left_out(report, "html")) == 2 * len(names)
    assert "secret" not in str([entry.reason for entry in report.left_out])


@pytest.mark.parametrize("run", ["../../secret", "/etc", "a/b"])
def test_no_run_leads_out_of_the_folder(tmp_path: Path, run: str) -> None:
    olx_trees.write_files(tmp_path, {"secret.xml": '<course display_name="secret"/>'})
    root = olx_trees.write_files(
        tmp_path / "course", {"course.xml": f'<course url_name="{run}" org="O" course="C"/>'}
    )
    with pytest.raises(faults.NotOlx):
        olx.read_olx(root)


def test_circles_are_cut(tmp_path: Path) -> None:
    course, report = olx_trees.read_inline(
        tmp_path,
        '<vertical url_name="a"/><vertical url_name="v"/><chapter url_name="ch"/>',
        **{
            "vertical/a.xml": '<vertical><html url_name="h">x</html>'
            '<vertical url_name="b"/></vertical>',
            "vertical/b.xml": '<vertical><vertical url_name="a"/>'
            '<vertical url_name="b"/></vertical>',
        },
    )
    assert [lecture.html for lecture in olx_trees.lectures(course)] == ["x"]
    assert sum("met before" in entry.reason for entry in report.left_out) == 4


def test_references_that_double_at_each_level_are_followed_once(tmp_path: Path) -> None:
    verticals = {
        f"vertical/n{at}.xml": f'<vertical>{f"""<vertical url_name="n{at + 1}"/>""" * 2}</vertical>'
        for at in range(20)
    }
    _, report = olx_trees.read_inline(tmp_path, '<vertical url_name="n0"/>', **verticals)
    assert report.found["verticals"] == 42


def test_a_long_chain_of_files_is_cut(tmp_path: Path) -> None:
    verticals = {
        f"vertical/n{at}.xml": f'<vertical><vertical url_name="n{at + 1}"/></vertical>'
        for at in range(3000)
    }
    _, report = olx_trees.read_inline(tmp_path, '<vertical url_name="n0"/>', **verticals)
    assert report.found["verticals"] < 50
    assert any("nested more than" in entry.reason for entry in report.left_out)


def test_deep_nesting_in_one_file(tmp_path: Path) -> None:
    deep = "<div>" * 240 + "Q" + NUMBER + "</div>" * 240
    questions = olx_trees.read_questions(tmp_path, f'<problem url_name="p">{deep}</problem>')
    assert len(questions) == 1


NUMBER = '<numericalresponse answer="1"><textline/></numericalresponse>'


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<choicegroup><choice>", "</choice></choicegroup>"),
        ("<choice correct='true'>", "</choice>"),
        ("<multiplechoiceresponse><choicegroup><choice correct='true'>x", "</choice></choicegroup>"
         "</multiplechoiceresponse>"),
        ("<solution>x", "</solution>"),
        ("<demandhint><hint>x", "</hint></demandhint>"),
    ],
)  # fmt: skip
def test_nesting_does_not_multiply_words(tmp_path: Path, opening: str, closing: str) -> None:
    depth = 230 // opening.count("<")
    inside = opening * depth + "w" * 100_000 + closing * depth
    course, _ = olx_trees.read_inline(
        tmp_path,
        f'<problem url_name="a">{inside}</problem>'
        f'<problem url_name="b"><multiplechoiceresponse>{inside}</multiplechoiceresponse></problem>'
        f'<problem url_name="c">{NUMBER}{inside}{NUMBER}</problem>',
    )
    for lecture in olx_trees.lectures(course):
        assert len(lecture.html) < 1_000_000
        assert len(str(lecture.questions)) < 2_000_000


def test_too_many_blocks(tmp_path: Path) -> None:
    with pytest.raises(faults.PackageTooLarge) as caught:
        olx_trees.read_inline(tmp_path, "<html/>" * 60_000)
    assert caught.value.code == "package-too-large"


def test_too_many_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(olx_intake, "MAX_WORDS", 1000)
    inside = "".join(f'<html url_name="{at}" filename="same"/>' for at in range(5))
    course, report = olx_trees.read_inline(tmp_path, inside, **{"html/same.html": "w" * 300})
    assert len(olx_trees.lectures(course)[0].html) == 902
    assert report.left_out_counts["html"] == 2


def test_one_file_read_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_folder, "MAX_READ_BYTES", 100_000)
    inside = "".join(f'<html url_name="{at}" filename="same"/>' for at in range(20))
    code = f"<script>{'x' * 10_000}</script>"
    with pytest.raises(faults.PackageTooLarge):
        olx_trees.read_inline(tmp_path, inside, **{"html/same.html": code})


def test_a_table_of_many_parts_does_not_multiply(tmp_path: Path) -> None:
    padding = "<td>" + "w" * 60_000 + "</td>"
    cells = f"<td>{NUMBER}</td>" * 90
    _, report = olx_trees.read_inline(
        tmp_path, f'<problem url_name="p"><table><tr>{padding}{cells}</tr></table></problem>'
    )
    (entry,) = olx_trees.left_out(report, "problem")
    assert "too many parts" in entry.reason


@pytest.mark.parametrize("path", ["course.xml", "chapter/c.xml", "html/h.xml", "problem/p.xml"])
def test_entities_anywhere_refuse_the_package(tmp_path: Path, path: str) -> None:
    files = {
        "course.xml": '<course url_name="r"><chapter url_name="c"/></course>',
        "chapter/c.xml": '<chapter><html url_name="h"/><problem url_name="p"/></chapter>',
        "html/h.xml": "<html>x</html>",
        "problem/p.xml": "<problem/>",
    }
    files[path] = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + files[path]
    with pytest.raises(faults.XmlEntities):
        olx.read_olx(olx_trees.write_files(tmp_path, files))


def test_names_with_every_kind_of_character(tmp_path: Path) -> None:
    name = "a b&lt;&quot;&apos;&amp;\u202e漢\U0001f600%00../"
    course, _ = olx_trees.read_inline(
        tmp_path, f'<html url_name="{name}" display_name="{name}">x</html>'
    )
    assert len(olx_trees.lectures(course)) == 1


def test_html_is_clean_and_titles_are_none(tmp_path: Path) -> None:
    """Titles are plain text: whoever shows them escapes them."""
    escaped = EVIL.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    course, _ = olx_trees.read_inline(
        tmp_path, f'<html url_name="h" display_name="{escaped}"><![CDATA[{EVIL}]]></html>'
    )
    (lecture,) = olx_trees.lectures(course)
    assert lecture.html == '<p>x</p><a rel="noopener noreferrer nofollow">y</a>'
