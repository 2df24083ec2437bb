"""What Canvas adds to a Common Cartridge: fuller quizzes, their settings, modules, a syllabus.

All of it is optional, and what contradicts the manifest is not believed. Not here: the cartridge
itself (`cc`).
"""

import re
from typing import NamedTuple

from msgspec.structs import replace

from lyceum.packages.adapters import wording, xml
from lyceum.packages.adapters.cc_manifest import Item, Resource
from lyceum.packages.adapters.faults import XmlMalformed
from lyceum.packages.adapters.package_folder import PackageFolder
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import QuizRules

SETTINGS = "course_settings/"
SYLLABUS = "course_settings/syllabus.html"
PAGES = "wiki_content/"
FULLER = "non_cc_assessments/"
MAX_MINUTES = 10_080


class QuizMeta(NamedTuple):
    """The settings of a quiz; `attempts` and `minutes` are None where they are not limited."""

    title: str = ""
    description_html: str = ""
    attempts: int | None = None
    minutes: int | None = None
    is_shuffled: bool = False
    hides_results: bool = False


class Module(NamedTuple):
    """A module and what of it was not published."""

    items: tuple[Item, ...]
    unpublished: int


def is_canvas(folder: PackageFolder) -> bool:
    """Tell whether Canvas wrote the cartridge."""
    return any(path.startswith(SETTINGS) for path in folder.paths())


def fuller_quiz(folder: PackageFolder, resource: Resource) -> str | None:
    """Return the path of the quiz with all its kinds of questions, if Canvas left it there."""
    path = f"{FULLER}{resource.identifier}.xml.qti"
    return path if folder.has(path) else None


def quiz_meta(folder: PackageFolder, resource: Resource) -> QuizMeta:
    """Return what Canvas says of a quiz beside its questions."""
    root = _read(folder, f"{resource.identifier}/assessment_meta.xml")
    if root is None:
        return QuizMeta()
    attempts = xml.text_at(root, "allowed_attempts")
    minutes = xml.text_at(root, "time_limit")
    return QuizMeta(
        title=wording.one_line(xml.text_at(root, "title")),
        description_html=xml.text_at(root, "description"),
        attempts=min(int(attempts), 1000) if re.fullmatch(r"[1-9]\d{0,6}", attempts) else None,
        minutes=min(int(minutes), MAX_MINUTES) if re.fullmatch(r"[1-9]\d{0,6}", minutes) else None,
        is_shuffled=xml.text_at(root, "shuffle_questions") == "true",
        hides_results=xml.text_at(root, "hide_results") == "always",
    )


def rules_of(rules: QuizRules, meta: QuizMeta) -> QuizRules:
    """Return the rules of a quiz, where Canvas's settings go before those of the test."""
    return replace(
        rules,
        attempts_allowed=meta.attempts or rules.attempts_allowed,
        time_limit_seconds=meta.minutes * 60 if meta.minutes else rules.time_limit_seconds,
        shuffles_questions=meta.is_shuffled,
        shows_answers="never" if meta.hides_results else "after_attempt",
    )


def assignment_title(folder: PackageFolder, resource: Resource) -> str | None:
    """Return the title of an assignment that Canvas keeps as a page beside its settings."""
    settings = next((p for p in resource.files if p.endswith("/assignment_settings.xml")), None)
    root = None if settings is None else _read(folder, settings)
    if root is None:
        return None
    return wording.one_line(xml.text_at(root, "title")) or "Assignment"


def read_modules(folder: PackageFolder) -> Module:
    """Return the modules in their order, for a cartridge that has no organization of its own."""
    root = _read(folder, f"{SETTINGS}module_meta.xml")
    if root is None:
        return Module((), 0)
    modules = sorted(root.iterfind("module"), key=_position)
    states = [xml.text_at(each, "workflow_state") for each in root.iter("module", "item")]
    return Module(tuple(_module(each) for each in modules), states.count("unpublished"))


def _module(element: Element) -> Item:
    return Item(
        identifier=element.get("identifier") or "",
        title=wording.one_line(xml.text_at(element, "title")),
        resource="",
        items=tuple(
            Item(
                identifier=each.get("identifier") or "",
                title=wording.one_line(xml.text_at(each, "title")),
                resource=xml.text_at(each, "identifierref"),
                items=(),
            )
            for each in sorted(element.iterfind("items/item"), key=_position)
        ),
    )


def _position(element: Element) -> int:
    text = xml.text_at(element, "position")
    return int(text) if re.fullmatch(r"\d{1,9}", text) else 0


def _read(folder: PackageFolder, path: str) -> Element | None:
    """Return a settings file; one that cannot be read is none."""
    if not folder.has(path):
        return None
    try:
        return xml.strip_namespaces(folder.read_xml(path))
    except XmlMalformed:
        return None
