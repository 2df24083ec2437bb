"""What whoever stores a course can hold; a reader leaves out what is beyond it, and says so.

The figures of the other domains are put in by the service. Not here: what a reader itself bears
(each reader).
"""

from collections.abc import Callable

import msgspec

from lyceum.packages.records import PackageQuestion


def no_fault(question: PackageQuestion) -> str | None:
    """Find nothing wrong with any question."""


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """The most characters of HTML in a lecture and of text in a line and a description, the most
    questions and patterns in a quiz; `find_fault` says why a question cannot be asked."""

    find_fault: Callable[[PackageQuestion], str | None] = no_fault
    line_characters: int = 255
    description_characters: int = 5000
    lecture_characters: int = 1_000_000
    quiz_questions: int = 500
    quiz_patterns: int = 50


ANY = Receiver()
