"""What answers are worth: each rule by example, and what holds for all of them."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.assessments.records import (
    AcceptedAnswer,
    Answer,
    Choice,
    NumberRange,
    Question,
    QuestionContent,
)
from lyceum.assessments.schemas import QuestionKind, Scoring
from lyceum.assessments.service.grading import Grade, Score
from lyceum.platform.richtext import clean_text


def choice_question(
    kind: QuestionKind, key: str, *, points_milli: int = 1000, scoring: Scoring = "partial"
) -> Question:
    """A question whose choices are the letters of `key`, the capital ones correct."""
    choices = tuple(
        Choice(html=letter, is_correct=letter.isupper(), feedback_html=f"took {letter}")
        for letter in key
    )
    return Question(kind, points_milli, QuestionContent(html="?", choices=choices, scoring=scoring))


def short_question(*accepted: AcceptedAnswer, is_case_sensitive: bool = False) -> Question:
    content = QuestionContent(html="?", answers=accepted, is_case_sensitive=is_case_sensitive)
    return Question("short_answer", 1000, content)


def number(lowest: str, highest: str, **ends: bool) -> AcceptedAnswer:
    return AcceptedAnswer(number=NumberRange(Decimal(lowest), Decimal(highest), **ends))


def points(question: Question, *choices: int) -> int:
    return Grade.of(question, Answer(choices=choices)).points_milli


def is_right(question: Question, text: str) -> bool:
    return Grade.of(question, Answer(text=text)).is_correct


def test_no_answer_is_worth_nothing() -> None:
    for question in (
        choice_question("multiple_choice", "aB"),
        choice_question("multiple_response", "ab"),
        short_question(AcceptedAnswer(text="x")),
    ):
        assert Grade.of(question, None) == Grade(0, is_correct=False)


def test_of_a_multiple_choice_any_correct_choice_is_right() -> None:
    question = choice_question("multiple_choice", "aBC")
    assert [points(question, place) for place in range(3)] == [0, 1000, 1000]
    assert points(question) == 0


def test_a_multiple_choice_is_not_won_by_taking_everything() -> None:
    assert points(choice_question("multiple_choice", "aBC"), 1, 2) == 0


def test_true_or_false() -> None:
    question = choice_question("true_false", "Tf")
    assert (points(question, 0), points(question, 1)) == (1000, 0)


@pytest.mark.parametrize(
    ("taken", "worth"),
    [((0, 1, 2), 1000), ((0, 1), 667), ((0,), 333), ((0, 3), 0), ((0, 1, 3), 333),
     ((0, 1, 2, 3), 667), ((0, 1, 2, 3, 4), 333), ((), 0), ((3, 4), 0)],
)  # fmt: skip
def test_wrong_choices_cost_what_right_ones_earn(taken: tuple[int, ...], worth: int) -> None:
    assert points(choice_question("multiple_response", "ABCde"), *taken) == worth


@pytest.mark.parametrize(("taken", "worth"), [((0, 1), 1000), ((0,), 0), ((0, 1, 2), 0)])
def test_all_or_nothing(taken: tuple[int, ...], worth: int) -> None:
    question = choice_question("multiple_response", "ABc", scoring="all_or_nothing")
    assert points(question, *taken) == worth


def test_where_nothing_is_correct_taking_nothing_is_right() -> None:
    question = choice_question("multiple_response", "ab")
    assert (points(question), points(question, 0)) == (1000, 0)


def test_each_choice_has_its_feedback() -> None:
    choices = (
        Choice(html="a", is_correct=True, feedback_html="good"),
        Choice(html="b", is_correct=False, unchosen_feedback_html="well left"),
        Choice(html="c", is_correct=False, feedback_html="bad"),
    )
    question = Question("multiple_response", 1000, QuestionContent(html="?", choices=choices))
    assert Grade.of(question, Answer(choices=(0,))).feedback_html == ("good", "well left")


@pytest.mark.parametrize(
    ("accepted", "text", "right"),
    [
        ("Hubble", "hubble", True),
        ("Hubble", "  HUBBLE ", True),
        ("New York", "new\u00a0 york", True),
        ("New York", "newyork", False),
        ("Straße", "STRASSE", True),
        ("café", "cafe\u0301", True),
        ("café", "cafe", False),
        ("don't", "don\u2019t", True),
        ("x²", "x2", False),
        ("Hubble", "", False),
    ],
)
def test_short_answers_forgive_typing_habits(accepted: str, text: str, right: bool) -> None:
    assert is_right(short_question(AcceptedAnswer(text=accepted)), text) is right


def test_case_counts_where_the_author_says_so() -> None:
    question = short_question(AcceptedAnswer(text="NaCl"), is_case_sensitive=True)
    assert is_right(question, "NaCl")
    assert not is_right(question, "nacl")


def test_any_accepted_answer_is_right_and_the_first_speaks() -> None:
    question = short_question(
        AcceptedAnswer(text="car", feedback_html="one"),
        AcceptedAnswer(text="auto", feedback_html="two"),
        AcceptedAnswer(text="auto.*", is_pattern=True, feedback_html="three"),
    )
    assert Grade.of(question, Answer(text="AUTO")) == Grade(1000, True, ("two",))
    assert Grade.of(question, Answer(text="Automobile")) == Grade(1000, True, ("three",))
    assert Grade.of(question, Answer(text="bus")) == Grade(0, False)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("600", True),
        ("600.0", True),
        (" 6e2 ", True),
        ("6*10^2", True),
        ("6 × 10^2", True),  # noqa: RUF001
        ("1200/2", True),
        ("599.5", True),
        ("599,5", True),
        ("599.4", False),
        ("\u2212600", False),
        ("600 N", False),
        ("six hundred", False),
        ("1/0", False),
        ("nan", False),
        ("inf", False),
        ("", False),
        ("٦٠٠", False),
        ("1e999/1e999", False),
    ],
)
def test_numbers_within_a_tolerance(text: str, right: bool) -> None:
    assert is_right(short_question(number("599.5", "600.5")), text) is right


def test_a_number_with_a_comma_may_mean_either() -> None:
    assert is_right(short_question(number("1500", "1500")), "1,500")
    assert is_right(short_question(number("1.5", "1.5")), "1,500")
    assert is_right(short_question(number("1234567.5", "1234567.5")), "1,234,567.5")
    assert not is_right(short_question(number("1500", "1500")), "1,5,00")


def test_a_percentage_may_mean_either() -> None:
    assert is_right(short_question(number("0.5", "0.5")), "50 %")
    assert is_right(short_question(number("50", "50")), "50%")


def test_open_ends_are_left_out() -> None:
    question = short_question(number("5", "7", is_highest_open=True))
    assert [is_right(question, text) for text in ("5", "6.999", "7")] == [True, True, False]
    upwards = short_question(
        AcceptedAnswer(number=NumberRange(lowest=Decimal(5), is_lowest_open=True))
    )
    assert [is_right(upwards, text) for text in ("5", "5.001", "1e300")] == [False, True, True]


def test_a_value_counts_as_number_and_as_text() -> None:
    value = Answer(value=Decimal("0.10"))
    assert Grade.of(short_question(number("0.1", "0.1")), value).is_correct
    assert Grade.of(short_question(AcceptedAnswer(text="0.1")), value).is_correct
    assert Grade.of(
        short_question(AcceptedAnswer(text="12")), Answer(value=Decimal("12.0"))
    ).is_correct


@given(
    st.lists(st.booleans(), min_size=1, max_size=12),
    st.sets(st.integers(0, 11)),
    st.integers(0, 1_000_000),
    st.sampled_from(["partial", "all_or_nothing"]),
)
def test_a_multiple_response_earns_part_of_its_points(
    key: list[bool], taken: set[int], points_milli: int, scoring: Scoring
) -> None:
    letters = "".join("A" if correct else "a" for correct in key)
    question = choice_question(
        "multiple_response", letters, points_milli=points_milli, scoring=scoring
    )
    taken = {place for place in taken if place < len(key)}
    correct = {place for place, is_correct in enumerate(key) if is_correct}
    grade = Grade.of(question, Answer(choices=tuple(sorted(taken))))
    assert 0 <= grade.points_milli <= points_milli
    assert grade.is_correct == (taken == correct)
    if grade.is_correct:
        assert grade.points_milli == points_milli
    elif correct and scoring == "partial":
        right, wrong = len(taken & correct), len(taken - correct)
        exact = Fraction(points_milli * max(0, right - wrong), len(correct))
        assert abs(grade.points_milli - exact) <= Fraction(1, 2)
    else:
        assert grade.points_milli == 0
    if taken != set(range(len(key))):
        worse = sorted(taken | {min(set(range(len(key))) - taken - correct, default=-1)} - {-1})
        assert Grade.of(question, Answer(choices=tuple(worse))).points_milli <= grade.points_milli


@given(st.lists(st.tuples(st.integers(0, 1_000_000), st.integers(0, 1_000_000))))
def test_percent_never_says_more_than_was_reached(pairs: list[tuple[int, int]]) -> None:
    score = Score(sum(min(pair) for pair in pairs), sum(max(pair) for pair in pairs))
    percent = Fraction(score.percent_hundredths, 100)
    assert 0 <= percent <= 100
    for passing_percent in (0, 1, 33, 50, 69, 70, 99, 100):
        assert score.passes(passing_percent) == (percent >= passing_percent)


def test_a_third_is_not_34_percent() -> None:
    assert Score(1000, 3000).percent_hundredths == 3333
    assert not Score(699_999, 1_000_000).passes(70)
    assert Score(0, 0).passes(100)


@given(st.text(max_size=60))
def test_any_text_is_graded(text: str) -> None:
    question = short_question(
        number("-1e300", "1e300"), AcceptedAnswer(text="a.c", is_pattern=True)
    )
    assert Grade.of(question, Answer(text=text)).points_milli in (0, 1000)


@given(st.text(min_size=1, max_size=60))
def test_the_accepted_text_itself_is_right(text: str) -> None:
    question = short_question(AcceptedAnswer(text=text))
    grade = Grade.of(question, Answer(text=text))
    assert grade.is_correct == bool(clean_text(text))


@given(st.floats(-1e100, 1e100), st.floats(0, 1e100))
def test_a_number_as_it_was_written_is_in_its_own_range(value: float, tolerance: float) -> None:
    exact = Decimal(repr(value))
    question = short_question(
        AcceptedAnswer(number=NumberRange(exact - Decimal(repr(tolerance)), exact))
    )
    assert Grade.of(question, Answer(value=exact)).is_correct
    assert is_right(question, repr(value))
