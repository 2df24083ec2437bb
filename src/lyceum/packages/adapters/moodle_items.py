"""Questions of a Moodle bank as items of a quiz: their words, and what each part asks.

Matching becomes a question for each pair; a text with blanks in it (cloze) one for each blank. Not
here: what counts as right (`moodle_answers`).
"""

import re
from html import escape

from msgspec.structs import replace

from lyceum.packages.adapters import moodle_answers, moodle_words, wording
from lyceum.packages.adapters.answer_key import Key, NotGradable
from lyceum.packages.adapters.gathering import Item
from lyceum.packages.adapters.moodle_files import MoodleFiles
from lyceum.packages.adapters.moodle_questions import BankQuestion, QuestionBank
from lyceum.packages.records import PackageQuestion

MAX_PARTS = 100
MAX_WORDS = 4 * 1024 * 1024
_BLANK = re.compile(r"\{#(\d{1,3})\}")


class Items:
    """Makes items of the questions of a bank."""

    def __init__(self, bank: QuestionBank, files: MoodleFiles) -> None:
        self._bank = bank
        self._files = files

    def read(self, question: BankQuestion, key: str, points: float | None) -> Item:
        """Return the questions of one of the bank; `points` where the quiz gives it others."""
        element = question.element
        title = wording.one_line(question.name)
        words = self._placed(question, moodle_words.html(element, "questiontext"))
        mark = moodle_words.number(element, "defaultmark") if points is None else points
        try:
            parts = self._parts(question, words)
        except NotGradable as problem:
            shown = words or f"<p>{escape(title)}</p>"
            return Item(key, title, words_html=shown, reason=str(problem))
        size = len(words) + len(moodle_words.value(element, "generalfeedback"))
        # Both are repeated for each part.
        if len(parts) > MAX_PARTS or size * len(parts) > MAX_WORDS:
            return Item(key, title, words_html=words, reason="it has too many parts")
        explanation = self._placed(question, moodle_words.html(element, "generalfeedback"))
        share = round(min(mark, 1000.0) / len(parts), 3)
        questions = tuple(
            self._with_files(
                question,
                PackageQuestion(
                    external_id=key if number == 0 else f"{key}#{number + 1}",
                    kind=answer.kind,
                    title=title,
                    html=stem or escape(title) or "?",
                    choices=answer.choices,
                    answers=answer.answers,
                    is_case_sensitive=answer.is_case_sensitive,
                    explanation_html=explanation,
                    points=share,
                ),
            )
            for number, (stem, answer) in enumerate(parts)
        )
        lost = moodle_answers.lost_shares(element)
        said = (f"{lost} of its answers were worth a part of the mark",) if lost else ()
        return Item(key, title, questions, words_html=words, lost_parts=said)

    def _parts(self, question: BankQuestion, words: str) -> list[tuple[str, Key]]:
        if question.kind == "match":
            pairs = moodle_answers.pairs(question.element)
            if not pairs:
                raise NotGradable("it has no pairs")
            if len(pairs) > MAX_PARTS:
                raise NotGradable("it has too many parts")
            return [(f"{words}\n<div><strong>{stem}</strong></div>", key) for _, stem, key in pairs]
        if question.kind == "multianswer":
            return self._blanks(question, words)
        return [(words, moodle_answers.read_key(question))]

    def _blanks(self, question: BankQuestion, words: str) -> list[tuple[str, Key]]:
        """Return a part for each blank of a text, with the others by their numbers."""
        sequence = moodle_words.value(question.element, ".//multianswer/sequence").split(",")
        if len(sequence) > MAX_PARTS:
            raise NotGradable("it has too many parts")
        inner = [self._bank.by_number.get(number.strip()) for number in sequence]
        if not any(inner):
            raise NotGradable("it has no blanks")
        parts = []
        for number, blank in enumerate(inner, 1):
            if blank is None:
                raise NotGradable("one of its blanks is missing")
            parts.append((_with_blank(words, number), moodle_answers.read_key(blank)))
        return parts

    def _placed(self, question: BankQuestion, html: str) -> str:
        answers = question.element.iterfind("*/answers/answer")
        numbers = (question.number, *(each.get("id") or "" for each in answers))
        return self._files.place(html, question.context, "question", numbers)

    def _with_files(self, question: BankQuestion, made: PackageQuestion) -> PackageQuestion:
        """Put the files into the choices and what is said to answers."""
        return replace(
            made,
            choices=tuple(
                replace(
                    choice,
                    html=self._placed(question, choice.html),
                    feedback_html=self._placed(question, choice.feedback_html),
                )
                for choice in made.choices
            ),
            answers=tuple(
                replace(answer, feedback_html=self._placed(question, answer.feedback_html))
                for answer in made.answers
            ),
        )


def _with_blank(words: str, current: int) -> str:
    def blank(found: re.Match[str]) -> str:
        shown = f"[{found[1]}]"
        return f"<strong>{shown}</strong>" if int(found[1]) == current else shown

    return _BLANK.sub(blank, words)
