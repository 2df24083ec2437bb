"""Moodle course backups written for the tests, in the shapes of several versions."""

from html import escape
from pathlib import Path

from lyceum.packages.adapters import moodle
from lyceum.packages.records import PackageCourse, PackageReport
from lyceum.packages.service.imports import RECEIVER
from tests.packages import archives, olx_trees

HASH = "da39a3ee5e6b4b0d3255bfef95601890afd8070{}"


class Backup:
    """A backup that grows; all activities stand in its one section unless another is named."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self._activities: list[tuple[str, str, str]] = []
        self._sections: dict[str, tuple[str, str, str]] = {"1": ("Week 1", "", "1")}
        self._lines: list[str] = []
        self.questions = ""

    def add(
        self,
        kind: str,
        module: str,
        inside: str,
        *,
        name: str = "Thing",
        visible: str = "1",
        section: str = "1",
    ) -> "Backup":
        """Add an activity with this content."""
        folder = f"activities/{kind}_{module}"
        self._activities.append((module, section, folder))
        self.files[f"{folder}/{kind}.xml"] = (
            f'<activity moduleid="{module}" modulename="{kind}" contextid="c{module}">'
            f'<{kind} id="{module}"><name>{escape(name)}</name>{inside}</{kind}></activity>'
        )
        self.files[f"{folder}/module.xml"] = f"<module><visible>{visible}</visible></module>"
        return self

    def section(self, number: str, name: str, summary: str = "", visible: str = "1") -> "Backup":
        """Add or change a section."""
        self._sections[number] = (name, summary, visible)
        return self

    def file(
        self, component: str, area: str, name: str, content: str, *, context: str, item: str = "0"
    ) -> "Backup":
        """Add a file to the pool and its line."""
        digest = HASH.format(len(self._lines) % 10)
        self._lines.append(
            f"<file><contenthash>{digest}</contenthash><contextid>{context}</contextid>"
            f"<component>{component}</component><filearea>{area}</filearea><itemid>{item}</itemid>"
            f"<filepath>/</filepath><filename>{escape(name)}</filename><sortorder>0</sortorder></file>"
        )
        if content:
            self.files[f"files/{digest[:2]}/{digest}"] = content
        return self

    def tree(self) -> dict[str, str]:
        """Return all files of the backup."""
        activities = "".join(
            f"<activity><moduleid>{module}</moduleid><directory>{folder}</directory></activity>"
            for module, _, folder in self._activities
        )
        sections = "".join(
            f"<section><sectionid>{number}</sectionid><directory>sections/section_{number}"
            "</directory></section>"
            for number in self._sections
        )
        made = dict(self.files)
        for number, (name, summary, visible) in self._sections.items():
            order = ",".join(module for module, where, _ in self._activities if where == number)
            made[f"sections/section_{number}/section.xml"] = (
                f'<section id="{number}"><number>{number}</number><name>{escape(name)}</name>'
                f"<summary>{escape(summary)}</summary><summaryformat>1</summaryformat>"
                f"<sequence>{order}</sequence><visible>{visible}</visible></section>"
            )
        made["moodle_backup.xml"] = (
            "<moodle_backup><information><original_course_id>7</original_course_id>"
            "<original_site_identifier_hash>site</original_site_identifier_hash><contents>"
            f"<activities>{activities}</activities><sections>{sections}</sections>"
            "</contents></information></moodle_backup>"
        )
        made["course/course.xml"] = (
            '<course id="7" contextid="c0"><fullname>Lanterns at sea</fullname>'
            f"{text('summary', '<p>All about lanterns</p>')}<lang>pt_br</lang></course>"
        )
        made["files.xml"] = f"<files>{''.join(self._lines)}</files>"
        made["questions.xml"] = f"<question_categories>{self.questions}</question_categories>"
        return made

    def read(self, folder: Path) -> tuple[PackageCourse, PackageReport]:
        """Write and read it."""
        return moodle.read_backup(olx_trees.write_files(folder, self.tree()), receiver=RECEIVER)

    def zipped(self) -> bytes:
        """The archive of it."""
        return archives.zip_of(*((path, text.encode()) for path, text in self.tree().items()))


def text(name: str, html: str, kind: str = "1") -> str:
    """A text and its format."""
    return f"<{name}>{escape(html)}</{name}><{name}format>{kind}</{name}format>"


def question(
    number: str, kind: str, plugin: str = "", *, words: str = "<p>Which?</p>", parent: str = "0"
) -> str:
    """A question of the bank."""
    return (
        f'<question id="{number}"><parent>{parent}</parent><name>Q{number}</name>'
        f"{text('questiontext', words)}{text('generalfeedback', 'Because')}"
        f"<defaultmark>2.0000000</defaultmark><qtype>{kind}</qtype>{plugin}</question>"
    )


def answers(kind: str, *given: tuple[str, str], more: str = "") -> str:
    """The plugin part of a question: answers with what they are worth."""
    listed = "".join(
        f'<answer id="a{at}"><answertext>{escape(words)}</answertext><answerformat>1</answerformat>'
        f"<fraction>{share}</fraction><feedback>said {at}</feedback>"
        "<feedbackformat>1</feedbackformat></answer>"
        for at, (words, share) in enumerate(given)
    )
    name = f"plugin_qtype_{kind}_question"
    return f"<{name}><answers>{listed}</answers>{more}</{name}>"


def category(number: str, *questions: str, parent: str = "0", name: str = "Bank") -> str:
    """A category as it was before 4.0."""
    return (
        f'<question_category id="{number}"><name>{name}</name><contextid>c0</contextid>'
        f"<parent>{parent}</parent><questions>{''.join(questions)}</questions></question_category>"
    )


def versions(number: str, **entries: list[str]) -> str:
    """A category as it is since 4.0: entries, each with its versions of a question."""
    made = "".join(
        f'<question_bank_entry id="{entry.removeprefix("e")}"><question_version>'
        + "".join(
            f"<question_versions><version>{at}</version><status>ready</status>"
            f"<questions>{each}</questions></question_versions>"
            for at, each in enumerate(listed, 1)
        )
        + "</question_version></question_bank_entry>"
        for entry, listed in entries.items()
    )
    return (
        f'<question_category id="{number}"><name>New</name><contextid>c0</contextid>'
        f"<parent>0</parent><question_bank_entries>{made}</question_bank_entries>"
        "</question_category>"
    )
