"""Counts what a reading finds, takes and leaves out, and makes the report of it.

Not here: what counts as what (each format's reader).
"""

from collections import Counter
from collections.abc import Mapping

import msgspec

from lyceum.packages.records import LeftOut, PackageReport


class Tally:
    """The running account of one reading.

    `names` maps each kind that must add up to its name in the counts (`problem` to `problems`).
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._found: Counter[str] = Counter(dict.fromkeys(names.values(), 0))
        self._taken: Counter[str] = Counter(dict.fromkeys(names.values(), 0))
        self._left_out: list[LeftOut] = []
        self._sums: dict[tuple[str, str], LeftOut] = {}

    def find(self, kind: str) -> None:
        """Count one more thing of a kind that must add up; other kinds are not counted."""
        if kind in self._names:
            self._found[self._names[kind]] += 1

    def take(self, kind: str, count: int = 1) -> None:
        """Count what came along."""
        self._taken[self._names.get(kind, kind)] += count

    def leave_out(self, entry: LeftOut) -> None:
        """Record one thing that stayed behind."""
        self._left_out.append(entry)

    def sum_up(self, kind: str, reason: str, count: int = 1, example: str = "") -> None:
        """Count things that stayed behind alike; the first example is kept."""
        known = self._sums.get((kind, reason))
        self._sums[kind, reason] = (
            msgspec.structs.replace(known, count=known.count + count)
            if known
            else LeftOut(kind=kind, reason=reason, path=example, count=count)
        )

    def report(self, package_format: str) -> PackageReport:
        """Return the report of everything counted so far."""
        left_out = (*self._left_out, *self._sums.values())
        counts: Counter[str] = Counter()
        for entry in left_out:
            counts[self._names.get(entry.kind, entry.kind)] += entry.count
        return PackageReport(
            format=package_format,
            found=dict(self._found),
            taken=dict(self._taken),
            left_out=left_out,
            left_out_counts=dict(counts),
        )
