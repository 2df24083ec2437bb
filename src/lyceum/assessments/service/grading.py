"""What an answer is worth: pure arithmetic in whole thousandths of a point, from a key and an
answer alone. Not here: reading and storing (`submission`), and whose answer it is.

Share of the points that an answer earns:
- multiple choice, true or false: 1 when the one choice is correct, else 0;
- multiple response, partial: max(0, right - wrong) / correct, where `right` and `wrong` count the
  choices taken and `correct` those to be taken; with nothing to be taken, 1 for taking nothing;
- multiple response, all or nothing: 1 when exactly the correct choices are taken, else 0;
- short answer: 1 when it equals an accepted text, matches an accepted pattern as a whole, or is a
  number in an accepted range, else 0.
No answer earns nothing. Points are rounded to the nearest thousandth, halves up.
"""

import re
import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from lyceum.assessments.records import AcceptedAnswer, Answer, Question, QuestionContent
from lyceum.platform import patterns
from lyceum.platform.richtext import clean_text

_NOTHING: Final = Fraction(0)
_EVERYTHING: Final = Fraction(1)

# What keyboards and word processors make of quotes, hyphens and the minus sign.
_TYPOGRAPHY: Final = str.maketrans("‘’‚‛ʼ“”„‐‑‒–—−", "'''''\"\"\"------")  # noqa: RUF001

_DECIMAL: Final = r"[+-]?(?:\d{1,60}(?:\.\d{0,60})?|\.\d{1,60})(?:[eE][+-]?\d{1,3})?"
_PLAIN: Final = re.compile(_DECIMAL, re.ASCII)
_PERCENT: Final = re.compile(rf"({_DECIMAL})\s?%", re.ASCII)
_RATIO: Final = re.compile(rf"({_DECIMAL})\s?/\s?({_DECIMAL})", re.ASCII)
_POWER: Final = re.compile(
    rf"({_DECIMAL})\s?[*x×·]\s?10\s?(?:\^|\*\*)\s?\(?([+-]?\d{{1,3}})\)?",  # noqa: RUF001
    re.ASCII,
)
_THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?", re.ASCII)


class Grade(msgspec.Struct, frozen=True):
    """What one answer is worth, and what its author has to say to it."""

    points_milli: int
    is_correct: bool
    feedback_html: tuple[str, ...] = ()

    @classmethod
    def of(cls, question: Question, answer: Answer | None) -> "Grade":
        """Return the grade of an answer; None is no answer."""
        if answer is None:
            return cls(0, is_correct=False)
        content = question.content
        if question.kind == "short_answer":
            accepted = _find_accepted(content, answer)
            share = _NOTHING if accepted is None else _EVERYTHING
            feedback = [] if accepted is None else [accepted.feedback_html]
        else:
            taken = frozenset(answer.choices or ())
            share = _share_of(question.kind, content, taken)
            feedback = [
                choice.feedback_html if index in taken else choice.unchosen_feedback_html
                for index, choice in enumerate(content.choices)
            ]
        return cls(
            _round_half_up(question.points_milli * share),
            share == _EVERYTHING,
            tuple(text for text in feedback if text),
        )


class Score(msgspec.Struct, frozen=True):
    """What an attempt is worth: its points out of those there were."""

    points_milli: int
    max_points_milli: int

    @property
    def percent_hundredths(self) -> int:
        """The percentage times 100, cut off; of nothing to be had it is all."""
        if self.max_points_milli == 0:
            return 100_00
        return self.points_milli * 100_00 // self.max_points_milli

    def passes(self, passing_percent: int) -> bool:
        """Return whether the points are at least that part of all, exactly."""
        if self.max_points_milli == 0:
            return True
        return self.points_milli * 100 >= passing_percent * self.max_points_milli


def _share_of(kind: str, content: QuestionContent, taken: frozenset[int]) -> Fraction:
    correct = frozenset(i for i, choice in enumerate(content.choices) if choice.is_correct)
    if kind != "multiple_response":
        return _EVERYTHING if len(taken) == 1 and taken <= correct else _NOTHING
    if taken == correct:
        return _EVERYTHING
    if content.scoring == "all_or_nothing" or not correct:
        return _NOTHING
    return Fraction(max(0, len(taken & correct) - len(taken - correct)), len(correct))


def _round_half_up(number: Fraction) -> int:
    return (2 * number.numerator + number.denominator) // (2 * number.denominator)


def _find_accepted(content: QuestionContent, answer: Answer) -> AcceptedAnswer | None:
    """Return the first accepted answer that is met."""
    text = clean_text(answer.text or "")
    numbers = _readings(text)
    if answer.value is not None:
        text = f"{answer.value.normalize():f}"
        numbers = (Fraction(answer.value),)
    if not text:
        return None
    for accepted in content.answers:
        if _meets(accepted, text, numbers, is_case_sensitive=content.is_case_sensitive):
            return accepted
    return None


def _meets(
    accepted: AcceptedAnswer, text: str, numbers: tuple[Fraction, ...], *, is_case_sensitive: bool
) -> bool:
    if accepted.number is not None:
        return any(accepted.number.holds(number) for number in numbers)
    if accepted.is_pattern:
        return patterns.matches_whole(accepted.text, text, is_case_sensitive=is_case_sensitive)
    wanted = _fold(accepted.text, is_case_sensitive=is_case_sensitive)
    return _fold(text, is_case_sensitive=is_case_sensitive) == wanted


def _fold(text: str, *, is_case_sensitive: bool) -> str:
    """Return what is left of a text when typing habits, and case where it says nothing, are gone.

    Caseless matching as in the Unicode standard, definition D145.
    """
    folded = clean_text(text.translate(_TYPOGRAPHY))
    if is_case_sensitive:
        return folded
    decomposed = unicodedata.normalize("NFD", folded).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", decomposed))


def _readings(text: str) -> tuple[Fraction, ...]:
    """Return the numbers that a person may mean by `text`: `1,500` and `50 %` mean two."""
    plain = text.translate(_TYPOGRAPHY).strip()
    written = [plain, plain.removesuffix("%").rstrip()]
    if plain.count(",") == 1 and "." not in plain:
        written = [candidate.replace(",", ".") for candidate in written]
    if _THOUSANDS.fullmatch(plain):
        written.append(plain.replace(",", ""))
    numbers = (_read(candidate) for candidate in dict.fromkeys(written))
    return tuple(number for number in numbers if number is not None)


def _read(text: str) -> Fraction | None:
    """Return the number that a decimal, `50 %`, `3/4` or `6.02*10^23` spells."""
    if _PLAIN.fullmatch(text):
        return Fraction(Decimal(text))
    if percent := _PERCENT.fullmatch(text):
        return Fraction(Decimal(percent[1])) / 100
    if power := _POWER.fullmatch(text):
        return Fraction(Decimal(power[1])) * Fraction(10) ** int(power[2])
    if ratio := _RATIO.fullmatch(text):
        below = Fraction(Decimal(ratio[2]))
        return Fraction(Decimal(ratio[1])) / below if below else None
    return None
