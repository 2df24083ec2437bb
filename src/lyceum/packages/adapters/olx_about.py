"""What an Open edX export says of the course as a whole: title, description, language, aims.

Not here: dates, grading and other settings (the report says that they stay behind).
"""

import re

from lyceum.packages.adapters import assets, readable, wording
from lyceum.packages.adapters.olx_blocks import Block
from lyceum.packages.adapters.olx_folder import OlxFolder
from lyceum.packages.adapters.olx_intake import Intake
from lyceum.packages.records import PackageChapter, PackageCourse

_MAX_OBJECTIVES = 30
_UNTITLED = "Untitled course"
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_PAGES = ("title", "subtitle", "short_description", "description", "overview")


def describe_course(
    folder: OlxFolder,
    block: Block,
    run: str,
    chapters: tuple[PackageChapter, ...],
    intake: Intake,
) -> PackageCourse:
    """Put the course together; with its files of the `static` folder."""
    pages = {name: (folder.read_text(f"about/{name}.html") or "").strip() for name in _PAGES}
    number = block.settings.get("course") or block.settings.get("number") or ""
    title = block.own_title or wording.plain_line(pages["title"]) or wording.one_line(number)
    overview = pages["overview"] or pages["description"] or pages["short_description"]
    return PackageCourse(
        external_id=_key(block, number, run, title),
        title=title or _UNTITLED,
        subtitle=_subtitle(pages["subtitle"] or pages["short_description"], intake),
        description_html=_description(overview, intake),
        language=_language(block, intake),
        objectives=_objectives(block, intake),
        chapters=chapters,
        assets=tuple(assets.asset(path, place) for path, place in folder.static_files()),
    )


def _key(block: Block, number: str, run: str, title: str) -> str:
    """Return the course's own name. Without organisation or number others have the same, so the
    title is part of it then: taking another course for this one would write over it."""
    names = [block.settings.get("org", ""), number, run]
    if not all(names[:2]):
        names.append(title or _UNTITLED)
    return wording.one_line("/".join(filter(None, names)))


def _subtitle(html: str, intake: Intake) -> str:
    words = wording.plain_line(html, len(html) + 1)
    if wording.is_cut(words, intake.receiver.line_characters):
        reason = f"it is cut to {intake.receiver.line_characters} characters"
        intake.tally.sum_up("subtitle", reason)
    return wording.one_line(words, intake.receiver.line_characters)


def _description(html: str, intake: Intake) -> str:
    found = readable.make_readable(html, intake.resolve)
    readable.count_lost(found.lost, intake.tally, "about")
    if found.fault:
        intake.tally.sum_up("description", found.fault)
    most = intake.receiver.description_characters
    shown = readable.shorten(found.html, most)
    if shown != found.html:
        intake.tally.sum_up("description", f"it is cut to {most} characters of text")
    return shown


def _language(block: Block, intake: Intake) -> str | None:
    given = block.settings.get("language", "")
    language = str(wording.json_value(given) or given).strip().lower().replace("_", "-")
    if language and (len(language) > 35 or not _LANGUAGE.fullmatch(language)):
        shown = wording.one_line(language, 100)
        intake.tally.sum_up("language", "it is not the name of a language", 1, shown)
        return None
    return language or None


def _objectives(block: Block, intake: Intake) -> tuple[str, ...]:
    listed = wording.json_value(block.settings.get("learning_info"))
    if not isinstance(listed, list):
        return ()
    lines = [wording.one_line(each) for each in listed if isinstance(each, str)]
    found = tuple(filter(None, lines))
    if len(found) > _MAX_OBJECTIVES:
        reason = f"a course has {_MAX_OBJECTIVES} aims at most"
        intake.tally.sum_up("objective", reason, len(found) - _MAX_OBJECTIVES)
    return found[:_MAX_OBJECTIVES]
