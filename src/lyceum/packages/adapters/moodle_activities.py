"""Activities and resources of a Moodle backup as lectures.

Not here: in what order they stand (`moodle`), quizzes' questions (`moodle_quiz`).
"""

from collections.abc import Callable
from html import escape
from typing import NamedTuple

from lyceum.packages.adapters import (
    assets,
    moodle_lesson,
    moodle_quiz,
    moodle_words,
    web_media,
    wording,
)
from lyceum.packages.adapters.faults import XmlMalformed
from lyceum.packages.adapters.gathering import Gathering, Item
from lyceum.packages.adapters.moodle_files import RESOLVE, MoodleFiles, StoredFile
from lyceum.packages.adapters.moodle_items import Items
from lyceum.packages.adapters.moodle_questions import QuestionBank
from lyceum.packages.adapters.package_folder import PackageFolder
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import LectureKind, PackageLecture, QuizRules

COUNTED = {
    "page": "pages",
    "label": "labels",
    "url": "urls",
    "resource": "resources",
    "folder": "folders",
    "book": "books",
    "forum": "forums",
    "assign": "assignments",
    "quiz": "quizzes",
    "lesson": "lessons",
}
OTHER = "activity"
# A label of so few words, and nothing else in it, is the heading of what follows it.
MAX_HEADING = 80
_MORE = ("<img", "<a ", "<iframe", "<object", "<li")


class Left(Exception):
    """Why an activity stays behind, in words for the report."""


class Activity(NamedTuple):
    """An activity as the backup has it; `root` is its own element in its file."""

    kind: str
    module: str
    folder: str
    context: str
    root: Element
    name: str


class Activities:
    """Turns activities into lectures."""

    def __init__(
        self, folder: PackageFolder, files: MoodleFiles, bank: QuestionBank, gathering: Gathering
    ) -> None:
        self.asked: set[str] = set()
        self._folder = folder
        self._files = files
        self._bank = bank
        self._items = Items(bank, files)
        self._gathering = gathering
        self._ways: dict[str, Callable[[Activity], list[PackageLecture]]] = {
            "page": self._page,
            "label": self._label,
            "url": self._url,
            "resource": self._resource,
            "folder": self._folder_of_files,
            "book": self._book,
            "forum": self._forum,
            "assign": self._assignment,
            "quiz": self._quiz,
            "lesson": self._lesson,
        }

    def read(self, activity: Activity) -> list[PackageLecture]:
        """Return the lectures of an activity, at least one; raises Left with the reason."""
        made = self._ways[activity.kind](activity)
        if not made:
            raise Left("nothing of it can be read here")
        return made

    def heading(self, activity: Activity) -> str:
        """Return the words of a label that only is a heading, or nothing."""
        if activity.kind != "label":
            return ""
        html = moodle_words.html(activity.root, "intro")
        words = wording.plain_line(html, len(html) + 1)
        has_more = any(
            mark in html.lower() for mark in ("<img", "<a ", "<iframe", "<object", "<li")
        )
        return "" if has_more or len(words) > MAX_HEADING else words

    def bank_lecture(self, key: str, title: str, numbers: list[str]) -> PackageLecture | None:
        """Return the quiz that questions become which no quiz asks."""
        items = [
            self._items.read(self._bank.by_number[number], f"{key}/{number}", None)
            for number in numbers
        ]
        return self._gathering.read_quiz(key, title, "", items, RESOLVE, QuizRules())

    def _page(self, activity: Activity) -> list[PackageLecture]:
        return self._text(activity, moodle_words.html(activity.root, "content"))

    def _label(self, activity: Activity) -> list[PackageLecture]:
        return self._text(activity, self._intro(activity))

    def _forum(self, activity: Activity) -> list[PackageLecture]:
        if moodle_words.value(activity.root, "type") == "news":
            raise Left("announcements of the old course are not brought in")
        made = self._text(activity, self._intro(activity))
        self._gathering.tally.sum_up(
            "discussion-thread",
            "it is kept as reading: nobody can answer there yet",
            1,
            _key(activity),
        )
        return made

    def _assignment(self, activity: Activity) -> list[PackageLecture]:
        attached = self._files.of_area(activity.context, "mod_assign", "introattachment")
        html = self._intro(activity) + _listed(attached)
        return self._text(activity, html, kind="assignment")

    def _url(self, activity: Activity) -> list[PackageLecture]:
        address = wording.web_address(moodle_words.value(activity.root, "externalurl"))
        if not address:
            raise Left("its address is none of the web")
        intro = self._intro(activity)
        if video := web_media.video_of(address):
            shown = self._read(intro, activity) if intro else ""
            return [_lecture(activity, "video", shown, video=video)]
        link = f'<p><a href="{escape(address)}">{escape(activity.name)}</a></p>'
        return self._text(activity, f"{intro}{link}", kind="embed")

    def _resource(self, activity: Activity) -> list[PackageLecture]:
        files = self._files.of_area(activity.context, "mod_resource", "content")
        if not files:
            raise Left("its file is not in the backup")
        intro = self._intro(activity)
        main = files[0]
        if web_media.is_played(main.name):
            shown = self._read(intro, activity) if intro else ""
            video = web_media.video_at(assets.reference(main.path))
            return [_lecture(activity, "video", shown, video=video)]
        picture = web_media.picture(assets.reference(main.path), main.name)
        return self._text(activity, f"{intro}{picture}{_listed(files)}", kind="file")

    def _folder_of_files(self, activity: Activity) -> list[PackageLecture]:
        files = self._files.of_area(activity.context, "mod_folder", "content")
        if not files:
            raise Left("none of its files is in the backup")
        return self._text(activity, self._intro(activity) + _listed(files), kind="file")

    def _book(self, activity: Activity) -> list[PackageLecture]:
        """Return a lecture for each chapter that was not hidden."""
        made = []
        chapters = sorted(
            activity.root.iterfind("chapters/chapter"),
            key=lambda each: moodle_words.number(each, "pagenum"),
        )
        for chapter in chapters:
            number = chapter.get("id") or ""
            if moodle_words.value(chapter, "hidden") == "1":
                self._gathering.tally.sum_up("book-chapter", "it was hidden", 1, _key(activity))
                continue
            html = moodle_words.html(chapter, "content")
            placed = self._files.place(html, activity.context, "mod_book", (number,))
            shown, fault = self._gathering.read_text(placed, RESOLVE, _key(activity))
            if fault:
                self._gathering.tally.sum_up("book-chapter", fault, 1, _key(activity))
                continue
            title = wording.one_line(moodle_words.value(chapter, "title")) or activity.name
            made.append(
                PackageLecture(
                    external_id=f"{_key(activity)}/{number}",
                    kind="text",
                    title=title,
                    section=activity.name,
                    html=shown,
                )
            )
        return made

    def _quiz(self, activity: Activity) -> list[PackageLecture]:
        slots = moodle_quiz.read_slots(activity.root, self._bank)
        if slots.drawn:
            reason = "all its questions are asked; drawing some of them at random is not"
            self._gathering.tally.sum_up("random-question", reason, slots.drawn, _key(activity))
        items = []
        for number, slot in enumerate(slots.slots, 1):
            if slot.question is None:
                items.append(Item(f"{_key(activity)}/slot-{number}", "", reason=slot.fault))
                continue
            self.asked.add(slot.question.number)
            key = f"{_key(activity)}/{slot.question.entry or slot.question.number}"
            items.append(self._items.read(slot.question, key, slot.points))
        rules = moodle_quiz.read_rules(activity.root, self._grades(activity))
        made = self._gathering.read_quiz(
            _key(activity), activity.name, self._intro(activity), items, RESOLVE, rules
        )
        if made is None:
            raise Left("none of its questions can be asked or read here")
        return [made]

    def _lesson(self, activity: Activity) -> list[PackageLecture]:
        """Return the reading of a lesson and the quiz of its questions, whichever there is."""
        texts, items = [self._intro(activity)], []
        for page in moodle_lesson.pages_in_order(activity.root):
            number = page.get("id") or ""
            title = escape(moodle_words.value(page, "title"))
            html = moodle_words.html(page, "contents", "contentsformat")
            words = self._files.place(html, activity.context, "mod_lesson", (number,))
            if not moodle_lesson.is_content(page):
                key = f"{_key(activity)}/{number}"
                items.append(moodle_lesson.read_page(page, key, words))
            elif words:
                texts.append(f"<h3>{title}</h3>{words}" if title else words)
        made = []
        reading = "\n".join(filter(None, texts))
        if reading:
            shown, fault = self._gathering.read_text(reading, RESOLVE, _key(activity))
            if fault:
                self._gathering.tally.sum_up("lesson-page", fault, 1, _key(activity))
            else:
                made.append(_lecture(activity, "text", shown))
        key = f"{_key(activity)}#quiz"
        name = wording.one_line(f"{activity.name} (quiz)")
        quiz = self._gathering.read_quiz(key, name, "", items, RESOLVE, QuizRules())
        return made if quiz is None else [*made, quiz]

    def _text(
        self, activity: Activity, html: str, *, kind: LectureKind = "text"
    ) -> list[PackageLecture]:
        return [_lecture(activity, kind, self._read(html, activity))]

    def _read(self, html: str, activity: Activity) -> str:
        placed = self._files.place(html, activity.context, f"mod_{activity.kind}")
        shown, fault = self._gathering.read_text(placed, RESOLVE, _key(activity))
        if fault:
            raise Left(fault)
        return shown

    def _intro(self, activity: Activity) -> str:
        html = moodle_words.html(activity.root, "intro")
        return self._files.place(html, activity.context, f"mod_{activity.kind}")

    def _grades(self, activity: Activity) -> Element | None:
        path = f"{activity.folder}/grades.xml"
        try:
            return self._folder.read_xml(path) if self._folder.has(path) else None
        except XmlMalformed:
            return None


def _key(activity: Activity) -> str:
    return f"{activity.kind}/{activity.module}"


def _lecture(
    activity: Activity, kind: LectureKind, html: str, *, video: web_media.Video | None = None
) -> PackageLecture:
    return PackageLecture(
        external_id=_key(activity), kind=kind, title=activity.name, html=html, video=video
    )


def _listed(files: list[StoredFile]) -> str:
    """Return links to files."""
    listed = "".join(
        f'<li><a href="{assets.reference(file.path)}">{escape(file.name.lstrip("/"))}</a></li>'
        for file in files
    )
    return f"<ul>{listed}</ul>" if listed else ""
