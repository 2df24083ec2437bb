"""Reads a Moodle course backup (`.mbz`, gzip or zip, Moodle 2.0 and newer).

A section becomes a chapter, its summary the first reading in it, each activity a lecture (a book
one for each of its chapters). Questions that no quiz asks come into a chapter of their own. What
was hidden, and what learners did, stays behind. Not here: what is inside an activity
(`moodle_activities`), the files (`moodle_files`) and the bank (`moodle_questions`).
"""

from pathlib import Path

from msgspec.structs import replace

from lyceum.packages.adapters import (
    moodle_words,
    readable,
    titles,
    wording,
)
from lyceum.packages.adapters.faults import NotMoodle, XmlMalformed
from lyceum.packages.adapters.gathering import Gathering
from lyceum.packages.adapters.keys import Keys
from lyceum.packages.adapters.moodle_activities import COUNTED, OTHER, Activities, Activity, Left
from lyceum.packages.adapters.moodle_files import RESOLVE, MoodleFiles
from lyceum.packages.adapters.moodle_questions import QuestionBank
from lyceum.packages.adapters.package_folder import PackageFolder
from lyceum.packages.adapters.progress import Progress, untold
from lyceum.packages.adapters.receiver import ANY, Receiver
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import PackageChapter, PackageCourse, PackageLecture, PackageReport

FORMAT = "moodle"
BACKUP = "moodle_backup.xml"
OF_OLD = "moodle.xml"
BANKS = "Question banks"
_HIDDEN = "it was hidden"
_UNTITLED = "Untitled course"


def holds_backup(folder: Path) -> bool:
    """Tell whether there is a backup of Moodle at the top of the package, of whatever age."""
    return _root(folder) is not None


def read_backup(
    folder: Path, progress: Progress = untold, receiver: Receiver = ANY
) -> tuple[PackageCourse, PackageReport]:
    """Read the backup in an unpacked folder, and say what was not taken and why.

    Raises NotMoodle, XmlMalformed (of the files that name the rest), XmlEntities or
    PackageTooLarge.
    """
    backup = PackageFolder(_root(folder) or folder)
    if not backup.has(BACKUP):
        raise NotMoodle("The backup is of Moodle 1.9 or older; those of 2.0 and newer are read")
    walk = _Walk(backup, receiver)
    course = walk.read_course(progress)
    progress(1.0)
    return course, walk.gathering.tally.report(FORMAT)


def _root(folder: Path) -> Path | None:
    """Return the folder of the backup: the archive's own, or the one that it wraps around all."""
    for root in (folder, *sorted(each for each in folder.iterdir() if each.is_dir())):
        if any((root / name).is_file() for name in (BACKUP, OF_OLD)):
            return root
    return None


class _Walk:
    """One way through a backup."""

    def __init__(self, folder: PackageFolder, receiver: Receiver) -> None:
        kinds = {**COUNTED, OTHER: "other-activities", "section": "sections", "file": "files"}
        self.gathering = Gathering(kinds, receiver)
        self._folder = folder
        root = folder.read_xml(BACKUP, moodle_words.LIMITS)
        information = root.find("information")
        if root.tag != "moodle_backup" or information is None:
            raise NotMoodle("Its moodle_backup.xml is none of a course")
        self._information: Element = information
        self._files = MoodleFiles(folder)
        self._bank = QuestionBank(folder)
        self._activities = Activities(folder, self._files, self._bank, self.gathering)
        self._keys = Keys()
        self._directories = self._read_directories()
        self._read: set[str] = set()

    def read_course(self, progress: Progress) -> PackageCourse:
        """Read everything that the backup names."""
        chapters: list[PackageChapter] = []
        sections = self._sections()
        for number, section in enumerate(sections):
            chapters += self._chapter(section)
            progress((number + 1) / (len(sections) + 1))
        self._leave_out_unplaced()
        chapters += self._banks()
        self._count_files()
        course = self._course_element()
        title = wording.one_line(
            moodle_words.value(course, "fullname")
            or moodle_words.value(self._information, "original_course_fullname")
        )
        site = moodle_words.value(self._information, "original_site_identifier_hash")
        number_there = moodle_words.value(self._information, "original_course_id")
        language = moodle_words.value(course, "lang").lower().replace("_", "-")
        return PackageCourse(
            external_id=wording.one_line(f"moodle/{site[:16]}/{number_there}"),
            title=title or _UNTITLED,
            description_html=self._description(course),
            language=language if wording.is_language(language) else None,
            chapters=tuple(chapters),
            assets=self._files.assets(),
        )

    def _course_element(self) -> Element:
        try:
            return self._folder.read_xml("course/course.xml")
        except XmlMalformed:
            return self._information

    def _read_directories(self) -> dict[str, str]:
        """Return the folders of the activities by the number of their module."""
        return {
            moodle_words.value(each, "moduleid"): moodle_words.value(each, "directory").strip("/")
            for each in self._information.iterfind("contents/activities/activity")
        }

    def _sections(self) -> list[Element]:
        """Return the sections of the course in order; those that cannot be read are left out."""
        found = []
        for each in self._information.iterfind("contents/sections/section"):
            self.gathering.tally.find("section")
            path = f"{moodle_words.value(each, 'directory').strip('/')}/section.xml"
            try:
                found.append(self._folder.read_xml(path))
            except XmlMalformed as problem:
                reason = f"its file cannot be read: {problem.problem}"
                self.gathering.leave_out("section", reason, path=path)
        return sorted(found, key=lambda section: moodle_words.number(section, "number"))

    def _chapter(self, section: Element) -> list[PackageChapter]:
        name = section.get("id") or moodle_words.value(section, "number")
        number = int(moodle_words.number(section, "number"))
        title = wording.one_line(moodle_words.value(section, "name"))
        title = title or (f"Section {number}" if number else "General")
        is_hidden = moodle_words.value(section, "visible") == "0"
        lectures: list[PackageLecture] = []
        if not is_hidden:
            lectures += self._summary(section, name, title)
        heading = ""
        for module in moodle_words.value(section, "sequence").split(","):
            activity = self._find(module.strip(), is_hidden=is_hidden)
            if activity is None:
                continue
            if words := self._activities.heading(activity):
                heading = wording.one_line(words)
                self.gathering.tally.take(activity.kind)
                continue
            lectures += [
                made if made.section else replace(made, section=heading)
                for made in self._lectures(activity)
            ]
        if not lectures:
            reason = _HIDDEN if is_hidden else "nothing inside it could be taken"
            self.gathering.leave_out("section", reason, key=name, title=title)
            return []
        self.gathering.tally.take("section")
        return [self._made(f"section/{name}", title, lectures)]

    def _made(self, key: str, title: str, lectures: list[PackageLecture]) -> PackageChapter:
        named = [replace(each, external_id=self._keys.claim(each.external_id)) for each in lectures]
        titled = titles.with_own_titles(named)
        self.gathering.tally.take("lectures", len(titled))
        self.gathering.tally.take("questions", sum(len(each.questions) for each in titled))
        return PackageChapter(external_id=self._keys.claim(key), title=title, lectures=titled)

    def _summary(self, section: Element, name: str, title: str) -> list[PackageLecture]:
        html = moodle_words.html(section, "summary")
        context = moodle_words.value(self._information, "original_course_contextid")
        placed = self._files.place(html, context, "course", (name,))
        shown, fault = self.gathering.read_text(placed, RESOLVE, name) if html else ("", "")
        if fault:
            self.gathering.tally.sum_up("section-summary", fault, 1, name)
        if not shown:
            return []
        key = f"section/{name}/summary"
        return [PackageLecture(external_id=key, kind="text", title=title, html=shown)]

    def _find(self, module: str, *, is_hidden: bool) -> Activity | None:
        """Return an activity of a section, or None after recording why there is none."""
        folder = self._directories.get(module, "")
        if not folder or module in self._read:
            return None
        self._read.add(module)
        kind = folder.rpartition("/")[2].rpartition("_")[0]
        counted = kind if kind in COUNTED else OTHER
        self.gathering.tally.find(counted)
        try:
            root = self._folder.read_xml(f"{folder}/{kind}.xml", moodle_words.LIMITS)
            settings = self._folder.read_xml(f"{folder}/module.xml")
        except XmlMalformed as problem:
            reason = f"its file cannot be read: {problem.problem}"
            self.gathering.leave_out(counted, reason, path=problem.path)
            return None
        own = root.find(kind)
        name = "" if own is None else wording.one_line(moodle_words.value(own, "name"))
        reason = ""
        if kind not in COUNTED:
            reason = f"activities of the kind {wording.one_line(kind, 60)} are not known here"
        elif is_hidden or moodle_words.value(settings, "visible") == "0":
            reason = _HIDDEN
        elif own is None:
            reason = "its file holds nothing of its kind"
        if reason or own is None:
            self.gathering.leave_out(counted, reason, path=folder, title=name)
            return None
        return Activity(kind, module, folder, root.get("contextid") or "", own, name or kind)

    def _lectures(self, activity: Activity) -> list[PackageLecture]:
        try:
            made = self._activities.read(activity)
        except Left as left:
            self.gathering.leave_out(
                activity.kind, str(left), path=activity.folder, title=activity.name
            )
            return []
        self.gathering.tally.take(activity.kind)
        return made

    def _leave_out_unplaced(self) -> None:
        """Count the activities that no section names."""
        for module, folder in self._directories.items():
            if module not in self._read:
                kind = folder.rpartition("/")[2].rpartition("_")[0]
                counted = kind if kind in COUNTED else OTHER
                self.gathering.tally.find(counted)
                self.gathering.leave_out(counted, "no section of the backup has it", path=folder)

    def _banks(self) -> list[PackageChapter]:
        """Return a chapter of the questions that no quiz asks, a quiz for each category."""
        rest: dict[str, list[str]] = {}
        for question in self._bank.askable():
            if question.number not in self._activities.asked:
                rest.setdefault(question.category, []).append(question.number)
        lectures = []
        for category, numbers in rest.items():
            name = self._bank.categories[category].name
            made = self._activities.bank_lecture(
                f"bank/{category}", wording.one_line(name) or "Questions", numbers
            )
            if made is not None:
                lectures.append(made)
        return [self._made("banks", BANKS, lectures)] if lectures else []

    def _count_files(self) -> None:
        files, tally = self._files, self.gathering.tally
        for _ in range(files.found):
            tally.find("file")
        tally.take("file", len(files.assets()))
        for path in files.missing:
            self.gathering.leave_out("file", "its content is not in the backup", path=path)
        if files.of_learners:
            reason = "what learners handed in, and files of tools, are not brought in"
            tally.sum_up("file", reason, files.of_learners)
        if self._folder.has("users.xml"):
            tally.sum_up("people", "people, their work and their grades are not brought in")

    def _description(self, course: Element) -> str:
        context = course.get("contextid") or ""
        html = self._files.place(moodle_words.html(course, "summary"), context, "course")
        shown, _ = self.gathering.read_text(html, RESOLVE, "summary") if html else ("", "")
        most = self.gathering.receiver.description_characters
        short = readable.shorten(shown, most)
        if short != shown:
            self.gathering.tally.sum_up("description", f"it is cut to {most} characters of text")
        return short
