"""What counts as right in an item of QTI 1.2: the conditions that set a score, and what is said.

Not here: the words of the question (`qti_words`).
"""

import math
import re
from collections.abc import Iterator

from lyceum.packages.adapters import answer_key, numbers_as_written, qti_words, wording
from lyceum.packages.adapters.answer_key import Key, NotGradable
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import NumberRange, PackageAnswer

_LOWER = {"vargte": False, "vargt": True}
_UPPER = {"varlte": False, "varlt": True}


class Scored:
    """The conditions of an item: which of them give points, and which feedback they show.

    All are gone through once, however many responses ask for them.
    """

    def __init__(self, item: Element) -> None:
        self._right: dict[str, list[tuple[Element, list[Element]]]] = {}
        self._told: dict[tuple[str, str], list[str]] = {}
        for condition in item.iter("respcondition"):
            compared = list(_positive(condition))
            if _gives_points(condition):
                self._add_right(condition, compared)
            equal = [each for each in compared if each.tag == "varequal"]
            if len(equal) == 1:
                told = (equal[0].get("respident") or "", (equal[0].text or "").strip())
                self._told.setdefault(told, []).extend(_links(condition))
        self._said = {
            feedback.get("ident") or "": qti_words.of(feedback)
            for feedback in item.iter("itemfeedback")
        }

    def right_values(self, name: str) -> set[str]:
        """Return the values of a response that belong to a right answer."""
        return {
            (element.text or "").strip()
            for _, compared in self.right_elements(name)
            for element in compared
            if element.tag == "varequal"
        }

    def right_elements(self, name: str) -> list[tuple[Element, list[Element]]]:
        """Return for each condition that gives points what it compares the response with."""
        return [*self._right.get(name, []), *(self._right.get("", []) if name else [])]

    def feedback_of(self, name: str, value: str, *, is_right: bool) -> str:
        """Return what is said of one choice."""
        parts = [*self._told.get((name, value), []), *self._told.get(("", value), [])]
        parts += ["correct_fb"] if is_right else ["general_incorrect_fb"]
        return self._joined(parts)

    def _add_right(self, condition: Element, compared: list[Element]) -> None:
        by_name: dict[str, list[Element]] = {}
        for element in compared:
            by_name.setdefault(element.get("respident") or "", []).append(element)
        for name, elements in by_name.items():
            self._right.setdefault(name, []).append((condition, elements))

    def right_feedback(self, condition: Element) -> str:
        """Return what is said to the answers of a condition."""
        return self._joined(_links(condition))

    def general_feedback(self) -> str:
        """Return what is said to every answer, and the solution."""
        parts = ["general_fb"]
        parts += [ident for ident in self._said if "solution" in ident.lower()]
        return self._joined(parts)

    def _joined(self, idents: list[str]) -> str:
        said = [self._said.get(ident, "") for ident in dict.fromkeys(idents)]
        return "\n".join(filter(None, said))


def typed(scored: Scored, name: str, *, is_number: bool) -> Key:
    """Return the accepted texts, patterns or numbers of a response that is typed."""
    answers = []
    is_case_sensitive = False
    for condition, compared in scored.right_elements(name):
        said = scored.right_feedback(condition)
        if is_number:
            answers += [
                PackageAnswer(text=text, number=number, feedback_html=said)
                for text, number in _numbers(compared)
            ]
            continue
        for element in compared:
            text = (element.text or "").strip()
            if not text or element.tag not in {"varequal", "varsubstring"}:
                continue
            is_case_sensitive |= (element.get("case") or "").lower() == "yes"
            is_part = element.tag == "varsubstring"
            answers.append(
                PackageAnswer(
                    text=f".*{re.escape(text)}.*" if is_part else text,
                    is_pattern=is_part,
                    feedback_html=said,
                )
            )
    return answer_key.of_answers(answers, is_case_sensitive=is_case_sensitive)


def _numbers(compared: list[Element]) -> list[tuple[str, NumberRange]]:
    """Return the numbers of one condition: a range where it has two ends, else each number."""
    lowest, highest = _end(compared, _LOWER), _end(compared, _UPPER)
    exact = [each for each in compared if each.tag == "varequal"]
    shown = wording.one_line((exact[0].text or "") if exact else "", answer_key.MAX_ANSWER)
    if lowest is not None and highest is not None:
        found = NumberRange(
            lowest=lowest[0],
            highest=highest[0],
            is_lowest_open=lowest[1],
            is_highest_open=highest[1],
        )
        return [(shown or f"{lowest[0]:g} to {highest[0]:g}", found)]
    numbers = [
        (wording.one_line(each.text or ""), numbers_as_written.read_number(each.text or ""))
        for each in exact
    ]
    if any(number is None for _, number in numbers):
        raise NotGradable("its answer is not a plain number")
    return [
        (text, NumberRange(lowest=number, highest=number))
        for text, number in numbers
        if number is not None
    ]


def _end(compared: list[Element], names: dict[str, bool]) -> tuple[float, bool] | None:
    for element in compared:
        if element.tag in names:
            number = numbers_as_written.read_number(element.text or "")
            if number is None or not math.isfinite(number):
                raise NotGradable("its answer is not a plain number")
            return number, names[str(element.tag)]
    return None


def _gives_points(condition: Element) -> bool:
    for setting in condition.iter("setvar"):
        number = numbers_as_written.read_number(setting.text or "")
        if number is not None and number > 0:
            return (setting.get("action") or "Set").lower() in {"set", "add"}
    return False


def _positive(condition: Element) -> Iterator[Element]:
    """Yield what a condition compares, but not what it wants not to be."""
    for element in condition.iterfind("conditionvar//*"):
        compares = str(element.tag).startswith("var")
        if compares and next(element.iterancestors("not"), None) is None:
            yield element


def _links(condition: Element) -> list[str]:
    return [each.get("linkrefid") or "" for each in condition.iter("displayfeedback")]
