"""The question bank of a Moodle backup, as it was before 4.0 and as it is since.

Since 4.0 a question stands in a version of an entry of the bank. Not here: what counts as right
(`moodle_answers`), which questions a quiz asks (`moodle_quiz`).
"""

from typing import NamedTuple

from lyceum.packages.adapters import moodle_words
from lyceum.packages.adapters.moodle_words import LIMITS
from lyceum.packages.adapters.package_folder import PackageFolder
from lyceum.packages.adapters.xml import Element

QUESTIONS = "questions.xml"


class BankQuestion(NamedTuple):
    """A question of the bank; `entry` and `version` are empty before 4.0."""

    number: str
    kind: str
    element: Element
    category: str
    context: str
    entry: str
    version: int

    @property
    def name(self) -> str:
        """The title that teachers know it by."""
        return moodle_words.value(self.element, "name")


class Category(NamedTuple):
    """A category of the bank."""

    number: str
    name: str
    parent: str


class QuestionBank:
    """All questions of a backup, by their numbers and by their entries."""

    def __init__(self, folder: PackageFolder) -> None:
        self.categories: dict[str, Category] = {}
        self.by_number: dict[str, BankQuestion] = {}
        self._by_entry: dict[str, list[BankQuestion]] = {}
        if folder.has(QUESTIONS):
            for element in folder.read_xml(QUESTIONS, LIMITS).iterfind("question_category"):
                self._read_category(element)

    def latest(self, entry: str, version: str = "") -> BankQuestion | None:
        """Return the question of an entry: of that version, or the newest."""
        versions = self._by_entry.get(entry, [])
        wanted = [each for each in versions if str(each.version) == version]
        return next(iter(wanted or versions[-1:]), None)

    def of_category(self, number: str, *, with_inner: bool) -> list[BankQuestion]:
        """Return the questions of a category that can be asked, in the order of the bank."""
        wanted = {number}
        grown = with_inner
        while grown:
            inner = {each.number for each in self.categories.values() if each.parent in wanted}
            grown = not inner <= wanted
            wanted |= inner
        return [each for each in self.askable() if each.category in wanted]

    def askable(self) -> list[BankQuestion]:
        """Return the questions that stand for themselves, each in its newest version."""
        newest = {id(versions[-1]) for versions in self._by_entry.values()}
        return [
            each
            for each in self.by_number.values()
            if each.kind not in {"random", "randomsamatch"}
            and moodle_words.value(each.element, "parent") in {"", "0"}
            and (not each.entry or id(each) in newest)
        ]

    def _read_category(self, element: Element) -> None:
        number = element.get("id") or ""
        self.categories[number] = Category(
            number, moodle_words.value(element, "name"), moodle_words.value(element, "parent")
        )
        context = moodle_words.value(element, "contextid")
        for question in element.iterfind("questions/question"):
            self._add(question, number, context, "", 0)
        for entry in element.iterfind("question_bank_entries/question_bank_entry"):
            versions = sorted(entry.iterfind("question_version/question_versions"), key=_version)
            for version in versions:
                if moodle_words.value(version, "status") == "draft":
                    continue
                for question in version.iterfind("questions/question"):
                    key = entry.get("id") or ""
                    self._add(question, number, context, key, _version(version))

    def _add(self, element: Element, category: str, context: str, entry: str, version: int) -> None:
        number = element.get("id") or ""
        kind = moodle_words.value(element, "qtype")
        question = BankQuestion(number, kind, element, category, context, entry, version)
        self.by_number[number] = question
        if entry:
            self._by_entry.setdefault(entry, []).append(question)


def _version(element: Element) -> int:
    return int(moodle_words.number(element, "version"))
