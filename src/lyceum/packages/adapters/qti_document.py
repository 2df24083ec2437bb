"""Documents of QTI 1.2: an assessment with its rules, or a bank of questions.

Not here: the items (`qti_item`).
"""

import re
from typing import NamedTuple

from msgspec.structs import replace

from lyceum.packages.adapters import qti_item, qti_words, wording
from lyceum.packages.adapters.faults import PackageTooLarge
from lyceum.packages.adapters.gathering import Item
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import PackageQuestion, QuizRules

MAX_ITEMS = 2000
MAX_MINUTES = 10_080


class QtiDocument(NamedTuple):
    """What a document holds; `drawn` says how many of its sections ask only some of their items."""

    title: str
    intro_html: str
    items: tuple[Item, ...]
    rules: QuizRules
    drawn: int
    is_bank: bool


def read_document(root: Element, key: str) -> QtiDocument | None:
    """Return the assessment or bank of a document without namespaces; None where it has neither."""
    holder = next((each for each in root.iter("assessment", "objectbank")), None)
    if holder is None:
        return None
    facts = qti_item.metadata(holder)
    elements = list(holder.iter("item"))
    if len(elements) > MAX_ITEMS:
        raise PackageTooLarge(f"A test of the package has more than {MAX_ITEMS} items")
    items = tuple(_named(element, key, number) for number, element in enumerate(elements))
    return QtiDocument(
        title=wording.one_line(holder.get("title") or facts.get("bank_title", "")),
        intro_html="\n".join(
            filter(None, (qti_words.of(each) for each in holder.iterfind("presentation_material")))
        ),
        items=_told_apart(items),
        rules=QuizRules(
            attempts_allowed=_attempts(facts.get("cc_maxattempts", "")),
            time_limit_seconds=_seconds(facts.get("qmd_timelimit", "")),
        ),
        drawn=sum(1 for _ in holder.iter("selection_number")),
        is_bank=holder.tag == "objectbank",
    )


def _named(element: Element, key: str, number: int) -> Item:
    ident = wording.one_line(element.get("ident") or str(number + 1), 120)
    return qti_item.read_item(element, f"{key}/{ident}")


def _told_apart(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return the items with no name twice: some writers number them anew in each section."""
    taken: set[str] = set()
    named = []
    for number, item in enumerate(items):
        key = item.key
        if key in taken:
            key = f"{item.key}@{number}"
            questions = tuple(_renamed(question, item.key, key) for question in item.questions)
            item = item._replace(key=key, questions=questions)
        taken.add(key)
        named.append(item)
    return tuple(named)


def _renamed(question: PackageQuestion, old: str, new: str) -> PackageQuestion:
    return replace(question, external_id=question.external_id.replace(old, new, 1))


def _attempts(text: str) -> int | None:
    return min(int(text), 1000) if re.fullmatch(r"[1-9]\d{0,8}", text) else None


def _seconds(text: str) -> int | None:
    """Return a time limit, which is given in minutes."""
    minutes = int(text) if re.fullmatch(r"[1-9]\d{0,8}", text) else 0
    return min(minutes, MAX_MINUTES) * 60 if minutes else None
