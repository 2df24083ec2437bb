"""What counts as right in a question of Moodle, by its kind.

Not here: which words stand around it (`moodle_items`).
"""

import re
from collections.abc import Callable
from html import escape, unescape

from lyceum.packages.adapters import answer_key, moodle_words, numbers_as_written, wording
from lyceum.packages.adapters.answer_key import Key, NotGradable
from lyceum.packages.adapters.moodle_questions import BankQuestion
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import NumberRange, PackageAnswer, PackageChoice

# Moodle writes a third as 0.3333333, and a whole mark as 1.0000000.
WHOLE = 0.9999
_WHY_NOT = {
    "essay": "it is an essay, which a person grades",
    "recordrtc": "it is a recording, which a person grades",
    "description": "it asks nothing that can be answered",
    "calculated": "a formula draws its numbers",
    "calculatedmulti": "a formula draws its numbers",
    "calculatedsimple": "a formula draws its numbers",
    "ddimageortext": "its answer is a place to drag things to",
    "ddmarker": "its answer is a place to drag things to",
    "ddwtos": "its answer is words to drag into a text",
    "gapselect": "its answer is words to choose in a text",
    "ordering": "its answer is an order of things",
    "missingtype": "its kind was not known to Moodle either",
}


def read_key(question: BankQuestion) -> Key:
    """Return what is right; raises NotGradable with the reason why nothing can be."""
    read = _READERS.get(question.kind)
    if read is None:
        kind = wording.one_line(question.kind, 60)
        raise NotGradable(_WHY_NOT.get(kind, f"questions of the kind {kind} are not known here"))
    return read(question.element)


def lost_shares(element: Element) -> int:
    """Return how many answers are worth a part of the mark, or take some away."""
    shares = [abs(_share(answer)) for answer in _answers(element)]
    return sum(0 < share < WHOLE for share in shares)


def pairs(element: Element) -> list[tuple[str, str, Key]]:
    """Return for each stem of a matching question its name, its words and what belongs to it."""
    matches = [
        (
            match.get("id") or str(number),
            moodle_words.html(match, "questiontext"),
            moodle_words.value(match, "answertext"),
        )
        for number, match in enumerate(element.iterfind(".//matches/match"))
    ]
    offered = list(dict.fromkeys(answer for _, _, answer in matches if answer))
    return [
        (name, words, _pair(offered, answer)) for name, words, answer in matches if words and answer
    ]


def _pair(offered: list[str], right: str) -> Key:
    choices = tuple(
        PackageChoice(html=escape(each, quote=False), is_correct=each == right) for each in offered
    )
    return answer_key.of_choices(choices, takes_several=False)


def _multichoice(element: Element) -> Key:
    is_single = moodle_words.value(element, ".//multichoice/single") not in {"0", "false"}
    shares = [_share(answer) for answer in _answers(element)]
    least = min(WHOLE, max(shares, default=0.0)) if is_single else 0.0001
    choices = tuple(
        PackageChoice(
            html=moodle_words.html(answer, "answertext", "answerformat"),
            is_correct=share >= least > 0,
            feedback_html=moodle_words.html(answer, "feedback"),
        )
        for answer, share in zip(_answers(element), shares, strict=True)
    )
    return answer_key.of_choices(choices, takes_several=not is_single)


def _truefalse(element: Element) -> Key:
    choices = tuple(
        PackageChoice(
            html=moodle_words.html(answer, "answertext", "answerformat"),
            is_correct=_share(answer) >= WHOLE,
            feedback_html=moodle_words.html(answer, "feedback"),
        )
        for answer in _answers(element)
    )
    return answer_key.of_choices(choices, takes_several=False)


def _shortanswer(element: Element) -> Key:
    """Accept what is worth the whole mark; a `*` stands for any letters."""
    usecase = moodle_words.value(element, ".//shortanswer/usecase")
    answers = []
    for answer in _answers(element):
        text = unescape(moodle_words.value(answer, "answertext"))
        if not text or _share(answer) < WHOLE:
            continue
        said = moodle_words.html(answer, "feedback")
        bare = text.replace("\\*", "*")
        if "*" in text.replace("\\*", ""):
            parts = re.split(r"(?<!\\)\*", text)
            pattern = ".*".join(re.escape(part.replace("\\*", "*")) for part in parts)
            answers.append(PackageAnswer(text=pattern, is_pattern=True, feedback_html=said))
        else:
            answers.append(PackageAnswer(text=bare, feedback_html=said))
    return answer_key.of_answers(answers, is_case_sensitive=usecase == "1")


def _numerical(element: Element) -> Key:
    tolerances = {
        moodle_words.value(record, "answer"): record for record in element.iter("numerical_record")
    }
    answers = []
    for answer in _answers(element):
        text = moodle_words.value(answer, "answertext")
        if _share(answer) < WHOLE or text == "*":
            continue
        number = numbers_as_written.read_number(text)
        if number is None:
            raise NotGradable("its answer is not a plain number")
        record = tolerances.get(answer.get("id") or "")
        margin = 0.0 if record is None else moodle_words.number(record, "tolerance")
        answers.append(
            PackageAnswer(
                text=wording.one_line(text),
                number=NumberRange(lowest=number - margin, highest=number + margin),
                feedback_html=moodle_words.html(answer, "feedback"),
            )
        )
    return answer_key.of_answers(answers)


def _answers(element: Element) -> list[Element]:
    return [
        answer for answers in element.iterfind("*/answers") for answer in answers.iterfind("answer")
    ]


def _share(answer: Element) -> float:
    """Return which part of the mark an answer is worth; negative where it takes away."""
    text = moodle_words.value(answer, "fraction")
    return float(text) if re.fullmatch(r"-?\d{1,3}(\.\d{1,10})?", text) else 0.0


_READERS: dict[str, Callable[[Element], Key]] = {
    "multichoice": _multichoice,
    "truefalse": _truefalse,
    "shortanswer": _shortanswer,
    "numerical": _numerical,
}
