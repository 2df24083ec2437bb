"""Takes the content of Open edX blocks into units, or says why it stays behind.

Not here: finding the blocks (`olx`), and what is inside one kind of block (`olx_html`,
`olx_video`, `olx_problem`).
"""

from lyceum.packages.adapters import (
    askable,
    olx_html,
    olx_problem,
    olx_video,
    readable,
    wording,
    xml,
)
from lyceum.packages.adapters.faults import XmlMalformed
from lyceum.packages.adapters.olx_blocks import Block
from lyceum.packages.adapters.olx_folder import OlxFolder
from lyceum.packages.adapters.olx_unit import Unit
from lyceum.packages.adapters.receiver import Receiver
from lyceum.packages.adapters.tally import Tally
from lyceum.packages.records import LeftOut

# Characters of a whole course, markup included; the largest real ones hold a tenth of it.
MAX_WORDS = 32 * 1024 * 1024

SECTIONS = frozenset({"sequential", "videosequence", "problemset"})
COUNTED = {
    "chapter": "chapters",
    "sequential": "sequentials",
    "vertical": "verticals",
    "html": "html",
    "problem": "problems",
    "video": "videos",
    "file": "files",
}

_SETTINGS = {
    "group_access": ("group-access", "some groups of learners saw it; here everybody does"),
    "start": ("date", "dates are not brought in"),
    "due": ("date", "dates are not brought in"),
    "graded": ("grading", "weights and grading rules are not brought in"),
    "max_attempts": ("problem-setting", "limits on attempts are not brought in"),
    "rerandomize": ("problem-setting", "new numbers for each attempt are not brought in"),
}
_UNSET = {"", "null", "{}", "false", "never", '"never"'}
_TOO_LONG = f"the course holds more than {MAX_WORDS} characters of text"
# What a text is of which only one kind of thing was lost, and nothing is left.
_ONLY = {
    "script-or-style": "it holds only scripts and styles",
    "file-link": "it is in a file that is not in the package",
}
_UNSHOWN = "nothing of it can be shown here"


class Intake:
    """What one reading takes, with the account of it."""

    def __init__(self, folder: OlxFolder, receiver: Receiver) -> None:
        self.tally = Tally(COUNTED)
        self.receiver = receiver
        self.resolve = olx_html.resolver(folder)
        self._folder = folder
        self._words = 0
        self._ways = {
            "html": self._take_html,
            "video": self._take_video,
            "problem": self._take_problem,
            "annotatable": self._take_annotated,
        }

    def knows(self, block: Block) -> bool:
        """Tell whether the block has content of a kind that can be taken."""
        return block.tag in self._ways

    def take(self, block: Block, unit: Unit) -> None:
        """Put the content of a block into a unit, and count it as taken or left out."""
        self._ways[block.tag](block, unit)

    def settle(self, block: Block, has_content: bool, refusal: str) -> None:
        """Count a block that holds others as taken when anything inside it was."""
        kind = kind_of(block)
        if kind in COUNTED and has_content:
            self.tally.take(kind)
        elif kind in COUNTED:
            self.leave_out(block, refusal or "nothing inside it could be taken")

    def leave_out(
        self, block: Block, reason: str, *, kind: str = "", is_kept_as_text: bool = False
    ) -> None:
        """Record that a block stays behind, or a part of it under another `kind`."""
        self.tally.leave_out(
            LeftOut(
                kind=kind or kind_of(block)[:60],
                reason=reason,
                external_id=block.key,
                path=block.path,
                title=block.own_title,
                is_kept_as_text=is_kept_as_text,
            )
        )

    def count_settings(self, block: Block) -> None:
        """Count the settings of a block that have no counterpart here."""
        for setting, (kind, reason) in _SETTINGS.items():
            if block.settings.get(setting, "") not in _UNSET:
                self.tally.sum_up(kind, reason, example=block.path or block.key)
        if wording.is_cut(block.settings.get("display_name", "")):
            reason = f"it is cut to {wording.MAX_TITLE} characters"
            self.tally.sum_up("title", reason, example=block.path or block.key)

    def _take_html(self, block: Block, unit: Unit) -> None:
        try:
            html = olx_html.read_html(self._folder, block)
        except XmlMalformed as problem:
            self.leave_out(block, f"its file is not well-formed XML: {problem.problem}")
            return
        if html is None:
            self.leave_out(block, "its text is missing or too long")
        elif fault := self._add_text(html, block, unit):
            self.leave_out(block, fault)
        else:
            self.tally.take("html")

    def _take_video(self, block: Block, unit: Unit) -> None:
        video = olx_video.read_video(block, self._folder)
        if olx_video.is_playable(video):
            unit.add_video(block, video)
            self.tally.take("video")
            olx_video.count_lost(video, self.tally, block.path or block.key)
        elif olx_video.has_packaged_file(block):
            self.leave_out(block, "its only source is a file that is not in the package")
        else:
            self.leave_out(block, "it has no source that can be played")

    def _take_problem(self, block: Block, unit: Unit) -> None:
        problem = olx_problem.read_problem(block)
        if fault := self._room_for(sum(map(askable.count_characters, problem.questions))):
            self.leave_out(block, fault)
            return
        asked = askable.make_askable(problem.questions, self.receiver, self.resolve)
        reasons = [*problem.lost_parts, *asked.faults]
        if asked.questions:
            fault = unit.room_for(asked.questions, self.receiver)
            if not fault:
                unit.add_questions(asked.questions)
                self._settle_problem(block, reasons, asked)
                return
            reasons = [fault]
        reason = problem.reason or reasons[0]
        words = problem.text_html or (olx_problem.read_words(block) if reasons else "")
        is_kept = bool(words) and not self._add_text(words, block, unit)
        self.leave_out(block, reason, is_kept_as_text=is_kept)

    def _settle_problem(self, block: Block, lost: list[str], asked: askable.Askable) -> None:
        self.tally.take("problem")
        for reason in lost:
            self.leave_out(block, reason, kind="problem-part")
        readable.count_lost(asked.lost, self.tally, block.path or block.key)
        if any(element.get("partial_credit") for element in block.element.iter()):
            self.tally.sum_up("problem-setting", "partial credit is not brought in")

    def _take_annotated(self, block: Block, unit: Unit) -> None:
        is_kept = not self._add_text(xml.inner_html(block.element), block, unit)
        self.leave_out(block, "notes on parts of a text are not kept", is_kept_as_text=is_kept)

    def _add_text(self, html: str, block: Block, unit: Unit) -> str:
        """Put what can be read of a text into a unit, or return why it is not."""
        if fault := self._room_for(len(html)):
            return fault
        found = readable.make_readable(html, self.resolve)
        if not found.html:
            if found.fault or not found.lost:
                return found.fault or "it is empty"
            return _ONLY.get("".join(found.lost), _UNSHOWN)
        fault = unit.room_for_text(found.html, self.receiver)
        if not fault:
            unit.add_text(found.html)
            readable.count_lost(found.lost, self.tally, block.path or block.key)
        return fault

    def _room_for(self, characters: int) -> str:
        """Count text towards what is read of a course, or return why it is too much."""
        if self._words + characters > MAX_WORDS:
            return _TOO_LONG
        self._words += characters
        return ""


def kind_of(block: Block) -> str:
    """Return the kind under which a block is counted."""
    return "sequential" if block.tag in SECTIONS else block.tag
