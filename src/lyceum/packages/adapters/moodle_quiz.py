"""Which questions a quiz of a Moodle backup asks, and how it is taken, in every shape since 2.0.

Not here: the questions themselves (`moodle_questions`, `moodle_items`).
"""

import json
import re
from typing import Any, NamedTuple

from lyceum.packages.adapters import moodle_words, wording
from lyceum.packages.adapters.moodle_questions import BankQuestion, QuestionBank
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import QuizRules

MAX_SECONDS = 604_800


class Slot(NamedTuple):
    """One place of a quiz: the question and its points; `fault` where there is none."""

    question: BankQuestion | None
    points: float | None
    fault: str = ""


class Slots(NamedTuple):
    """The places of a quiz in order; `drawn` of them asked some of a category at random."""

    slots: list[Slot]
    drawn: int


def read_slots(quiz: Element, bank: QuestionBank) -> Slots:
    """Return what a quiz asks; of what it draws at random all is asked."""
    instances = list(quiz.iterfind("question_instances/question_instance"))
    if all(each.find("slot") is None for each in instances):
        instances = _in_layout(instances, moodle_words.value(quiz, "questions"))
    else:
        instances.sort(key=lambda each: moodle_words.number(each, "slot"))
    slots: list[Slot] = []
    drawn = 0
    asked: set[str] = set()
    categories: set[tuple[str, bool]] = set()
    for instance in instances:
        found = _of_instance(instance, bank, categories)
        drawn += found.drawn
        for slot in found.slots:
            if slot.question is None or slot.question.number not in asked:
                slots.append(slot)
                asked |= {slot.question.number} if slot.question else set()
    return Slots(slots, drawn)


def read_rules(quiz: Element, grades: Element | None) -> QuizRules:
    """Return how a quiz is taken; a pass is what the grade book says."""
    attempts = int(moodle_words.number(quiz, "attempts_number"))
    seconds = int(moodle_words.number(quiz, "timelimit"))
    item = None if grades is None else grades.find(".//grade_item")
    passing = 0.0 if item is None else moodle_words.number(item, "gradepass")
    most = 0.0 if item is None else moodle_words.number(item, "grademax")
    return QuizRules(
        passing_percent=min(100, round(passing / most * 100)) if passing and most else None,
        attempts_allowed=min(attempts, 1000) or None,
        time_limit_seconds=min(max(seconds, 10), MAX_SECONDS) if seconds else None,
        shuffles_questions=moodle_words.value(quiz, "shufflequestions") == "1"
        or moodle_words.value(quiz, ".//sections/section/shufflequestions") == "1",
    )


def _in_layout(instances: list[Element], layout: str) -> list[Element]:
    """Order instances as the layout of old says: numbers of questions, with 0 for a new page."""
    order = [number.strip() for number in layout.split(",") if number.strip() not in {"", "0"}]
    if not order:
        return instances
    place = {number: at for at, number in enumerate(order)}
    return sorted(instances, key=lambda each: place.get(_number(each), len(place)))


def _number(instance: Element) -> str:
    """Return the number of the question: `question` before 2.7, `questionid` until 4.0."""
    return moodle_words.value(instance, "questionid") or moodle_words.value(instance, "question")


def _of_instance(instance: Element, bank: QuestionBank, categories: set[tuple[str, bool]]) -> Slots:
    points = _points(instance)
    reference = instance.find("question_reference")
    if reference is not None:
        entry = moodle_words.value(reference, "questionbankentryid")
        found = bank.latest(entry, moodle_words.value(reference, "version"))
        return Slots([_slot(found, points)], 0)
    drawn = instance.find("question_set_reference")
    if drawn is not None:
        category, with_inner = _filtered(moodle_words.value(drawn, "filtercondition"))
        return _of_category(bank, category, points, categories, with_inner=with_inner)
    category = moodle_words.value(instance, "questioncategoryid")
    question = bank.by_number.get(_number(instance))
    if question is not None and question.kind == "random":
        with_inner = moodle_words.value(question.element, "questiontext") == "1"
        return _of_category(bank, question.category, points, categories, with_inner=with_inner)
    if question is None and category:
        return _of_category(bank, category, points, categories, with_inner=False)
    return Slots([_slot(question, points)], 0)


def _slot(question: BankQuestion | None, points: float | None) -> Slot:
    fault = "" if question else "the bank of the backup does not have it"
    return Slot(question, points, fault)


def _of_category(
    bank: QuestionBank,
    category: str,
    points: float | None,
    categories: set[tuple[str, bool]],
    *,
    with_inner: bool,
) -> Slots:
    """Return all questions of a category, once for all that is drawn from it."""
    if (category, with_inner) in categories:
        return Slots([], 1)
    categories.add((category, with_inner))
    found = bank.of_category(category, with_inner=with_inner)
    if not found:
        return Slots([Slot(None, points, "it is drawn from a category that is empty here")], 1)
    return Slots([Slot(each, points) for each in found], 1)


def _points(instance: Element) -> float | None:
    for name in ("maxmark", "grade"):
        if re.fullmatch(r"\d{1,6}(\.\d{1,9})?", moodle_words.value(instance, name)):
            return moodle_words.number(instance, name)
    return None


def _filtered(condition: str) -> tuple[str, bool]:
    """Return the category that a condition names, in the shape of 4.0 and in that of 4.3."""
    read: Any = wording.json_value(condition)
    if not isinstance(read, dict):
        return "", False
    category = read.get("questioncategoryid")
    if category is None:
        found = read.get("filter", {})
        kind = found.get("category", {}) if isinstance(found, dict) else {}
        values = kind.get("values") if isinstance(kind, dict) else None
        category = values[0] if isinstance(values, list) and values else ""
    inner = read.get("includingsubcategories")
    return json.dumps(category).strip('"'), inner in (1, "1", True)
