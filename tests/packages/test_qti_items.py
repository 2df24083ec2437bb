"""Items of QTI 1.2 in every profile of Common Cartridge and the kinds that Canvas adds."""

from pathlib import Path

import pytest

from lyceum.packages.adapters import faults, qti_document
from lyceum.packages.adapters.answer_key import MAX_CHOICES
from lyceum.packages.records import NumberRange, PackageLecture, PackageQuestion, PackageReport
from tests.packages import cartridges
from tests.packages.cartridges import choices, equal, field, item, right, words

QUIZ = "imsqti_xmlv1p2/imscc_xmlv1p3/assessment"
AB = {"a": "Oil", "b": "Water"}
ASK = words("<p>Which one burns?</p>")
TYPED = '<response_str ident="r1" rcardinality="Single"><render_fib/></response_str>'


def quiz(folder: Path, *items: str, metadata: str = "") -> tuple[PackageLecture, PackageReport]:
    return cartridges.lecture(folder, QUIZ, cartridges.qti(*items, metadata=metadata))


def asked(folder: Path, made: str) -> PackageQuestion:
    lecture, report = quiz(folder, made)
    assert (report.found["quiz-items"], report.taken["quiz-items"]) == (1, 1)
    (question,) = lecture.questions
    return question


def test_one_choice(tmp_path: Path) -> None:
    question = asked(
        tmp_path,
        item("cc.multiple_choice.v0p1", ASK + choices(AB), right(equal("a"))),
    )
    assert (question.kind, question.html) == ("multiple_choice", "<p>Which one burns?</p>")
    assert [(choice.html, choice.is_correct) for choice in question.choices] == [
        ("Oil", True), ("Water", False),
    ]  # fmt: skip


def test_several_choices_and_what_must_not_be_chosen(tmp_path: Path) -> None:
    labels = {"a": "A", "b": "1", "c": "C"}
    condition = f"<and>{equal('a')}<not>{equal('b')}</not>{equal('c')}</and>"
    made = item("cc.multiple_response.v0p1", ASK + choices(labels, "Multiple"), right(condition))
    question = asked(tmp_path, made)
    assert question.kind == "multiple_response"
    assert [choice.is_correct for choice in question.choices] == [True, False, True]


def test_points_added_for_each_choice(tmp_path: Path) -> None:
    processing = right(equal("a"), 50, "Add") + right(equal("b"), -50, "Add")
    made = item("", ASK + choices(AB | {"c": "Wood"}, "Multiple"), processing)
    question = asked(tmp_path, made)
    assert [choice.is_correct for choice in question.choices] == [True, False, False]


def test_true_and_false(tmp_path: Path) -> None:
    made = item("cc.true_false.v0p1", ASK + choices({"t": "True", "f": "False"}), right(equal("f")))
    question = asked(tmp_path, made)
    assert (question.kind, question.choices[1].is_correct) == ("true_false", True)


def test_a_blank_with_several_answers(tmp_path: Path) -> None:
    processing = right(equal("Oil") + equal(" petroleum "))
    question = asked(tmp_path, item("cc.fib.v0p1", ASK + TYPED, processing))
    assert question.kind == "short_answer"
    assert [answer.text for answer in question.answers] == ["Oil", "petroleum"]
    assert not question.is_case_sensitive


def test_a_blank_where_case_counts(tmp_path: Path) -> None:
    condition = '<varequal respident="r1" case="Yes">Oil</varequal>'
    assert asked(tmp_path, item("cc.fib.v0p1", ASK + TYPED, right(condition))).is_case_sensitive


def test_a_pattern_is_part_of_the_answer(tmp_path: Path) -> None:
    condition = '<varsubstring respident="r1">o.il</varsubstring>'
    question = asked(tmp_path, item("cc.pattern_match.v0p1", ASK + TYPED, right(condition)))
    (answer,) = question.answers
    assert (answer.text, answer.is_pattern) == (r".*o\.il.*", True)


def test_a_number_and_its_range(tmp_path: Path) -> None:
    condition = (
        f"<or>{equal('33.33')}<and><vargte respident='r1'>33.32</vargte>"
        "<varlt respident='r1'>33.34</varlt></and></or>"
    )
    made = item(
        "", ASK + TYPED, right(condition), more=field("question_type", "numerical_question")
    )
    (answer,) = asked(tmp_path, made).answers
    assert answer.text == "33.33"
    assert answer.number == NumberRange(lowest=33.32, highest=33.34, is_highest_open=True)


def test_matching_becomes_a_question_for_each_pair(tmp_path: Path) -> None:
    def pair(ident: str, name: str) -> str:
        response = choices({"1": "Corolla", "2": "Civic"}, ident=ident)
        return response.replace("<render_choice>", f"{words(name)}<render_choice>")

    made = item(
        "",
        ASK + pair("p", "Toyota") + pair("q", "Honda"),
        right(equal("1", "p"), 50, "Add") + right(equal("2", "q"), 50, "Add"),
        more=field("points_possible", "3"),
    )
    lecture, report = quiz(tmp_path, made)
    assert [question.points for question in lecture.questions] == [1.5, 1.5]
    assert [question.html for question in lecture.questions] == [
        "<p>Which one burns?</p>\n<div><strong>Toyota</strong></div>",
        "<p>Which one burns?</p>\n<div><strong>Honda</strong></div>",
    ]
    right_ones = [[c.html for c in q.choices if c.is_correct] for q in lecture.questions]
    assert right_ones == [["Corolla"], ["Civic"]]
    assert (report.taken["quiz-items"], report.taken["questions"]) == (1, 2)


def test_blanks_in_a_sentence(tmp_path: Path) -> None:
    def blank(name: str, text: str) -> str:
        response = choices({f"{name}1": text}, ident=f"response_{name}")
        return response.replace("<render_choice>", f"{words(name)}<render_choice>")

    made = item(
        "",
        words("<p>Roses are [one], violets are [two]</p>")
        + blank("one", "red")
        + blank("two", "blue"),
        right(equal("one1", "response_one")) + right(equal("two1", "response_two")),
        more=field("question_type", "fill_in_multiple_blanks_question"),
    )
    lecture, _ = quiz(tmp_path, made)
    assert [answer.text for q in lecture.questions for answer in q.answers] == ["red", "blue"]
    assert lecture.questions[1].html == (
        "<p>Roses are [one], violets are <strong>[two]</strong></p>"
    )


def test_what_is_said_to_answers(tmp_path: Path) -> None:
    def said(ident: str, text: str) -> str:
        return f'<itemfeedback ident="{ident}">{words(text)}</itemfeedback>'

    tells = (
        f"<respcondition continue='Yes'><conditionvar>{equal('b')}</conditionvar>"
        "<displayfeedback feedbacktype='Response' linkrefid='b_fb'/></respcondition>"
    )
    made = item("cc.multiple_choice.v0p1", ASK + choices(AB), tells + right(equal("a")))
    feedback = said("b_fb", "Wet") + said("correct_fb", "Yes") + said("general_fb", "Fire")
    question = asked(tmp_path, made.replace("</item>", f"{feedback}</item>"))
    assert [choice.feedback_html for choice in question.choices] == ["Yes", "Wet"]
    assert question.explanation_html == "Fire"


KEPT_AS_TEXT = {
    "an essay": (item("cc.essay.v0p1", ASK + TYPED), "essay"),
    "a file": (item("", ASK, more=field("question_type", "file_upload_question")), "a file"),
    "a formula": (
        item("", ASK + TYPED, more=field("question_type", "calculated_question")), "formula",
    ),
    "words": (item("", ASK), "asks nothing"),
    "no key": (item("cc.multiple_choice.v0p1", ASK + choices(AB)), "no choice is marked"),
    "one choice": (item("", ASK + choices({"a": "x"}), right(equal("a"))), "fewer than two"),
    "no answer": (item("cc.fib.v0p1", ASK + TYPED, right(equal(""))), "no accepted answer"),
    "a place": (
        item("", ASK + '<response_xy ident="r1"/>', right(equal("1,1"))), "place on a picture",
    ),
    "too many choices": (
        item("", ASK + choices({str(n): "x" for n in range(MAX_CHOICES + 5)}), right(equal("1"))),
        "more than",
    ),
    "words for a number": (
        item("", ASK + TYPED.replace("_str", "_num"), right(equal("many"))), "plain number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT_AS_TEXT.values(), ids=KEPT_AS_TEXT)
def test_what_cannot_be_graded_keeps_its_words(tmp_path: Path, case: tuple[str, str]) -> None:
    lecture, report = quiz(tmp_path, case[0])
    assert lecture.kind == "assignment"
    assert lecture.questions == ()
    assert "Which one burns?" in lecture.html
    (entry,) = [entry for entry in report.left_out if entry.kind == "quiz-item"]
    assert case[1] in entry.reason
    assert entry.is_kept_as_text
    assert (report.found["quiz-items"], report.taken["quiz-items"]) == (1, 0)


def test_rules_of_a_test(tmp_path: Path) -> None:
    metadata = field("cc_maxattempts", "3") + field("qmd_timelimit", "30")
    made = item("cc.multiple_choice.v0p1", ASK + choices(AB), right(equal("a")))
    lecture, _ = quiz(tmp_path, made, made, metadata=metadata)
    assert lecture.rules is not None
    assert (lecture.rules.attempts_allowed, lecture.rules.time_limit_seconds) == (3, 1800)
    keys = [question.external_id for question in lecture.questions]
    assert len(set(keys)) == 2


def test_a_graded_and_an_ungraded_item_are_one_quiz(tmp_path: Path) -> None:
    essay = item("cc.essay.v0p1", words("<p>Write.</p>") + TYPED, ident="q2")
    made = item("cc.multiple_choice.v0p1", ASK + choices(AB), right(equal("a")))
    lecture, report = quiz(tmp_path, made, essay)
    assert (lecture.kind, lecture.html, len(lecture.questions)) == ("quiz", "<p>Write.</p>", 1)
    assert report.found["quiz-items"] == 2


def test_parts_and_items_without_end_do_not_multiply(tmp_path: Path) -> None:
    long = words("w" * 100_000) + "".join(choices(AB, ident=f"r{at}") for at in range(90))
    made = item("", long, "".join(right(equal("a", f"r{at}")) for at in range(90)))
    lecture, report = quiz(tmp_path / "parts", made)
    assert lecture.questions == ()
    assert [e.reason for e in report.left_out if e.kind == "quiz-item"] == ["it has too many parts"]
    many = item("", ASK) * (qti_document.MAX_ITEMS + 1)
    with pytest.raises(faults.PackageTooLarge):
        quiz(tmp_path / "items", many)
