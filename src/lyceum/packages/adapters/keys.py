"""Names for the parts of a course, unique in it and the same in every reading.

Not here: what they are made of (each format's reader).
"""

from collections import Counter

from lyceum.packages.adapters import wording

_MAX = 240


class Keys:
    """The names given so far."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def claim(self, name: str) -> str:
        """Return the name, with a number behind it where somebody has it already."""
        short = wording.one_line(name, _MAX - 10) or "part"
        self._given[short] += 1
        count = self._given[short]
        return short if count == 1 else self.claim(f"{short}~{count}")
