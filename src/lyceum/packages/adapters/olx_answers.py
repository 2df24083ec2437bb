"""What counts as right in an Open edX problem: choices, accepted texts, numbers and ranges.

Not here: the words of the question (`olx_statement`).
"""

import re
import warnings
from collections.abc import Callable
from html import escape

from lyceum.packages.adapters import numbers_as_written, olx_statement, wording
from lyceum.packages.adapters.answer_key import Key, NotGradable
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import PackageAnswer, PackageChoice, QuestionKind

MAX_ANSWER = 1000
MAX_OPTIONS = 20_000
MAX_CHOICE_WORDS = 200_000

_WHY_NOT = {
    "customresponse": "it is graded by a script of the author",
    "javascriptresponse": "it is graded by a script of the author",
    "coderesponse": "it is graded by an outside grader",
    "externalresponse": "it is graded by an outside grader",
    "xqueueresponse": "it is graded by an outside grader",
    "formularesponse": "its answer is a formula",
    "symbolicresponse": "its answer is a formula",
    "schematicresponse": "its answer is a circuit",
    "imageresponse": "its answer is a place on a picture",
    "choicetextresponse": "its choices hold fields to fill in",
}
_OPTION = re.compile(r"'((?:[^'\\]|\\.|(?<=\w)'(?=\w))*)'|\"((?:[^\"\\]|\\.)*)\"")


def read_key(element: Element, response: Element) -> Key:
    """Return what is right at an element of a response; raises NotGradable."""
    tag = str(response.tag)
    read = _READERS.get(tag)
    if read is None:
        raise NotGradable(_WHY_NOT.get(tag, f"problems of the kind {tag[:60]} are not known here"))
    return read(element)


def _single_choice(response: Element) -> Key:
    choices = _choices(response, "choice")
    if sum(choice.is_correct for choice in choices) == 0:
        raise NotGradable("no choice is marked as correct")
    return Key(kind=_one_of(choices), choices=choices)


def _several_choices(response: Element) -> Key:
    choices = _choices(response, "choice")
    if not any(choice.is_correct for choice in choices):
        raise NotGradable("no choice is marked as correct")
    return Key(kind="multiple_response", choices=choices)


def _choices(response: Element, tag: str) -> tuple[PackageChoice, ...]:
    """Return the choices in order; feedback is told apart by whether the choice was selected."""
    choices = []
    words = 0
    for element in response.iter(tag):
        hints = {
            (hint.get("selected") or "true").lower(): olx_statement.html_of(hint)
            for hint in element
            if hint.tag in {"choicehint", "optionhint"}
        }
        choices.append(
            PackageChoice(
                html=olx_statement.html_of(element),
                is_correct=(element.get("correct") or "").lower() == "true",
                feedback_html=hints.get("true", ""),
                unchosen_feedback_html=hints.get("false", ""),
            )
        )
        # A choice inside a choice belongs to both.
        words += len(choices[-1].html) + sum(map(len, hints.values()))
        if words > MAX_CHOICE_WORDS:
            raise NotGradable("its choices are too long")
    return _offered(choices)


def _offered(choices: list[PackageChoice]) -> tuple[PackageChoice, ...]:
    if len(choices) < 2:
        raise NotGradable("it offers fewer than two choices")
    if any(not choice.html for choice in choices):
        raise NotGradable("one of its choices is empty")
    return tuple(choices)


def _one_of(choices: tuple[PackageChoice, ...]) -> QuestionKind:
    words = sorted(wording.plain_line(choice.html).lower() for choice in choices)
    has_one_answer = sum(choice.is_correct for choice in choices) == 1
    is_true_false = has_one_answer and words == ["false", "true"]
    return "true_false" if is_true_false else "multiple_choice"


def _drop_down(element: Element) -> Key:
    """Read a drop-down: options as elements, or as `('a','b')` in an attribute of old."""
    field = element if element.tag == "optioninput" else next(element.iter("optioninput"), None)
    if field is None:
        raise NotGradable("it has no choices")
    if next(field.iter("option"), None) is not None:
        choices = _choices(field, "option")
    else:
        correct = (field.get("correct") or "").strip()
        choices = _offered(
            [
                PackageChoice(html=escape(option), is_correct=option == correct)
                for option in _listed(field.get("options") or "")
            ]
        )
    if sum(choice.is_correct for choice in choices) != 1:
        raise NotGradable("not exactly one choice is marked as correct")
    return Key(kind=_one_of(choices), choices=choices)


def _listed(options: str) -> list[str]:
    """Read a list of quoted words; apostrophes inside a word may stand bare."""
    options = options[:MAX_OPTIONS]
    quoted = [single or double for single, double in _OPTION.findall(options)]
    words = quoted or options.strip("() ").split(",")
    return [word.replace("\\'", "'").strip() for word in words if word.strip()]


def _annotation(response: Element) -> Key:
    choices = tuple(
        PackageChoice(
            html=olx_statement.html_of(option), is_correct=option.get("choice") == "correct"
        )
        for option in response.iter("option")
    )
    if sum(choice.is_correct for choice in choices) != 1:
        raise NotGradable("not exactly one choice is marked as correct")
    return Key(kind="multiple_choice", choices=_offered(list(choices)))


def _short_answer(response: Element) -> Key:
    """Read accepted texts; `_or_` between them in one attribute is the form of old."""
    settings = (response.get("type") or "").lower().split()
    is_pattern = "regexp" in settings
    given = response.get("answer") or ""
    if "_or_" in given:
        accepted, is_pattern = [(text, "") for text in given.split("_or_")], False
    else:
        feedback = "".join(olx_statement.html_of(hint) for hint in response.findall("correcthint"))
        accepted = [(given, feedback), *_additional(response)]
    answers = tuple(
        PackageAnswer(text=text.strip(), is_pattern=is_pattern, feedback_html=feedback)
        for text, feedback in accepted
        if text.strip()
    )
    for answer in answers:
        _refuse_unusable(answer)
    if not answers:
        raise NotGradable("it has no accepted answer")
    return Key(kind="short_answer", answers=answers, is_case_sensitive="ci" not in settings)


def _additional(response: Element) -> list[tuple[str, str]]:
    """Return the further answers with their feedback; older ones stand in the element's text."""
    return [
        (
            element.get("answer") or element.text or "",
            "".join(olx_statement.html_of(hint) for hint in element.findall("correcthint")),
        )
        for element in response.findall("additional_answer")
    ]


def _refuse_unusable(answer: PackageAnswer) -> None:
    if len(answer.text) > MAX_ANSWER:
        raise NotGradable(f"an accepted answer is longer than {MAX_ANSWER} characters")
    if answer.is_pattern:
        try:
            # Python warns of brackets that may mean something else one day.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                re.compile(answer.text)
        except (re.error, OverflowError, RecursionError) as problem:
            raise NotGradable("its pattern cannot be read") from problem


def _number(response: Element) -> Key:
    tolerance = next(
        (
            param.get("default") or ""
            for param in response.iter("responseparam")
            if param.get("type") == "tolerance"
        ),
        "",
    )
    feedback = "".join(olx_statement.html_of(hint) for hint in response.findall("correcthint"))
    accepted = [(response.get("answer") or "", feedback), *_additional(response)]
    answers = []
    for text, said in accepted:
        number = numbers_as_written.read_range(text, tolerance)
        if number is None:
            raise NotGradable("its answer is not a plain number")
        answers.append(
            PackageAnswer(text=wording.one_line(text), number=number, feedback_html=said)
        )
    return Key(kind="short_answer", answers=tuple(answers))


_READERS: dict[str, Callable[[Element], Key]] = {
    "multiplechoiceresponse": _single_choice,
    "truefalseresponse": _several_choices,
    "choiceresponse": _several_choices,
    "optionresponse": _drop_down,
    "annotationresponse": _annotation,
    "stringresponse": _short_answer,
    "numericalresponse": _number,
}
