"""The words of a problem as HTML: everything a learner reads, without inputs, answers and scripts.

Where a response stands, marks are left, so that the statement can be cut into questions. Not here:
the answers (`olx_problem`).
"""

import re
from collections.abc import Collection, Sequence
from html import escape
from typing import NamedTuple

from lyceum.packages.adapters import xml
from lyceum.packages.adapters.xml import Element

_DROPPED = frozenset(
    {
        "script", "style", "solution", "demandhint", "hintgroup", "responseparam", "answer",
        "additional_answer", "correcthint", "stringequalhint", "compoundhint", "choicehint",
        "optionhint", "option", "targetedfeedbackset", "startouttext", "endouttext", "textline",
        "textbox", "schematic", "jsinput", "filesubmission", "crystallography", "vsepr_input",
        "drag_and_drop_input", "choicetextgroup", "options", "comment", "comment_prompt",
    }
)  # fmt: skip
_CHOICES = frozenset({"choicegroup", "checkboxgroup", "radiogroup"})
_UNWRAPPED = frozenset({"problem", "text", "choice", "annotationinput"})
_RENAMED = {"label": "p", "description": "p", "tag_prompt": "p"}
_VOID = frozenset({"br", "hr", "img", "source", "track", "wbr", "col"})

# Marks from the private use area: where a response starts, where it ends, its number between.
_START, _END = "\ue000", "\ue001"
_ANY_MARK = re.compile(f"[{_START}{_END}]")
_MARK = re.compile(f"({_START}|{_END})(\\d+);")


class Statement(NamedTuple):
    """The HTML of a problem with marks; `is_flat` when no response stands inside other HTML."""

    html: str
    is_flat: bool


def read_statement(
    problem: Element, responses: Sequence[Element], skipped: Collection[Element]
) -> Statement:
    """Return the words of a problem, marking the responses and passing over the skipped ones."""
    writer = _Writer({response: i for i, response in enumerate(responses)}, set(skipped))
    writer.write(problem)
    is_flat = writer.are_responses_flat and writer.responses_written == len(responses)
    return Statement("".join(writer.parts), is_flat)


def statement_of_each(statement: Statement, count: int) -> list[str]:
    """Cut a statement into what each of `count` questions shows, each to be read alone.

    Responses between paragraphs get the words before them; what stands before the first one is
    repeated when that one has words of its own, since then it is the introduction to all.
    Responses inside tables or sentences get the whole, with their own blank in bold.
    """
    if count == 1:
        return [_MARK.sub("", statement.html).strip()]
    if not statement.is_flat:
        return [_with_blanks(statement.html, number) for number in range(count)]
    texts: list[str] = []
    introduction = first = ""
    rest = statement.html
    for number in range(count):
        before, _, rest = rest.partition(f"{_START}{number};")
        inside, _, rest = rest.partition(f"{_END}{number};")
        words = "\n".join(filter(None, [introduction, before.strip(), inside.strip()]))
        texts.append(words or first)
        if number == 0:
            first = before.strip()
            introduction = first if inside.strip() else ""
    texts[-1] = f"{texts[-1]}\n{rest.strip()}".strip()
    return texts


def html_of(element: Element) -> str:
    """Return the content of a part of a problem as HTML, without its own tag."""
    writer = _Writer({}, set())
    writer.write_content(element)
    return "".join(writer.parts).strip()


def _with_blanks(html: str, current: int) -> str:
    def blank(mark: re.Match[str]) -> str:
        if mark.group(1) == _START:
            return ""
        number = int(mark.group(2))
        shown = f"[{number + 1}]"
        return f"<strong>{shown}</strong>" if number == current else shown

    return _MARK.sub(blank, html).strip()


class _Writer:
    """Writes elements as HTML into `parts`; the parser bounds how deep they nest."""

    def __init__(self, numbers: dict[Element, int], skipped: set[Element]) -> None:
        self.parts: list[str] = []
        self.are_responses_flat = True
        self.responses_written = 0
        self._numbers = numbers
        self._skipped = skipped
        self._open_tags = 0
        self._is_in_response = False

    def write(self, element: Element) -> None:
        """Write an element, but not the text after it."""
        tag = element.tag.rpartition("}")[2]  # without the namespace of MathML or SVG
        if element in self._skipped or tag in _DROPPED:
            self._write_unit(element)
        elif element in self._numbers:
            self._write_response(element)
        elif tag in _CHOICES:
            self._write_choices(element)
        elif tag in _UNWRAPPED or tag.endswith("response"):
            self.write_content(element)
        elif tag.endswith("input"):
            self._write_picture(element)
        elif tag == "clarification":
            self.parts.append(" (")
            self.write_content(element)
            self.parts.append(")")
        else:
            self._write_tag(_RENAMED.get(tag, tag), element)

    def write_content(self, element: Element) -> None:
        """Write the text and the children of an element."""
        self._write_text(element.text)
        for child in element:
            self.write(child)
            self._write_text(child.tail)

    def _write_text(self, text: str | None) -> None:
        if text:
            self.parts.append(escape(_ANY_MARK.sub("", text), quote=False))

    def _write_response(self, element: Element) -> None:
        number = self._numbers[element]
        self.are_responses_flat = self.are_responses_flat and not self._open_tags
        self.responses_written += 1
        self.parts.append(f"{_START}{number};")
        self._is_in_response = True
        self.write_content(element)
        self._is_in_response = False
        self.parts.append(f"{_END}{number};")

    def _write_choices(self, element: Element) -> None:
        """List the choices of a question that nobody can answer here; else they are not words."""
        if self._is_in_response:
            return
        self._open_tags += 1
        self.parts.append("<ul>")
        for choice in element.iterchildren("choice"):
            self.parts.append("<li>")
            self.write_content(choice)
            self.parts.append("</li>")
        self.parts.append("</ul>")
        self._open_tags -= 1

    def _write_picture(self, element: Element) -> None:
        if source := element.get("src"):
            alt = element.get("alt") or ""
            self.parts.append(f'<img src="{escape(source)}" alt="{escape(alt)}">')

    def _write_unit(self, element: Element) -> None:
        """Write what stands after an input field, such as a unit of measurement."""
        if element.tag == "textline":
            self._write_text(element.get("trailing_text"))

    def _write_tag(self, tag: str, element: Element) -> None:
        attributes = "".join(
            f' {name}="{escape(_ANY_MARK.sub("", value))}"'
            for name, value in xml.attributes(element).items()
        )
        self.parts.append(f"<{tag}{attributes}>")
        if tag in _VOID:
            return
        self._open_tags += 1
        self.write_content(element)
        self._open_tags -= 1
        self.parts.append(f"</{tag}>")
