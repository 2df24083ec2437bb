"""The questions of a package as they can be asked here, and why others cannot.

Not here: reading them (each format's reader).
"""

from collections import Counter
from typing import NamedTuple

from msgspec.structs import replace

from lyceum.packages.adapters import readable
from lyceum.packages.adapters.readable import Resolve
from lyceum.packages.adapters.receiver import Receiver
from lyceum.packages.records import PackageAnswer, PackageChoice, PackageQuestion


class Askable(NamedTuple):
    """Questions with HTML that can be read, what that HTML lost, and why others are not asked."""

    questions: tuple[PackageQuestion, ...]
    lost: Counter[str]
    faults: tuple[str, ...]


def count_characters(question: PackageQuestion) -> int:
    """Return how much HTML there is in a question."""
    texts = [question.html, question.explanation_html]
    for choice in question.choices:
        texts += [choice.html, choice.feedback_html, choice.unchosen_feedback_html]
    texts += [answer.feedback_html for answer in question.answers]
    return sum(map(len, texts))


def make_askable(
    questions: tuple[PackageQuestion, ...], receiver: Receiver, resolve: Resolve
) -> Askable:
    """Return the questions that a learner can be asked."""
    asked, faults = [], []
    lost: Counter[str] = Counter()
    for question in questions:
        cleaner = _Cleaner(resolve)
        cleaned = cleaner.clean_question(question)
        fault = cleaner.fault or _unshown(cleaned) or receiver.find_fault(cleaned)
        if fault:
            faults.append(f"it cannot be asked here: {fault}")
        else:
            asked.append(cleaned)
            lost += cleaner.lost
    return Askable(tuple(asked), lost, tuple(faults))


def room_for(questions: tuple[PackageQuestion, ...], receiver: Receiver) -> str:
    """Return why a quiz cannot hold so many questions, or nothing."""
    if len(questions) > receiver.quiz_questions:
        return f"the quiz holds more than {receiver.quiz_questions} questions"
    patterns = sum(answer.is_pattern for each in questions for answer in each.answers)
    if patterns > receiver.quiz_patterns:
        return f"the quiz holds more than {receiver.quiz_patterns} patterns"
    return ""


def _unshown(question: PackageQuestion) -> str:
    """Return what of a question nobody would see, or nothing."""
    if not question.html:
        return "nothing of its words can be shown"
    if any(not choice.html for choice in question.choices):
        return "one of its choices cannot be shown"
    return ""


class _Cleaner:
    """Makes the HTML of one question readable; `fault` is the first that could not be."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self.lost: Counter[str] = Counter()
        self.fault = ""

    def clean_question(self, question: PackageQuestion) -> PackageQuestion:
        """Return the question with HTML that can be read."""
        return replace(
            question,
            html=self._clean(question.html),
            explanation_html=self._clean(question.explanation_html),
            choices=tuple(self._clean_choice(choice) for choice in question.choices),
            answers=tuple(self._clean_answer(answer) for answer in question.answers),
        )

    def _clean_choice(self, choice: PackageChoice) -> PackageChoice:
        return replace(
            choice,
            html=self._clean(choice.html),
            feedback_html=self._clean(choice.feedback_html),
            unchosen_feedback_html=self._clean(choice.unchosen_feedback_html),
        )

    def _clean_answer(self, answer: PackageAnswer) -> PackageAnswer:
        return replace(answer, feedback_html=self._clean(answer.feedback_html))

    def _clean(self, html: str) -> str:
        if not html:
            return ""
        found = readable.make_readable(html, self._resolve)
        self.lost += found.lost
        self.fault = self.fault or found.fault
        return found.html
