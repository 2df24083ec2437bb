"""Reads an Open edX course export (OLX): course > chapter > sequential > vertical > blocks.

A chapter stays a chapter. A vertical becomes up to one text lecture (its html blocks in order), a
lecture for each video, and one quiz lecture (its problems), in the order in which the kinds first
appear; the title of the sequential is kept as the section. Whatever is met is counted as found,
and then as taken or left out. Not here: what is inside the blocks (`olx_intake`), and putting
lectures together (`olx_unit`).
"""

from pathlib import Path

from lyceum.packages.adapters import olx_about, olx_blocks, olx_folder, olx_leftovers, titles
from lyceum.packages.adapters.faults import NotOlx, PackageTooLarge
from lyceum.packages.adapters.olx_blocks import Block
from lyceum.packages.adapters.olx_folder import OlxFolder
from lyceum.packages.adapters.olx_intake import COUNTED, SECTIONS, Intake, kind_of
from lyceum.packages.adapters.olx_unit import Unit
from lyceum.packages.adapters.progress import Progress, untold
from lyceum.packages.adapters.receiver import ANY, Receiver
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import (
    LeftOut,
    PackageChapter,
    PackageCourse,
    PackageLecture,
    PackageReport,
)

FORMAT = "olx"
MAX_BLOCKS = 50_000
MAX_NESTING = 24

# Blocks that only hold others; what they did with them is lost, what they held is taken.
_HOLDERS = {
    "chapter": "",
    "vertical": "",
    "wrapper": "",
    **dict.fromkeys(SECTIONS, ""),
    "library_content": "its questions are all taken; drawing some of them at random is not",
    "itembank": "its questions are all taken; drawing some of them at random is not",
    "randomize": "all its parts are taken; showing one of them at random is not",
    "split_test": "all its parts are taken; showing each group its own is not",
    "conditional": "its content is taken; the condition for showing it is not",
}
# Blocks that have no counterpart here, by what they are.
_STRANGERS = {
    "discussion": "discussions are not brought in",
    "done": "marking a unit as done has no counterpart",
    "drag-and-drop-v2": "its answer is a place to drag things to",
    "edx_sga": "work that people grade is not brought in",
    "google-document": "a document of another site is not brought in",
    "lti": "tools of other sites are not connected",
    "lti_consumer": "tools of other sites are not connected",
    "openassessment": "work that people grade is not brought in",
    "poll": "polls and surveys are not brought in",
    "scorm": "SCORM packages are not brought in",
    "staffgradedxblock": "work that people grade is not brought in",
    "survey": "polls and surveys are not brought in",
    "wiki": "the wiki is not brought in",
    "word_cloud": "polls and surveys are not brought in",
}
_UNKNOWN = "blocks of this kind are not known here"


def read_olx(
    folder: Path, progress: Progress = untold, receiver: Receiver = ANY
) -> tuple[PackageCourse, PackageReport]:
    """Read the Open edX course in an unpacked folder, and say what was not taken and why.

    Raises NotOlx, XmlMalformed (of the course file itself), XmlEntities or PackageTooLarge; all
    that is wrong with single blocks is in the report.
    """
    olx = olx_folder.open_course(folder)
    walk = _Walk(olx, receiver)
    course = walk.read_course(progress)
    for _ in course.assets:
        walk.intake.tally.find("file")
        walk.intake.tally.take("file")
    olx_leftovers.count_leftovers(olx, walk.intake.tally)
    progress(1.0)
    return course, walk.intake.tally.report(FORMAT)


class _Walk:
    """One way through a course, from course.xml down to every block that it leads to."""

    def __init__(self, folder: OlxFolder, receiver: Receiver) -> None:
        self.intake = Intake(folder, receiver)
        self._folder = folder
        self._policy: olx_blocks.Policy = {}
        self._met: set[str] = set()
        self._blocks = 0

    def read_course(self, progress: Progress) -> PackageCourse:
        """Read everything that course.xml leads to."""
        pointer = self._folder.read_xml(olx_folder.COURSE_FILE)
        if pointer.tag != "course":
            raise NotOlx
        run = pointer.get("url_name") or pointer.get("slug") or ""
        self._policy, problem = olx_blocks.read_policy(self._folder, run)
        if problem:
            self.intake.tally.leave_out(LeftOut(kind="policy", reason=problem))
        block = olx_blocks.resolve(self._folder, self._policy, pointer, "course")
        if block.fault:
            raise NotOlx(f"The course cannot be read: {block.fault}")
        self.intake.count_settings(block)
        chapters: list[PackageChapter] = []
        children = list(block.element)
        for number, child in enumerate(children):
            chapters += self._read_chapter(child, f"{block.key}/{number}", block.title)
            progress((number + 1) / len(children))
        return olx_about.describe_course(self._folder, block, run, tuple(chapters), self.intake)

    def _read_chapter(
        self, element: Element, place: str, course_title: str
    ) -> list[PackageChapter]:
        """Read a child of the course; what stands outside chapters gets one named as the course."""
        key, title = f"{place}/chapter", course_title
        if element.tag == "chapter":
            block = self._meet(element, place, 0)
            if block is None:
                return []
            key, title = block.key, block.title
            lectures = self._read_parts(block, "", _refusal(block, ""), 1)
        else:
            lectures = self._read_part(element, place, "", "", 0)
        if not lectures:
            return []
        titled = titles.with_own_titles(lectures)
        self.intake.tally.take("lectures", len(titled))
        self.intake.tally.take("questions", sum(len(lecture.questions) for lecture in titled))
        return [PackageChapter(external_id=key, title=title, lectures=titled)]

    def _read_parts(
        self, block: Block, section: str, refusal: str, depth: int
    ) -> list[PackageLecture]:
        """Read the parts of a chapter or a section, and settle that block."""
        lectures: list[PackageLecture] = []
        for number, child in enumerate(block.element):
            lectures += self._read_part(child, f"{block.key}/{number}", section, refusal, depth)
        self.intake.settle(block, bool(lectures), refusal)
        return lectures

    def _read_part(
        self, element: Element, place: str, section: str, refusal: str, depth: int
    ) -> list[PackageLecture]:
        """Read a part of a chapter: a section of units, or one unit."""
        if element.tag not in SECTIONS:
            unit = Unit(section)
            self._gather(element, place, unit, refusal, depth)
            return unit.lectures()
        block = self._meet(element, place, depth)
        if block is None:
            return []
        return self._read_parts(block, block.title, _refusal(block, refusal), depth + 1)

    def _gather(self, element: Element, place: str, unit: Unit, refusal: str, depth: int) -> None:
        """Put what a block holds into a unit, itself or through the blocks inside it."""
        block = self._meet(element, place, depth)
        if block is None:
            return
        unit.name_after(block)
        refusal = _refusal(block, refusal)
        if block.tag in _HOLDERS:
            self._gather_held(block, unit, refusal, depth)
        elif self.intake.knows(block) and not refusal:
            self.intake.take(block, unit)
        else:
            self.intake.leave_out(block, refusal or _STRANGERS.get(block.tag, _UNKNOWN))
            inside = refusal or f"it is inside a block of the kind {block.tag[:60]}"
            for number, child in enumerate(block.element):
                if child.tag in COUNTED and not self.intake.knows(block):
                    self._gather(child, f"{block.key}/{number}", unit, inside, depth + 1)

    def _gather_held(self, block: Block, unit: Unit, refusal: str, depth: int) -> None:
        before = unit.size
        if note := _HOLDERS[block.tag]:
            self.intake.leave_out(block, note)
        for number, child in enumerate(block.element):
            self._gather(child, f"{block.key}/{number}", unit, refusal, depth + 1)
        self.intake.settle(block, unit.size > before, refusal)

    def _meet(self, element: Element, place: str, depth: int) -> Block | None:
        """Return the block of an element, or None after recording why there is none."""
        self._blocks += 1
        if self._blocks > MAX_BLOCKS:
            raise PackageTooLarge(f"The course has more than {MAX_BLOCKS} blocks")
        block = olx_blocks.resolve(self._folder, self._policy, element, place)
        self.intake.tally.find(kind_of(block))
        is_known = block.tag in _HOLDERS or self.intake.knows(block)
        reason = block.fault if is_known else ""
        if block.key in self._met:
            reason = "it was met before; everything is taken once"
        elif depth > MAX_NESTING:
            reason = f"it is nested more than {MAX_NESTING} deep"
        self._met.add(block.key)
        if reason:
            self.intake.leave_out(block, reason)
            return None
        self.intake.count_settings(block)
        return block


def _refusal(block: Block, above: str) -> str:
    """Return why a block and all inside it must stay behind, if it must."""
    return above or ("only staff could see it" if block.is_set("visible_to_staff_only") else "")
