"""Problems that are written in the editor's shorthand only, turned into the XML they stand for.

The shorthand: `>>label||description<<`, `( )` and `(x)`, `[ ]` and `[x]`, `[[a, (b), c]]`,
`= answer +- tolerance`, `or= answer`, `[explanation]`, `{{feedback}}`, `||hint||`, and `---`
between questions. Not here: what the XML means (`olx_problem`).
"""

import re
from html import escape

from lyceum.packages.adapters import numbers_as_written, xml
from lyceum.packages.adapters.faults import XmlMalformed
from lyceum.packages.adapters.xml import Element

MAX_SHORTHAND = 100_000

_BETWEEN = re.compile(r"^---[ \t]*$", re.MULTILINE)
_LABEL = re.compile(r">>(.*?)<<", re.DOTALL)
_HINT = re.compile(r"^[ \t]*\|\|(.+?)\|\|[ \t]*$", re.MULTILINE)
_EXPLANATION = re.compile(
    r"^\[explanation\]\n(.*?)^\[explanation\][ \t]*$", re.MULTILINE | re.DOTALL
)
_DROP_DOWN = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)
_CHOICE = re.compile(r"[ \t]*([(\[])([ xX@!]{0,3})[)\]](.*)")
_ANSWER = re.compile(r"[ \t]*(=\||=|or=|s=)(.*)")
_WRONG_ANSWER = re.compile(r"[ \t]*not=.*")
_FEEDBACK = re.compile(r"\{\{?(?:(selected|unselected|s|u)\s*:)?([^{}]*)\}\}?")
_TOLERANCE = re.compile(r"(.+?)\+-(.+)")


def as_problem(shorthand: str) -> Element | None:
    """Return the problem that a shorthand stands for; None where there is none."""
    if shorthand in {"", "null"} or len(shorthand) > MAX_SHORTHAND:
        return None
    # Words that hold HTML which is no XML are shown as they stand.
    for text in (shorthand, escape(shorthand, quote=False)):
        body = _body(text.replace("\r\n", "\n"))
        try:
            return xml.parse_xml(f"<problem>{body}</problem>".encode(), "markdown")
        except XmlMalformed:
            continue
    return None


def _body(text: str) -> str:
    """Return the XML of all questions, with the hints of the whole problem."""
    hints = "".join(f"<hint>{hint.strip()}</hint>" for hint in _HINT.findall(text))
    questions = "".join(_question(part) for part in _BETWEEN.split(_HINT.sub("", text)))
    return questions + (f"<demandhint>{hints}</demandhint>" if hints else "")


def _question(text: str) -> str:
    """Return the XML of one question: its words, its label and its response."""
    text = text.replace("&gt;&gt;", ">>").replace("&lt;&lt;", "<<")
    solutions = "".join(
        f'<solution><div class="detailed-solution">{_paragraphs(words)}</div></solution>'
        for words in _EXPLANATION.findall(text)
    )
    text = _EXPLANATION.sub("", text)
    label = "".join(_label(words) for words in _LABEL.findall(text))
    text = _LABEL.sub("", text)
    drop_downs = [_drop_down(words) for words in _DROP_DOWN.findall(text)]
    lines = _DROP_DOWN.sub("", text).split("\n")
    choices = [match for line in lines if (match := _CHOICE.fullmatch(line))]
    answers = [match for line in lines if (match := _ANSWER.fullmatch(line))]
    patterns = (_CHOICE, _ANSWER, _WRONG_ANSWER)
    words = [line for line in lines if not any(pattern.fullmatch(line) for pattern in patterns)]
    said = _paragraphs("\n".join(words)) + label
    responses = []
    if choices:
        responses.append(("", *_choices(choices)))
    if answers:
        responses.append(_answers(answers))
    if drop_downs:
        responses.append(("", "optionresponse", "".join(drop_downs)))
    if not responses:
        return said + solutions
    return "".join(
        f"<{tag}{attributes}>{'' if number else said}{content}{solutions}</{tag}>"
        for number, (attributes, tag, content) in enumerate(responses)
    )


def _paragraphs(text: str) -> str:
    blocks = [" ".join(block.split()) for block in re.split(r"\n[ \t]*\n", text)]
    return "".join(
        block if block.startswith("<") else f"<p>{block}</p>" for block in blocks if block
    )


def _label(text: str) -> str:
    words, _, description = text.partition("||")
    described = f"<description>{description.strip()}</description>" if description.strip() else ""
    return f"<label>{words.strip()}</label>{described}"


def _choices(lines: list[re.Match[str]]) -> tuple[str, str]:
    """Return the response tag and the group of choices; brackets of the first line decide."""
    is_single = lines[0].group(1) == "("
    group = "choicegroup" if is_single else "checkboxgroup"
    written = []
    for line in lines:
        correct = "true" if "x" in line.group(2).lower() else "false"
        words, hints = _split_feedback(line.group(3), "choicehint")
        written.append(f'<choice correct="{correct}">{words}{hints}</choice>')
    tag = "multiplechoiceresponse" if is_single else "choiceresponse"
    return tag, f"<{group}>{''.join(written)}</{group}>"


def _split_feedback(text: str, tag: str) -> tuple[str, str]:
    words, opened, rest = text.partition("{{")
    hints = ""
    for selected, said in _FEEDBACK.findall(opened + rest):
        when = "false" if selected.startswith("u") else "true"
        hints += f'<{tag} selected="{when}">{said.strip()}</{tag}>' if said.strip(" ,") else ""
    return words.strip(), hints


def _drop_down(text: str) -> str:
    options = text.strip().split("\n") if "\n" in text.strip() else text.split(",")
    written = []
    for option in filter(None, (option.strip() for option in options)):
        words, hints = _split_feedback(option, "optionhint")
        is_correct = words.startswith("(") and words.endswith(")")
        shown = words[1:-1] if is_correct else words
        written.append(f'<option correct="{str(is_correct).lower()}">{shown}{hints}</option>')
    return f"<optioninput>{''.join(written)}</optioninput>"


def _answers(lines: list[re.Match[str]]) -> tuple[str, str, str]:
    """Return the attributes, tag and content of a response with a field to fill in."""
    given = [_split_feedback(line.group(2), "correcthint") for line in lines]
    first, hints = given[0]
    number, tolerance = first, ""
    if written := _TOLERANCE.fullmatch(first):
        number, tolerance = written.group(1).strip(), written.group(2).strip()
    if lines[0].group(1) == "=" and numbers_as_written.read_range(number, tolerance):
        tag, attributes = "numericalresponse", f' answer="{_quoted(number)}"'
        hints += (
            f'<responseparam type="tolerance" default="{_quoted(tolerance)}"/>' if tolerance else ""
        )
    else:
        kind = "ci regexp" if lines[0].group(1) == "=|" else "ci"
        tag, attributes = "stringresponse", f' answer="{_quoted(first)}" type="{kind}"'
    more = "".join(
        f'<additional_answer answer="{_quoted(answer)}">{said}</additional_answer>'
        for answer, said in given[1:]
    )
    return attributes, tag, hints + more


def _quoted(value: str) -> str:
    """Write a value as an attribute; entities in it stand already where it was escaped."""
    return value.replace('"', "&quot;").replace("<", "&lt;")
