"""What a reading takes of texts and quizzes, whatever the format: readable, askable, and counted.

Not here: finding them in the package (each format's reader).
"""

from collections.abc import Mapping
from typing import NamedTuple

from lyceum.packages.adapters import askable, readable, wording
from lyceum.packages.adapters.readable import Resolve
from lyceum.packages.adapters.receiver import Receiver
from lyceum.packages.adapters.tally import Tally
from lyceum.packages.records import LectureKind, LeftOut, PackageLecture, PackageQuestion, QuizRules

# Characters of a whole course, markup included; the largest real ones hold a tenth of it.
MAX_WORDS = 32 * 1024 * 1024
MAX_LECTURES = 2000
ITEM = "quiz-item"
_TOO_LONG = f"the course holds more than {MAX_WORDS} characters of text"


class Item(NamedTuple):
    """One item of a quiz as its format had it: questions, or its words and why it asks nothing.

    `lost_parts` are the reasons for parts that stayed behind beside the questions.
    """

    key: str
    title: str
    questions: tuple[PackageQuestion, ...] = ()
    words_html: str = ""
    reason: str = ""
    lost_parts: tuple[str, ...] = ()


class Gathering:
    """The account of one reading, and what it takes of texts and questions."""

    def __init__(self, kinds: Mapping[str, str], receiver: Receiver) -> None:
        self.tally = Tally({**kinds, ITEM: "quiz-items"})
        self.receiver = receiver
        self._words = 0

    def read_text(self, html: str, resolve: Resolve, example: str) -> tuple[str, str]:
        """Return what can be read of a text, or why nothing of it can; `example` names it."""
        if fault := self._room_for(len(html)):
            return "", fault
        found = readable.make_readable(html, resolve)
        if len(found.html) > self.receiver.lecture_characters:
            return "", f"it holds more than {self.receiver.lecture_characters} characters"
        readable.count_lost(found.lost, self.tally, example)
        return found.html, found.fault or ("" if found.html else "nothing of it can be read here")

    def read_quiz(
        self,
        key: str,
        title: str,
        intro_html: str,
        items: list[Item],
        resolve: Resolve,
        rules: QuizRules,
    ) -> PackageLecture | None:
        """Return the lecture that a quiz becomes: its questions, and before them what is to be
        read. Without questions it is an assignment; None where nothing is left."""
        asked: tuple[PackageQuestion, ...] = ()
        intro, fault = self.read_text(intro_html, resolve, key) if intro_html else ("", "")
        if intro_html and fault:
            self.tally.sum_up("introduction", fault, example=key)
        texts = [intro]
        for item in items:
            self.tally.find(ITEM)
            made, words = self._read_item(item, asked, resolve)
            asked += made
            texts.append(words)
        html = "\n".join(filter(None, texts))
        if len(html) > self.receiver.lecture_characters:
            self.tally.sum_up("introduction", "it is too long", example=key)
            html = ""
        if not asked and not html:
            return None
        kind: LectureKind = "quiz" if asked else "assignment"
        return PackageLecture(
            external_id=key,
            kind=kind,
            title=title,
            html=html,
            questions=asked,
            rules=rules if asked else None,
        )

    def leave_out(
        self, kind: str, reason: str, *, key: str = "", path: str = "", title: str = ""
    ) -> None:
        """Record one thing that stays behind."""
        self.tally.leave_out(
            LeftOut(
                kind=kind,
                reason=reason,
                external_id=wording.one_line(key),
                path=path,
                title=wording.one_line(title),
            )
        )

    def _read_item(
        self, item: Item, so_far: tuple[PackageQuestion, ...], resolve: Resolve
    ) -> tuple[tuple[PackageQuestion, ...], str]:
        """Return the questions of an item, or its words, and count which of them it was."""
        reasons = [*item.lost_parts]
        if item.questions:
            found = askable.make_askable(item.questions, self.receiver, resolve)
            reasons += found.faults
            size = sum(map(askable.count_characters, item.questions))
            fault = self._room_for(size) or askable.room_for(
                (*so_far, *found.questions), self.receiver
            )
            if found.questions and not fault:
                self._take_item(item, reasons)
                readable.count_lost(found.lost, self.tally, item.key)
                return found.questions, ""
            reasons = [fault, *reasons] if fault else reasons
        words = self.read_text(item.words_html, resolve, item.key)[0] if item.words_html else ""
        self.tally.leave_out(
            LeftOut(
                kind=ITEM,
                reason=item.reason or next(iter(reasons), "it asks nothing that can be answered"),
                external_id=wording.one_line(item.key),
                title=wording.one_line(item.title),
                is_kept_as_text=bool(words),
            )
        )
        return (), words

    def _take_item(self, item: Item, lost: list[str]) -> None:
        self.tally.take(ITEM)
        for reason in lost:
            self.leave_out("quiz-item-part", reason, key=item.key, title=item.title)

    def _room_for(self, characters: int) -> str:
        """Count text towards what is read of a course, or return why it is too much."""
        if self._words + characters > MAX_WORDS:
            return _TOO_LONG
        self._words += characters
        return ""
