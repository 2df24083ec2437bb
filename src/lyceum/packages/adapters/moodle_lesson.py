"""A lesson of a Moodle backup: its pages of content as reading, its pages of questions as items.

Which page comes after which answer is not kept. Not here: quizzes (`moodle_quiz`).
"""

from lyceum.packages.adapters import answer_key, moodle_words, numbers_as_written, wording
from lyceum.packages.adapters.answer_key import Key, NotGradable
from lyceum.packages.adapters.gathering import Item
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import NumberRange, PackageAnswer, PackageChoice, PackageQuestion

CONTENT = "20"
_SHORT, _TRUE_FALSE, _CHOICE, _MATCH, _NUMBER, _ESSAY = "1", "2", "3", "5", "8", "10"
_WHY_NOT = {
    _MATCH: "matching on a page of a lesson is not known here",
    _ESSAY: "it is an essay, which a person grades",
}


def pages_in_order(lesson: Element) -> list[Element]:
    """Return the pages as they follow each other; those that nothing leads to come last."""
    pages = {page.get("id") or "": page for page in lesson.iterfind("pages/page")}
    ordered: list[Element] = []
    at = next((n for n, p in pages.items() if moodle_words.value(p, "prevpageid") == "0"), "")
    while at in pages:
        page = pages.pop(at)
        ordered.append(page)
        at = moodle_words.value(page, "nextpageid")
    return [*ordered, *pages.values()]


def is_content(page: Element) -> bool:
    """Tell whether a page asks nothing; the ends of branches and clusters hold nothing either."""
    return moodle_words.value(page, "qtype") not in {
        _SHORT, _TRUE_FALSE, _CHOICE, _MATCH, _NUMBER, _ESSAY,
    }  # fmt: skip


def read_page(page: Element, key: str, words: str) -> Item:
    """Return the question of a page, whose words have their files in place."""
    title = wording.one_line(moodle_words.value(page, "title"))
    kind = moodle_words.value(page, "qtype")
    try:
        answer = _key(page, kind)
    except NotGradable as problem:
        return Item(key, title, words_html=words, reason=str(problem))
    question = PackageQuestion(
        external_id=key,
        kind=answer.kind,
        title=title,
        html=words or title or "?",
        choices=answer.choices,
        answers=answer.answers,
        is_case_sensitive=answer.is_case_sensitive,
    )
    return Item(key, title, (question,), words_html=words)


def _key(page: Element, kind: str) -> Key:
    answers = [
        each for each in page.iterfind("answers/answer") if moodle_words.value(each, "answer_text")
    ]
    if len(answers) > answer_key.MAX_ANSWERS:
        raise NotGradable(f"it has more than {answer_key.MAX_ANSWERS} answers")
    right = _right(answers)
    if kind in {_CHOICE, _TRUE_FALSE}:
        choices = tuple(
            PackageChoice(
                html=moodle_words.html(each, "answer_text", "answerformat"),
                is_correct=each in right,
                feedback_html=moodle_words.html(each, "response", "responseformat"),
            )
            for each in answers
        )
        takes_several = kind == _CHOICE and moodle_words.value(page, "qoption") == "1"
        return answer_key.of_choices(choices, takes_several=takes_several)
    if kind in _WHY_NOT:
        raise NotGradable(_WHY_NOT[kind])
    accepted = []
    for each in right:
        text = wording.plain_line(moodle_words.value(each, "answer_text"))
        said = moodle_words.html(each, "response", "responseformat")
        accepted.append(_accepted(text, said, is_number=kind == _NUMBER))
    return answer_key.of_answers(accepted)


def _accepted(text: str, said: str, *, is_number: bool) -> PackageAnswer:
    if not is_number:
        return PackageAnswer(text=text, feedback_html=said)
    ends = [numbers_as_written.read_number(each) for each in text.split(":")]
    if not 1 <= len(ends) <= 2 or ends[0] is None or ends[-1] is None:
        raise NotGradable("its answer is not a plain number")
    return PackageAnswer(
        text=text, number=NumberRange(lowest=ends[0], highest=ends[-1]), feedback_html=said
    )


def _right(answers: list[Element]) -> list[Element]:
    """Return the right answers: those with a score, or where none has one those that lead on."""
    scored = [each for each in answers if moodle_words.number(each, "score") > 0]
    return scored or [each for each in answers if moodle_words.value(each, "jumpto") != "0"]
