"""Quizzes as QTI 1.2 in the profiles of Common Cartridge, and what of them these cannot hold.

Not here: the cartridge around them (`cc_writer`).
"""

import re
from collections.abc import Callable
from html import escape

from lyceum.packages.records import (
    PackageAnswer,
    PackageLecture,
    PackageQuestion,
    QuizRules,
)

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<questestinterop xmlns="http://www.imsglobal.org/xsd/ims_qtiasiv1p2" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.imsglobal.org/xsd/ims_qtiasiv1p2 '
    'http://www.imsglobal.org/profile/cc/ccv1p3/ccv1p3_qtiasiv1p2p1_v1p0.xsd">'
)
_PROFILES = {
    "multiple_choice": "cc.multiple_choice.v0p1",
    "multiple_response": "cc.multiple_response.v0p1",
    "true_false": "cc.true_false.v0p1",
    "short_answer": "cc.fib.v0p1",
}
# What our own reader makes of the pattern-match profile.
_PART = re.compile(r"\.\*((?:\\.|[\w ])+)\.\*", re.DOTALL)
_RESPONSE = "response1"


class QtiWriter:
    """Writes quizzes; `lost` gathers what was said about them."""

    def __init__(self, place: Callable[[str], str]) -> None:
        self.lost: list[tuple[str, str]] = []
        self._place = place

    def write(self, identifier: str, lecture: PackageLecture) -> str:
        """Return the document of a quiz."""
        rules = lecture.rules or QuizRules()
        fields = {
            "cc_profile": "cc.exam.v0p1",
            "qmd_assessmenttype": "Examination",
            "qmd_scoretype": "Percentage",
            "cc_maxattempts": str(rules.attempts_allowed or "unlimited"),
        }
        if rules.time_limit_seconds:
            fields["qmd_timelimit"] = str(-(-rules.time_limit_seconds // 60))
            if rules.time_limit_seconds % 60:
                self._lose("its time limit is rounded up to minutes", lecture.external_id)
        items = "".join(
            self._item(f"{identifier}_q{number}", question)
            for number, question in enumerate(lecture.questions, 1)
        )
        title = escape(rules.title or lecture.title)
        return (
            f'{_HEAD}<assessment ident="{identifier}" title="{title}">{_metadata(fields)}'
            f'<section ident="root_section">{items}</section></assessment></questestinterop>'
        )

    def _item(self, ident: str, question: PackageQuestion) -> str:
        profile = _PROFILES[question.kind]
        if question.kind == "short_answer":
            response, conditions, profile = self._typed(question)
        else:
            response, conditions = self._choices(question)
        fields = {"cc_profile": profile}
        if question.points != 1.0:
            fields["cc_weighting"] = f"{question.points:g}"
        if question.kind == "multiple_response" and question.scoring == "partial":
            self._lose("part of the points for part of the choices", question.external_id)
        feedback = ""
        if question.explanation_html:
            feedback = self._feedback("general_fb", question.explanation_html)
            conditions = (
                '<respcondition continue="Yes"><conditionvar><other/></conditionvar>'
                '<displayfeedback feedbacktype="Response" linkrefid="general_fb"/></respcondition>'
                f"{conditions}"
            )
        for number, choice in enumerate(question.choices):
            if choice.feedback_html:
                feedback += self._feedback(f"c{number}_fb", choice.feedback_html)
            if choice.unchosen_feedback_html:
                self._lose("what is said of a choice that is not chosen", question.external_id)
        return (
            f'<item ident="{ident}" title="{escape(question.title)}"><itemmetadata>'
            f"{_metadata(fields)}</itemmetadata><presentation>{self._words(question.html)}"
            f'{response}</presentation><resprocessing><outcomes><decvar maxvalue="100" '
            'minvalue="0" varname="SCORE" vartype="Decimal"/></outcomes>'
            f"{conditions}</resprocessing>{feedback}</item>"
        )

    def _choices(self, question: PackageQuestion) -> tuple[str, str]:
        labels = "".join(
            f'<response_label ident="c{number}">{self._words(choice.html)}</response_label>'
            for number, choice in enumerate(question.choices)
        )
        takes_several = question.kind == "multiple_response"
        cardinality = "Multiple" if takes_several else "Single"
        response = (
            f'<response_lid ident="{_RESPONSE}" rcardinality="{cardinality}"><render_choice>'
            f"{labels}</render_choice></response_lid>"
        )
        told = "".join(
            f'<respcondition continue="Yes"><conditionvar>{_equal(f"c{number}")}</conditionvar>'
            f'<displayfeedback feedbacktype="Response" linkrefid="c{number}_fb"/></respcondition>'
            for number, choice in enumerate(question.choices)
            if choice.feedback_html
        )
        if takes_several:
            each = "".join(
                _equal(f"c{number}") if choice.is_correct else f"<not>{_equal(f'c{number}')}</not>"
                for number, choice in enumerate(question.choices)
            )
            return response, told + _right(f"<and>{each}</and>")
        right = [
            _right(_equal(f"c{number}"))
            for number, choice in enumerate(question.choices)
            if choice.is_correct
        ]
        return response, told + "".join(right)

    def _typed(self, question: PackageQuestion) -> tuple[str, str, str]:
        """Return the field, what is right in it, and the profile that can say so."""
        case = "Yes" if question.is_case_sensitive else "No"
        accepted, profile = [], "cc.fib.v0p1"
        for answer in question.answers:
            part = _PART.fullmatch(answer.text) if answer.is_pattern else None
            if part is not None:
                profile = "cc.pattern_match.v0p1"
                text = re.sub(r"\\(.)", r"\1", part[1])
                accepted.append(
                    f'<varsubstring respident="{_RESPONSE}" case="{case}">{escape(text)}'
                    "</varsubstring>"
                )
                continue
            text = self._written(answer, question.external_id)
            accepted.append(
                f'<varequal respident="{_RESPONSE}" case="{case}">{escape(text)}</varequal>'
            )
            if answer.feedback_html:
                self._lose("what is said to one of its answers", question.external_id)
        response = (
            f'<response_str ident="{_RESPONSE}" rcardinality="Single"><render_fib fibtype="String" '
            'prompt="Dashline"/></response_str>'
        )
        return response, "".join(map(_right, accepted)), profile

    def _written(self, answer: PackageAnswer, key: str) -> str:
        """Return an accepted answer as a text, and say where that is not all it was."""
        if answer.is_pattern:
            self._lose("a pattern for answers; it stands as it is written", key)
        number = answer.number
        if number is None:
            return answer.text
        ends = [end for end in (number.lowest, number.highest) if end is not None]
        if len(ends) != 2 or ends[0] != ends[1]:
            self._lose("a range of numbers; what its author wrote stands for it", key)
        return answer.text or f"{sum(ends) / len(ends):g}"

    def _feedback(self, ident: str, html: str) -> str:
        return (
            f'<itemfeedback ident="{ident}"><flow_mat>{self._words(html)}</flow_mat></itemfeedback>'
        )

    def _words(self, html: str) -> str:
        text = escape(self._place(html), quote=False)
        return f'<material><mattext texttype="text/html">{text}</mattext></material>'

    def _lose(self, reason: str, key: str) -> None:
        self.lost.append((reason, key))


def _metadata(fields: dict[str, str]) -> str:
    listed = "".join(
        f"<qtimetadatafield><fieldlabel>{name}</fieldlabel><fieldentry>{value}</fieldentry>"
        "</qtimetadatafield>"
        for name, value in fields.items()
    )
    return f"<qtimetadata>{listed}</qtimetadata>"


def _equal(value: str) -> str:
    return f'<varequal respident="{_RESPONSE}">{value}</varequal>'


def _right(condition: str) -> str:
    return (
        f'<respcondition continue="No"><conditionvar>{condition}</conditionvar>'
        '<setvar action="Set" varname="SCORE">100</setvar></respcondition>'
    )
