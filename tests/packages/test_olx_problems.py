"""Problems of an Open edX course become questions with their answers, or say why not."""

from pathlib import Path

import pytest

from lyceum.packages.records import NumberRange, PackageQuestion
from tests.packages import olx_trees


def correct(question: PackageQuestion) -> list[str]:
    return [choice.html for choice in question.choices if choice.is_correct]


def offered(question: PackageQuestion) -> list[str]:
    return [choice.html for choice in question.choices]


def test_single_choice_in_its_modern_form(tmp_path: Path) -> None:
    question = olx_trees.read_question(
        tmp_path,
        '<problem url_name="p" display_name="Fish" weight="2.5"><multiplechoiceresponse>'
        "<p>Look at <b>this</b>.</p><label>Which fish?</label><description>One only</description>"
        '<choicegroup type="MultipleChoice"><choice correct="false">Shark'
        "<choicehint>No teeth</choicehint></choice>"
        '<choice correct="true"><text>A <i>jelly</i>fish</text></choice></choicegroup>'
        "<solution><div><p>Because</p></div></solution>"
        "</multiplechoiceresponse><demandhint><hint>It is soft</hint></demandhint></problem>",
    )
    assert (question.kind, question.title, question.points) == ("multiple_choice", "Fish", 2.5)
    assert question.html == ("<p>Look at <b>this</b>.</p><p>Which fish?</p><p>One only</p>")
    assert offered(question) == ["Shark", "A <i>jelly</i>fish"]
    assert correct(question) == ["A <i>jelly</i>fish"]
    assert question.choices[0].feedback_html == "No teeth"
    assert question.explanation_html == ("<div><p>Because</p></div>\n<p>It is soft</p>")


def test_single_choice_in_its_old_form(tmp_path: Path) -> None:
    question = olx_trees.read_question(
        tmp_path,
        '<problem url_name="p"><startouttext/><p>2 &lt; 3?</p><endouttext/>'
        '<multiplechoiceresponse direction="vertical"><choicegroup>'
        '<choice name="a" correct="true"><text>True</text></choice>'
        '<choice name="b" correct="false"><text>False</text></choice>'
        "</choicegroup></multiplechoiceresponse></problem>",
    )
    assert question.kind == "true_false"
    assert question.html == "<p>2 &lt; 3?</p>"
    assert correct(question) == ["True"]


def test_several_choices_with_both_kinds_of_feedback(tmp_path: Path) -> None:
    question = olx_trees.read_question(
        tmp_path,
        '<problem url_name="p"><choiceresponse><label>Which?</label><checkboxgroup>'
        '<choice correct="true">A<choicehint selected="true">yes</choicehint>'
        '<choicehint selected="false">missed</choicehint></choice>'
        '<choice correct="false">B</choice><choice correct="true">C</choice>'
        '<compoundhint value="A B">both</compoundhint></checkboxgroup></choiceresponse></problem>',
    )
    assert question.kind == "multiple_response"
    assert correct(question) == ["A", "C"]
    first = question.choices[0]
    assert (first.feedback_html, first.unchosen_feedback_html) == ("yes", "missed")


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("<optioninput options=\"('Up','Down')\" correct=\"Up\"/>", ["Up", "Down"]),
        ("<optioninput options=\"('it's','rock \\'n\\' roll')\" correct=\"it's\"/>",
         ["it's", "rock 'n' roll"]),
        ("<optioninput options='(\"a, b\",\"c\")' correct='c'/>", ["a, b", "c"]),
        ('<optioninput options="(x, y)" correct="y"/>', ["x", "y"]),
        ('<optioninput><option correct="True">One<optionhint>h</optionhint></option>'
         '<option correct="False">Two</option></optioninput>', ["One", "Two"]),
    ],
)  # fmt: skip
def test_drop_downs(tmp_path: Path, field: str, options: list[str]) -> None:
    problem = f'<problem url_name="p"><p>Q</p><optionresponse>{field}</optionresponse></problem>'
    question = olx_trees.read_question(tmp_path, problem)
    assert question.kind == "multiple_choice"
    assert offered(question) == options
    assert len(correct(question)) == 1


@pytest.mark.parametrize(
    ("response", "answers", "is_pattern", "is_case_sensitive"),
    [
        ('<stringresponse answer="Paris"><textline/></stringresponse>', ["Paris"], False, True),
        (
            '<stringresponse answer=" Doc " type="ci"><additional_answer answer="Sleepy"/>'
            "<additional_answer>Dopey</additional_answer><textline/></stringresponse>",
            ["Doc", "Sleepy", "Dopey"],
            False,
            False,
        ),
        ('<stringresponse answer="..bble" type="ci regexp"/>', ["..bble"], True, False),
        ('<stringresponse answer="red_or_blue" type="ci"/>', ["red", "blue"], False, False),
    ],
)
def test_short_answers(
    tmp_path: Path, response: str, answers: list[str], is_pattern: bool, is_case_sensitive: bool
) -> None:
    problem = f'<problem url_name="p"><p>Q</p>{response}</problem>'
    question = olx_trees.read_question(tmp_path, problem)
    assert question.kind == "short_answer"
    assert [answer.text for answer in question.answers] == answers
    assert {answer.is_pattern for answer in question.answers} == {is_pattern}
    assert question.is_case_sensitive is is_case_sensitive


def test_numbers_with_tolerance_and_unit(tmp_path: Path) -> None:
    question = olx_trees.read_question(
        tmp_path,
        '<problem url_name="p"><numericalresponse answer="600"><label>Q</label>'
        '<responseparam type="tolerance" default="5"/><additional_answer answer="[10, 20)"/>'
        '<correcthint>right</correcthint><textline trailing_text="cm"/>'
        "</numericalresponse></problem>",
    )
    assert question.html == "<p>Q</p>cm"
    assert question.answers[0].number == NumberRange(lowest=595, highest=605)
    assert question.answers[0].feedback_html == "right"
    assert question.answers[1].number == NumberRange(lowest=10, highest=20, is_highest_open=True)


def test_a_choice_about_an_annotated_text(tmp_path: Path) -> None:
    question = olx_trees.read_question(
        tmp_path,
        '<problem url_name="p"><annotationresponse><annotationinput><text>pilgrimage</text>'
        "<comment>Think</comment><comment_prompt>Type:</comment_prompt>"
        "<tag_prompt>Where to?</tag_prompt><options>"
        '<option choice="incorrect">Verona</option><option choice="correct">Nowhere</option>'
        "</options></annotationinput></annotationresponse></problem>",
    )
    assert question.html == "pilgrimage<p>Where to?</p>"
    assert correct(question) == ["Nowhere"]


NUMBER = '<numericalresponse answer="{}">{}<textline/></numericalresponse>'


def test_parts_with_words_of_their_own_share_the_introduction(tmp_path: Path) -> None:
    first = NUMBER.format(1, "<label>First?</label>")
    second = NUMBER.format(2, "<label>Second?</label>")
    questions = olx_trees.read_questions(
        tmp_path,
        f'<problem url_name="p" weight="3"><p>Read.</p>{first}<p>Now</p>{second}<p>End</p>'
        "</problem>",
    )
    assert [question.html.split("\n") for question in questions] == [
        ["<p>Read.</p>", "<p>First?</p>"],
        ["<p>Read.</p>", "<p>Now</p>", "<p>Second?</p>", "<p>End</p>"],
    ]
    assert [question.external_id for question in questions] == ["problem/p", "problem/p#2"]
    assert [question.points for question in questions] == [1.5, 1.5]


def test_parts_between_paragraphs_get_the_words_before_them(tmp_path: Path) -> None:
    questions = olx_trees.read_questions(
        tmp_path,
        f'<problem url_name="p"><p>One?</p>{NUMBER.format(1, "")}<solution>s1</solution>'
        f"<p>Two?</p>{NUMBER.format(2, '')}<solution>s2</solution>{NUMBER.format(3, '')}</problem>",
    )
    assert [question.html for question in questions] == [
        "<p>One?</p>",
        "<p>Two?</p>",
        "<p>One?</p>",
    ]
    assert [question.explanation_html for question in questions] == ["s1", "s2", ""]


def test_parts_inside_a_table_see_the_whole_with_their_blank(tmp_path: Path) -> None:
    field = "<optionresponse><optioninput options=\"('a','b')\" correct=\"{}\"/></optionresponse>"
    questions = olx_trees.read_questions(
        tmp_path,
        f'<problem url_name="p"><table><tr><td>x {field.format("a")}</td>'
        f"<td>y {field.format('b')}</td></tr></table><solution>both</solution></problem>",
    )
    assert [question.html for question in questions] == [
        "<table><tbody><tr><td>x <strong>[1]</strong></td><td>y [2]</td></tr></tbody></table>",
        "<table><tbody><tr><td>x [1]</td><td>y <strong>[2]</strong></td></tr></tbody></table>",
    ]
    assert [correct(question) for question in questions] == [["a"], ["b"]]
    assert {question.explanation_html for question in questions} == {"both"}


def test_several_drop_downs_in_one_response(tmp_path: Path) -> None:
    field = "<optioninput options=\"('a','b')\" correct=\"a\"/>"
    questions = olx_trees.read_questions(
        tmp_path,
        f'<problem url_name="p"><optionresponse>First {field} then {field}</optionresponse>'
        "</problem>",
    )
    assert [question.html for question in questions] == ["First", "then"]


def test_a_question_without_words_has_its_label_or_title(tmp_path: Path) -> None:
    labelled = '<numericalresponse answer="1"><textline label="How many?"/></numericalresponse>'
    bare = '<numericalresponse answer="1"><textline/></numericalresponse>'
    questions = olx_trees.read_questions(
        tmp_path,
        f'<problem url_name="a" display_name="A &lt; B">{labelled}</problem>'
        f'<problem url_name="b" display_name="A &lt; B">{bare}</problem>',
    )
    assert [question.html for question in questions] == ["<p>How many?</p>", "A &lt; B"]


CANNOT = [
    ('<customresponse cfn="f"><textline/></customresponse>', "script of the author"),
    ('<customresponse cfn="f"><jsinput html_file="x"/></customresponse>', "script of the author"),
    ('<formularesponse answer="x+y"><textline/></formularesponse>', "formula"),
    ('<symbolicresponse expect="x"><textline/></symbolicresponse>', "formula"),
    ('<imageresponse><imageinput src="/static/m.png" alt="Map"/></imageresponse>', "picture"),
    ('<schematicresponse><schematic/></schematicresponse>', "circuit"),
    ("<coderesponse><textbox/></coderesponse>", "outside grader"),
    ('<choicetextresponse><radiotextgroup/></choicetextresponse>', "fields to fill in"),
    ("<telepathyresponse/>", "telepathyresponse"),
    ('<numericalresponse answer="2*pi"><textline/></numericalresponse>', "plain number"),
    ('<numericalresponse><textline/></numericalresponse>', "plain number"),
    ('<stringresponse answer=" "><textline/></stringresponse>', "no accepted answer"),
    ('<stringresponse answer="[[(" type="regexp"><textline/></stringresponse>', "pattern"),
    (f'<stringresponse answer="{"a" * 1001}"><textline/></stringresponse>', "longer than"),
    ("<optionresponse/>", "no choices"),
    ("<optionresponse><optioninput options=\"('a','b')\" correct=\"c\"/></optionresponse>",
     "marked"),
    ('<multiplechoiceresponse><choicegroup><choice correct="false">a</choice>'
     '<choice correct="false">b</choice></choicegroup></multiplechoiceresponse>', "marked"),
    ('<multiplechoiceresponse><choicegroup><choice correct="true">a</choice></choicegroup>'
     "</multiplechoiceresponse>", "fewer than two"),
    ('<choiceresponse><checkboxgroup><choice correct="true">a</choice><choice correct="true"/>'
     "</checkboxgroup></choiceresponse>", "empty"),
    ("", "asks nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("response", "reason"), CANNOT)
def test_what_cannot_be_graded_is_kept_as_text(tmp_path: Path, response: str, reason: str) -> None:
    course, report = olx_trees.read_inline(
        tmp_path,
        f'<problem url_name="p"><p>Words</p>{response}<solution><p>Why</p></solution></problem>',
    )
    (entry,) = olx_trees.left_out(report, "problem")
    assert reason in entry.reason
    assert entry.is_kept_as_text
    (lecture,) = olx_trees.lectures(course)
    assert lecture.kind == "text"
    assert lecture.html.startswith("<p>Words</p>")
    assert "<summary>Explanation</summary><p>Why</p>" in lecture.html


def test_the_choices_of_a_poll_are_kept_with_its_words(tmp_path: Path) -> None:
    course, _ = olx_trees.read_inline(
        tmp_path,
        '<problem url_name="p"><p>Tea?</p><choiceresponse><checkboxgroup><choice>Yes</choice>'
        "<choice>No</choice></checkboxgroup></choiceresponse></problem>",
    )
    (lecture,) = olx_trees.lectures(course)
    assert lecture.html == "<p>Tea?</p><ul><li>Yes</li><li>No</li></ul>"


def test_numbers_that_a_script_draws_leave_nothing_to_read(tmp_path: Path) -> None:
    script = '<script type="loncapa/python">x = random.randint(1, 9)</script>'
    course, report = olx_trees.read_inline(
        tmp_path,
        f'<problem url_name="p">{script}<p>What is $x + 1?</p>{NUMBER.format("$x", "")}</problem>'
        f'<problem url_name="q">{script}<p>It costs $5, $y.</p>{NUMBER.format("5", "")}</problem>',
    )
    (entry,) = olx_trees.left_out(report, "problem")
    assert entry.external_id == "problem/p"
    assert "draws" in entry.reason
    assert not entry.is_kept_as_text
    (lecture,) = olx_trees.lectures(course)
    assert [question.external_id for question in lecture.questions] == ["problem/q"]


def test_a_part_that_cannot_be_graded_beside_one_that_can(tmp_path: Path) -> None:
    course, report = olx_trees.read_inline(
        tmp_path,
        '<problem url_name="p"><p>Start</p><formularesponse answer="x"><p>Formula?</p><textline/>'
        f"</formularesponse>{NUMBER.format(7, '<p>Number?</p>')}</problem>",
    )
    (question,) = olx_trees.lectures(course)[0].questions
    assert question.html == "<p>Start</p><p>Number?</p>"
    assert (report.taken["problems"], report.left_out_counts) == (1, {"problem-part": 1})


def test_a_problem_of_endless_parts_is_kept_as_text(tmp_path: Path) -> None:
    parts = NUMBER.format(1, "<p>Q</p>") * 101
    _, report = olx_trees.read_inline(tmp_path, f'<problem url_name="p">{parts}</problem>')
    (entry,) = olx_trees.left_out(report, "problem")
    assert "too many parts" in entry.reason


def test_names_of_namespaces_are_not_html(tmp_path: Path) -> None:
    question = olx_trees.read_question(
        tmp_path,
        '<problem url_name="p"><svg xmlns="http://www.w3.org/2000/svg" xmlns:x="urn:x" x:y="z">'
        f'<path d="M0"/></svg><p>Q</p>{NUMBER.format(1, "")}</problem>',
    )
    assert question.html == "<p>Q</p>"


def test_scripts_of_the_author_never_reach_the_words(tmp_path: Path) -> None:
    question = olx_trees.read_question(
        tmp_path,
        '<problem url_name="p"><script type="text/javascript">alert(1)</script><style>p {}</style>'
        f'<p title="a&quot;&lt;b">Q</p>{NUMBER.format(1, "")}</problem>',
    )
    assert question.html == '<p title="a&quot;&lt;b">Q</p>'


SHORTHAND = {
    ">>Which?||One<<\n( ) a {{no}}\n(x) b\n[explanation]\nWhy\n[explanation]\n||think||": (
        "multiple_choice", ["b"]),
    ">>Which?<<\n[x] a {{selected: yes},{unselected: missed}}\n[ ] b\n[x] c": (
        "multiple_response", ["a", "c"]),
    ">>Capital?<<\n[[\nSydney\n(Canberra) {{right}}\n]]": ("multiple_choice", ["Canberra"]),
    "Pick one:\n\n[[a, (b), c]]": ("multiple_choice", ["b"]),
    "A &amp; B: a statement\n\n( ) False\n(x) True": ("true_false", ["True"]),
    "x < y?\n\n(x) yes\n( ) no": ("multiple_choice", ["yes"]),
}  # fmt: skip


@pytest.mark.parametrize(("shorthand", "expected"), SHORTHAND.items())
def test_choices_in_shorthand(
    tmp_path: Path, shorthand: str, expected: tuple[str, list[str]]
) -> None:
    from_attribute = shorthand.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "&#10;")
    question = olx_trees.read_question(
        tmp_path, f'<problem url_name="p" markdown="{from_attribute}"/>'
    )
    assert (question.kind, correct(question)) == expected
    assert question.html


def test_answers_in_shorthand(tmp_path: Path) -> None:
    shorthand = {
        "number": "&gt;&gt;How many?&lt;&lt;&#10;= 600 +-5 {{good}}&#10;or= 700",
        "words": "&gt;&gt;Who?&lt;&lt;&#10;= Doc&#10;or= Dopey&#10;not= Snow White",
        "pattern": "&gt;&gt;Who?&lt;&lt;&#10;=| .*bble",
        "two": "&gt;&gt;A?&lt;&lt;&#10;= 1&#10;---&#10;&gt;&gt;B?&lt;&lt;&#10;(x) y&#10;( ) n",
    }
    questions = {
        question.external_id: question
        for question in olx_trees.read_questions(
            tmp_path,
            "".join(
                f'<problem url_name="{n}" markdown="{text}"/>' for n, text in shorthand.items()
            ),
        )
    }
    number = questions["problem/number"].answers
    assert number[0].number == NumberRange(lowest=595, highest=605)
    assert number[0].feedback_html == "good"
    assert [answer.text for answer in questions["problem/words"].answers] == ["Doc", "Dopey"]
    assert questions["problem/pattern"].answers[0].is_pattern
    assert [questions[f"problem/two{end}"].html for end in ("", "#2")] == ["<p>A?</p>", "<p>B?</p>"]


@pytest.mark.parametrize("shorthand", ["null", "", "only words", ">>open", "[[", "((((", "= "])
def test_shorthand_that_asks_nothing(tmp_path: Path, shorthand: str) -> None:
    written = shorthand.replace(">", "&gt;")
    _, report = olx_trees.read_inline(tmp_path, f'<problem url_name="p" markdown="{written}"/>')
    assert len(olx_trees.left_out(report, "problem")) == 1
