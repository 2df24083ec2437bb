"""Items of QTI 1.2 as Common Cartridges and Canvas have them: questions that can be graded here.

A response becomes a question; an item with several (matching, blanks, drop-downs) becomes several,
which share its points. What a person grades, or a formula draws, keeps its words. Not here: what
counts as right (`qti_answers`), assessments and banks (`qti_document`).
"""

import re
from html import escape

from lyceum.packages.adapters import answer_key, qti_answers, qti_words, wording, xml
from lyceum.packages.adapters.answer_key import Key, NotGradable
from lyceum.packages.adapters.gathering import Item
from lyceum.packages.adapters.qti_answers import Scored
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import PackageAnswer, PackageChoice, PackageQuestion

MAX_PARTS = 100
MAX_WORDS = 4 * 1024 * 1024
RESPONSES = ("response_lid", "response_str", "response_num", "response_xy", "response_grp")
_UNGRADED = {
    "cc.essay.v0p1": "it is an essay, which a person grades",
    "essay_question": "it is an essay, which a person grades",
    "file_upload_question": "its answer is a file, which a person grades",
    "calculated_question": "a formula draws its numbers",
    "text_only_question": "it asks nothing that can be answered",
}
_BLANK = re.compile(r"\[([^\[\]\s]{1,200})\]")


def read_item(item: Element, key: str) -> Item:
    """Return the questions of an item, or its words and why it asks nothing here."""
    presentation = item.find("presentation")
    title = wording.one_line(item.get("title") or "")
    facts = metadata(item)
    if presentation is None:
        return Item(key, title, reason="it has no presentation")
    words = qti_words.statement(presentation, RESPONSES)
    kind = facts.get("question_type") or facts.get("cc_profile", "")
    if kind in _UNGRADED:
        return Item(key, title, words_html=words, reason=_UNGRADED[kind])
    responses = [each for each in presentation.iter() if each.tag in RESPONSES]
    if not responses:
        return Item(key, title, words_html=words, reason="it asks nothing that can be answered")
    # Words and explanations that belong to all parts are repeated for each.
    if len(responses) > MAX_PARTS or _size(item) * len(responses) > MAX_WORDS:
        return Item(key, title, words_html=words, reason="it has too many parts")
    questions, lost = _questions(item, responses, words, facts, key)
    if not questions:
        shown = words + _options(responses)
        return Item(key, title, words_html=shown, reason=lost[0])
    return Item(key, title, tuple(questions), lost_parts=tuple(lost))


def metadata(element: Element) -> dict[str, str]:
    """Return the metadata of an item or assessment by label."""
    return {
        xml.text_at(field, "fieldlabel"): xml.text_at(field, "fieldentry")
        for field in element.iter("qtimetadatafield")
        if next(field.iterancestors("item"), element) is element
    }


def _questions(
    item: Element, responses: list[Element], words: str, facts: dict[str, str], key: str
) -> tuple[list[PackageQuestion], list[str]]:
    scored = Scored(item)
    points = _points(facts) / len(responses)
    questions, lost = [], []
    for number, response in enumerate(responses):
        try:
            answer = _answer(response, scored, facts)
        except NotGradable as problem:
            lost.append(str(problem))
            continue
        stem = words if len(responses) == 1 else _stem(response, words)
        named = key if number == 0 else f"{key}#{number + 1}"
        title = wording.one_line(item.get("title") or "")
        questions.append((named, title, stem, answer))
    made = [
        PackageQuestion(
            external_id=named,
            title=title,
            html=stem or escape(title),
            points=round(points, 3),
            explanation_html=scored.general_feedback(),
            kind=answer.kind,
            choices=answer.choices,
            answers=answer.answers,
            is_case_sensitive=answer.is_case_sensitive,
        )
        for named, title, stem, answer in questions
    ]
    return made, lost


def _answer(response: Element, scored: Scored, facts: dict[str, str]) -> Key:
    """Return what is right at one response; raises NotGradable."""
    name = response.get("ident") or ""
    kind = facts.get("question_type", "")
    labels = [label for label in response.iter("response_label") if label.get("ident")]
    if response.tag == "response_lid" and kind == "fill_in_multiple_blanks_question":
        accepted = dict.fromkeys(filter(None, map(qti_words.plain, labels)))
        return answer_key.of_answers([PackageAnswer(text=text) for text in accepted])
    if response.tag == "response_lid":
        return _choice(response, labels, scored, name)
    if response.tag in {"response_str", "response_num"}:
        is_number = response.tag == "response_num" or kind == "numerical_question"
        return qti_answers.typed(scored, name, is_number=is_number)
    raise NotGradable("its answer is a place on a picture or a group of things")


def _choice(response: Element, labels: list[Element], scored: Scored, name: str) -> Key:
    right = scored.right_values(name)
    choices = tuple(
        PackageChoice(
            html=qti_words.of(label),
            is_correct=label.get("ident") in right,
            feedback_html=scored.feedback_of(
                name, label.get("ident") or "", is_right=label.get("ident") in right
            ),
        )
        for label in labels[: answer_key.MAX_CHOICES + 1]
    )
    takes_several = (response.get("rcardinality") or "Single").lower() == "multiple"
    return answer_key.of_choices(choices, takes_several=takes_several)


def _stem(response: Element, words: str) -> str:
    """Return the words of one part: those of all, with its own below or its blank in bold."""
    own = qti_words.own_material(response)
    blank = wording.plain_line(own)
    if blank and f"[{blank}]" in words:
        shown = escape(f"[{blank}]", quote=False)
        return words.replace(shown, f"<strong>{shown}</strong>", 1)
    return f"{words}\n<div><strong>{own}</strong></div>" if own else words


def _options(responses: list[Element]) -> str:
    """List the choices of an item that nobody can answer here."""
    labels = [label for response in responses for label in response.iter("response_label")]
    listed = "".join(
        f"<li>{qti_words.of(label)}</li>" for label in labels[: answer_key.MAX_CHOICES]
    )
    return f"<ul>{listed}</ul>" if any(map(qti_words.of, labels[: answer_key.MAX_CHOICES])) else ""


def _size(item: Element) -> int:
    return sum(len(text) for text in item.itertext())


def _points(facts: dict[str, str]) -> float:
    for name in ("points_possible", "cc_weighting"):
        if re.fullmatch(r"\d{1,4}(\.\d{1,6})?", facts.get(name, "")):
            return min(float(facts[name]), 1000.0)
    return 1.0
