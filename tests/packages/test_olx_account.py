"""Whatever tree of blocks a course is, all of it is accounted for."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lyceum.packages.adapters import olx
from tests.packages import olx_trees

COUNTED = {
    "chapter": "chapters",
    "sequential": "sequentials",
    "vertical": "verticals",
    "html": "html",
    "problem": "problems",
    "video": "videos",
}
BODIES = {
    "html": ["", "words", "<p>x</p>", "<script>x</script>", "<img src='/static/x.png'/>"],
    "problem": [
        "",
        "words",
        '<stringresponse answer="a"><label>Q</label></stringresponse>',
        '<numericalresponse answer="1"/><numericalresponse answer="$x"/>',
        "<p>Q</p><optionresponse><optioninput options=\"('a','b')\" correct=\"a\"/>"
        "</optionresponse>",
        '<multiplechoiceresponse><choicegroup><choice correct="true">a</choice>'
        "<choice>b</choice></choicegroup></multiplechoiceresponse>",
        "<td><choiceresponse/><customresponse/></td>",
        '<script>x = 1</script>$x<stringresponse answer="1"/>',
    ],
    "video": ["", '<source src="https://e.org/a.mp4"/>', '<source src="/static/a.mp4"/>'],
}
HOLDERS = ["chapter", "sequential", "vertical", "wrapper", "library_content", "conditional"]
STRANGERS = ["poll", "lti", "newfangled"]


class Node(NamedTuple):
    """A block: how it is written (inline, as a pointer, or pointing nowhere) and what it holds."""

    tag: str
    form: str
    name: int | None
    settings: dict[str, str]
    body: str
    children: "tuple[Node, ...]"


forms = st.sampled_from(["inline", "inline", "file", "missing", "broken"])
names = st.one_of(st.none(), st.integers(0, 30))
settings_of_blocks = st.dictionaries(
    st.sampled_from(
        ["display_name", "visible_to_staff_only", "group_access", "youtube", "markdown"]
    ),
    st.sampled_from(
        ["", "true", "null", "Name", '"quoted"', "1.00:abcdefghijk", "(x) a\n( ) b", "{}"]
    ),
    max_size=3,
)


def leaf(tag: str) -> st.SearchStrategy[Node]:
    bodies = st.sampled_from(BODIES.get(tag, ["", "text"]))
    return st.builds(Node, st.just(tag), forms, names, settings_of_blocks, bodies, st.just(()))


leaves = st.one_of(*(leaf(tag) for tag in [*BODIES, *BODIES, *STRANGERS]))
trees = st.recursive(
    leaves,
    lambda inside: st.builds(
        Node,
        st.sampled_from([*HOLDERS, "newfangled"]),
        forms,
        names,
        settings_of_blocks,
        st.just(""),
        st.lists(inside, max_size=4).map(tuple),
    ),
    max_leaves=15,
)


def written(node: Node, files: dict[str, str]) -> str:
    """The element of a block in its parent; files of its own are put beside."""
    inside = node.body + "".join(written(child, files) for child in node.children)
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in node.settings.items())
    whole = f"<{node.tag}{attributes}>{inside}</{node.tag}>"
    if node.name is None:
        return whole
    path = f"{node.tag}/n{node.name}.xml"
    if node.form == "inline":
        return whole.replace(f"<{node.tag}", f'<{node.tag} url_name="n{node.name}"', 1)
    if node.form != "missing":
        files.setdefault(path, whole if node.form == "file" else "<broken")
    return f'<{node.tag} url_name="n{node.name}"/>'


@given(st.lists(trees, max_size=5))
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_all_that_is_found_is_taken_or_left_out(nodes: list[Node]) -> None:
    files: dict[str, str] = {}
    inside = "".join(written(node, files) for node in nodes)
    files["course.xml"] = f'<course url_name="r" display_name="T">{inside}</course>'
    with tempfile.TemporaryDirectory() as folder:
        root = olx_trees.write_files(Path(folder), files)
        course, report = olx.read_olx(root)
        again, report_again = olx.read_olx(root)
    olx_trees.check_account(course, report)
    assert (again, report_again) == (course, report)


def inline_counts(node: Node) -> Counter[str]:
    """How many blocks of each kind there are, where every block is inline."""
    counts = Counter({COUNTED[node.tag]: 1} if node.tag in COUNTED else {})
    for child in node.children:
        if node.tag in HOLDERS or child.tag in COUNTED:
            counts += inline_counts(child)
    return counts


def as_inline(node: Node) -> Node:
    return node._replace(form="inline", name=None, children=tuple(map(as_inline, node.children)))


@given(st.lists(trees.map(as_inline), max_size=5))
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_all_that_is_there_is_found(nodes: list[Node]) -> None:
    inside = "".join(written(node, {}) for node in nodes)
    with tempfile.TemporaryDirectory() as folder:
        files = {"course.xml": f'<course url_name="r" display_name="T">{inside}</course>'}
        _, report = olx_trees.read_files(Path(folder), files)
    expected = sum(map(inline_counts, nodes), Counter[str]())
    assert {kind: count for kind, count in report.found.items() if count} == dict(expected)


PROBLEM_TAGS = [
    *("multiplechoiceresponse", "choiceresponse", "optionresponse", "stringresponse"),
    *("numericalresponse", "customresponse", "annotationresponse", "choicegroup", "checkboxgroup"),
    *("choice", "optioninput", "option", "textline", "solution", "demandhint", "hint", "label"),
    *("additional_answer", "choicehint", "p", "td", "text", "script", "responseparam", "img"),
]
pieces = st.recursive(
    st.sampled_from(["", "words", "$x", "&lt;b&gt;", "\ue0000;\ue001", "x = 1"]),
    lambda inside: st.builds(
        lambda tag, answer, correct, children: (
            f'<{tag} answer="{answer}" correct="{correct}" options="(\'a\',\'b\')" '
            f'type="tolerance" default="5%">{"".join(children)}</{tag}>'
        ),
        st.sampled_from(PROBLEM_TAGS),
        st.sampled_from(["", "5", "[1,2)", "a_or_b", "("]),
        st.sampled_from(["true", "false", "a", ""]),
        st.lists(inside, max_size=4),
    ),
    max_leaves=12,
)


@given(st.lists(pieces, max_size=4).map("".join))
@settings(deadline=None, max_examples=300)
def test_any_problem_is_questions_or_has_a_reason(inside: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        course, _ = olx_trees.read_inline(Path(folder), f'<problem url_name="p">{inside}</problem>')
    for lecture in olx_trees.lectures(course):
        assert "\ue000" not in lecture.html
        for question in lecture.questions:
            assert question.html
            assert "\ue000" not in question.html
            assert question.choices or question.answers
            if question.choices:
                assert any(choice.is_correct for choice in question.choices)
                assert len(question.choices) >= 2


@given(st.lists(st.sampled_from(
    ["(x)", "( )", "[x]", "[ ]", "[[", "]]", ">>", "<<", "||", "=", "or=", "not=", "+-", "\n", "\n",
     "---", "{{", "}}", "[explanation]\n", "a", "5", " ", ",", "&", "<b>", "\"", "(", ")"]
), max_size=30).map("".join))  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_any_shorthand_is_questions_or_has_a_reason(shorthand: str) -> None:
    problem = f"<problem url_name='p' markdown={quoteattr(shorthand)}/>"
    with tempfile.TemporaryDirectory() as folder:
        olx_trees.read_inline(Path(folder), problem)
