"""Problem blocks of an Open edX course as questions that can be graded here.

A response becomes a question; a problem with several becomes several. A response that needs code
of the author, a formula or a drawing cannot be graded here, and says why. Not here: the words
around the responses (`olx_statement`), their answers (`olx_answers`), problems that are written
in the editor's shorthand only (`olx_markdown`).
"""

import re
from html import escape
from typing import NamedTuple

from lyceum.packages.adapters import olx_answers, olx_markdown, olx_statement, xml
from lyceum.packages.adapters.answer_key import Key, NotGradable
from lyceum.packages.adapters.olx_blocks import Block
from lyceum.packages.adapters.olx_statement import Statement
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import PackageQuestion

MAX_PARTS = 100
MAX_WORDS = 4 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z_]\w*")
_VARIABLE = re.compile(r"\$\{?\s*([A-Za-z_]\w*)")
_NO_RESPONSE = "it asks nothing that can be answered"
_DRAWN = "a script of the author draws its numbers"
_TOO_MANY = "it has too many parts for its length"


class Problem(NamedTuple):
    """What became of a problem: questions, or words to read and the reason; maybe neither.

    `lost_parts` are the reasons for the responses that stayed behind beside the questions.
    """

    questions: tuple[PackageQuestion, ...]
    text_html: str = ""
    reason: str = ""
    lost_parts: tuple[str, ...] = ()


class _Part(NamedTuple):
    """One thing that a problem asks: the element it stands at, and its answer or why not."""

    element: Element
    response: Element
    key: Key | None
    reason: str = ""


def read_problem(block: Block) -> Problem:
    """Return the questions of a problem, or its words and why it asks nothing here."""
    problem = _written(block)
    if _is_drawn(problem):
        return Problem((), reason=_DRAWN)
    parts = [part for response in _responses(problem) for part in _parts(response)]
    kept = [part for part in parts if part.key]
    lost = tuple(part.reason for part in parts if not part.key)
    if not kept:
        return Problem((), _as_text(problem), lost[0] if lost else _NO_RESPONSE)
    unasked = {part.response for part in parts} - {part.response for part in kept}
    # Words and explanations that belong to all parts are repeated for each.
    if len(kept) > MAX_PARTS or len(xml.inner_html(problem)) * len(kept) > MAX_WORDS:
        return Problem((), _as_text(problem), _TOO_MANY)
    statement = olx_statement.read_statement(problem, [part.element for part in kept], unasked)
    return Problem(_questions(block, problem, kept, statement, len(parts)), lost_parts=lost)


def read_words(block: Block) -> str:
    """Return the words of a problem to be read only, maybe nothing."""
    return _as_text(_written(block))


def _written(block: Block) -> Element:
    """Return the problem, from the editor's shorthand where it has no other form."""
    if _responses(block.element):
        return block.element
    written = olx_markdown.as_problem(block.settings.get("markdown", ""))
    return block.element if written is None else written


def _questions(
    block: Block, problem: Element, parts: list[_Part], statement: Statement, out_of: int
) -> tuple[PackageQuestion, ...]:
    """Put words, answers and explanations together; the points are shared among `out_of` parts."""
    texts = olx_statement.statement_of_each(statement, len(parts))
    explanations = _explanations(problem, parts)
    points = _points(block, out_of)
    return tuple(
        PackageQuestion(
            external_id=block.key if number == 0 else f"{block.key}#{number + 1}",
            title=block.own_title,
            html=text or _label(part) or escape(block.title),
            explanation_html=explanation,
            points=points,
            kind=part.key.kind,
            choices=part.key.choices,
            answers=part.key.answers,
            is_case_sensitive=part.key.is_case_sensitive,
        )
        for number, (part, text, explanation) in enumerate(
            zip(parts, texts, explanations, strict=True)
        )
        if part.key
    )


def _responses(problem: Element) -> list[Element]:
    """Return the responses that do not stand inside another one."""
    found: list[Element] = []
    inside: set[Element] = set()
    for element in problem.iter():
        if not element.tag.endswith("response"):
            continue
        if element not in inside:
            found.append(element)
            inside.update(element.iter())
    return found


def _parts(response: Element) -> list[_Part]:
    """Return what a response asks: one thing, or one for each of its drop-downs."""
    asked = [response]
    if response.tag == "optionresponse":
        inputs = list(response.iter("optioninput"))
        asked = inputs if len(inputs) > 1 else asked
    parts = []
    for element in asked:
        try:
            parts.append(_Part(element, response, olx_answers.read_key(element, response)))
        except NotGradable as problem:
            parts.append(_Part(element, response, None, str(problem)))
    return parts


def _is_drawn(problem: Element) -> bool:
    """Tell whether a script puts values into the words or the answers (`$x`)."""
    scripts = set(problem.iter("script"))
    known = {name for script in scripts for name in _NAME.findall(script.text or "")}
    if not known:
        return False
    written = [element.tail or "" for element in problem.iter()]
    for element in problem.iter():
        if element not in scripts:
            written += [element.text or "", *xml.attributes(element).values()]
    return any(name in known for text in written for name in _VARIABLE.findall(text))


def _points(block: Block, parts: int) -> float:
    """Return the points of each part: the weight is the whole problem's, else each counts one."""
    weight = block.settings.get("weight", "").strip('"')
    return float(weight) / parts if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", weight) else 1.0


def _label(part: _Part) -> str:
    """Return the label that only screen readers are told, for a part without other words."""
    labels = (element.get("label") for element in part.response.iter())
    return next((f"<p>{escape(label)}</p>" for label in labels if label), "")


def _explanations(problem: Element, parts: list[_Part]) -> list[str]:
    """Return for each part the solution that belongs to it, then the hints of the problem.

    A single solution outside the responses is everybody's; of several, each is that of the
    response before it.
    """
    place = {element: at for at, element in enumerate(problem.iter())}
    starts = [place[part.response] for part in parts]
    inside = {solution for part in parts for solution in part.response.iter("solution")}
    outside = [solution for solution in problem.iter("solution") if solution not in inside]
    owners = [
        max((start for start in starts if start < place[solution]), default=starts[0])
        for solution in outside
    ]
    hints = [olx_statement.html_of(hint) for hint in problem.iterfind("demandhint/hint")]
    hinted = [f"<p>{hint}</p>" for hint in hints if xml.shows_something(hint)]
    explanations = []
    for part, start in zip(parts, starts, strict=True):
        solutions = list(part.response.iter("solution"))
        solutions += [
            solution
            for solution, owner in zip(outside, owners, strict=True)
            if len(outside) == 1 or owner == start
        ]
        written = [olx_statement.html_of(solution) for solution in solutions]
        explanations.append("\n".join([*filter(xml.shows_something, written), *hinted]))
    return explanations


def _as_text(problem: Element) -> str:
    """Return the words of a problem to be read only, its solution folded away; maybe nothing."""
    html = olx_statement.read_statement(problem, [], ()).html.strip()
    if not xml.shows_something(html):
        return ""
    solutions = [olx_statement.html_of(solution) for solution in problem.iter("solution")]
    folded = [
        f"<details><summary>Explanation</summary>{solution}</details>"
        for solution in solutions
        if xml.shows_something(solution)
    ]
    return "\n".join([html, *folded])
