"""Titles of the lectures of a chapter, told apart from each other, whatever the format."""

from collections import Counter

import msgspec

from lyceum.packages.adapters import wording
from lyceum.packages.records import PackageLecture


def with_own_titles(lectures: list[PackageLecture]) -> tuple[PackageLecture, ...]:
    """Return the lectures of a chapter with no title twice: section or number tells them apart."""
    titles = Counter(lecture.title.casefold() for lecture in lectures)
    taken: Counter[str] = Counter()
    named = []
    for lecture in lectures:
        title = lecture.title
        if titles[title.casefold()] > 1 and lecture.section not in {"", title}:
            title = wording.one_line(f"{lecture.section}: {title}")
        taken[title.casefold()] += 1
        if (count := taken[title.casefold()]) > 1:
            title = f"{wording.one_line(title, wording.MAX_TITLE - 8)} ({count})"
        named.append(msgspec.structs.replace(lecture, title=title))
    return tuple(named)
