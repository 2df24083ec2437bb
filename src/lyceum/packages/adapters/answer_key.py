"""The answer to a question, in the form that every format's reader gives it.

Not here: reading it (each format's reader).
"""

import msgspec

from lyceum.packages.adapters import wording
from lyceum.packages.records import PackageAnswer, PackageChoice, QuestionKind

MAX_ANSWER = 1000
MAX_ANSWERS = 100
MAX_CHOICES = 100


class NotGradable(Exception):
    """Why something cannot be graded here, in words for the report."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a question; the fields are those of PackageQuestion."""

    kind: QuestionKind
    choices: tuple[PackageChoice, ...] = ()
    answers: tuple[PackageAnswer, ...] = ()
    is_case_sensitive: bool = False


def of_choices(choices: tuple[PackageChoice, ...], *, takes_several: bool) -> Key:
    """Return the key of choices, or raise NotGradable; true and false are known by their words."""
    if len(choices) > MAX_CHOICES:
        raise NotGradable(f"it offers more than {MAX_CHOICES} choices")
    if len(choices) < 2:
        raise NotGradable("it offers fewer than two choices")
    if not any(choice.is_correct for choice in choices):
        raise NotGradable("no choice is marked as correct")
    if takes_several:
        return Key(kind="multiple_response", choices=choices)
    words = sorted(wording.plain_line(choice.html).lower() for choice in choices)
    has_one_answer = sum(choice.is_correct for choice in choices) == 1
    is_true_false = has_one_answer and words == ["false", "true"]
    return Key(kind="true_false" if is_true_false else "multiple_choice", choices=choices)


def of_answers(answers: list[PackageAnswer], *, is_case_sensitive: bool = False) -> Key:
    """Return the key of accepted answers, or raise NotGradable."""
    if not answers:
        raise NotGradable("it has no accepted answer")
    if len(answers) > MAX_ANSWERS:
        raise NotGradable(f"it accepts more than {MAX_ANSWERS} answers")
    if any(len(answer.text) > MAX_ANSWER for answer in answers):
        raise NotGradable(f"an accepted answer is longer than {MAX_ANSWER} characters")
    return Key(kind="short_answer", answers=tuple(answers), is_case_sensitive=is_case_sensitive)
