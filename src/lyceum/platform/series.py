"""Series of numbers for Prometheus: counters, gauges, histograms, of one process or several.

Our own and not prometheus_client's: there `labels().observe()` costs microseconds under a lock, and
a page takes several times as long, during which no request is served. Event loop only.
Where several processes serve one address each writes its numbers into a folder every two seconds,
and whoever is asked adds them up: counters and histograms also of processes that have ended (or
their sum would fall), gauges only of those that live.
Not here: which metrics there are (`metrics`), the text format (`exposition`).
"""

import asyncio
import os
import secrets
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from lyceum.platform import exposition

Kind = Literal["counter", "gauge", "gauge_max", "histogram"]
Labels = tuple[object, ...]

FOLDER: Final = "metrics"
"""Where in a data folder processes tell each other their numbers."""
SECONDS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)
_TYPES: Final[dict[Kind, exposition.Type]] = {
    "counter": "counter",
    "gauge": "gauge",
    "gauge_max": "gauge",
    "histogram": "histogram",
}
_OTHER: Final = "other"
_PUBLISH_SECONDS: Final = 2.0
_LIVES_SECONDS: Final = 10.0


class Family:
    """A metric with its series; past `most` of them new label values become `other`."""

    def __init__(
        self,
        kind: Kind,
        name: str,
        help_text: str,
        labels: tuple[str, ...],
        *,
        most: int,
        bounds: tuple[float, ...] = (),
    ) -> None:
        self.kind = kind
        self.name = name
        self.help_text = help_text
        self.labels = labels
        self.bounds = bounds
        self.series: dict[Labels, list[float]] = {}
        self._most = most
        self._overflow = (_OTHER,) * len(labels)
        self._width = len(bounds) + 2 if bounds else 1

    def cell(self, labels: Labels) -> list[float]:
        """Return the numbers of a series, making it if it is new."""
        if len(labels) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}")
        if len(self.series) >= self._most:
            labels = self._overflow
        return self.series.setdefault(labels, [0.0] * self._width)


class Counter(Family):
    """A number that only grows; its name ends in `_total`."""

    def inc(self, *labels: object, by: float = 1.0) -> None:
        """Add to one series."""
        cell = self.series.get(labels)
        if cell is None:
            cell = self.cell(labels)
        cell[0] += by

    def set_total(self, total: float, *labels: object) -> None:
        """Take over a total that somebody else counts."""
        self.cell(labels)[0] = total


class Gauge(Family):
    """A number that goes up and down; of several processes the sum, or the greatest."""

    def set(self, value: float, *labels: object) -> None:
        """Set one series."""
        self.cell(labels)[0] = value


class Histogram(Family):
    """How often a number of seconds was below each bound."""

    def observe(self, seconds: float, *labels: object) -> None:
        """Count one duration."""
        cell = self.series.get(labels)
        if cell is None:
            cell = self.cell(labels)
        cell[0] += seconds
        cell[bisect_left(self.bounds, seconds) + 1] += 1


class _Series(msgspec.Struct, array_like=True):
    labels: tuple[str, ...]
    numbers: list[float]


class Snapshot(msgspec.Struct, array_like=True):
    """The numbers of one process at one time (seconds of the epoch)."""

    at: float
    families: dict[str, list[_Series]]


F = TypeVar("F", bound=Family)


class Registry:
    """The metrics of one process, and the folder where it meets the others."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        self._readers: list[Callable[[], None]] = []
        self._folder: Path | None = None
        self._file = ""

    def counter(self, name: str, help_text: str, *labels: str, most: int = 1000) -> Counter:
        """Declare a counter; raises `ValueError` for a second one of its name."""
        if not name.endswith("_total"):
            raise ValueError("a counter's name ends in _total")
        return self._declare(Counter("counter", name, help_text, labels, most=most))

    def gauge(
        self, name: str, help_text: str, *labels: str, merge: Literal["sum", "max"] = "sum"
    ) -> Gauge:
        """Declare a gauge; `merge` says what several processes make of it."""
        kind: Kind = "gauge" if merge == "sum" else "gauge_max"
        return self._declare(Gauge(kind, name, help_text, labels, most=1000))

    def histogram(
        self,
        name: str,
        help_text: str,
        *labels: str,
        bounds: tuple[float, ...] = SECONDS,
        most: int = 1000,
    ) -> Histogram:
        """Declare a histogram with ascending `bounds`."""
        return self._declare(
            Histogram("histogram", name, help_text, labels, most=most, bounds=bounds)
        )

    def before_reading(self, reader: Callable[[], None]) -> None:
        """Call `reader` before the numbers are read: it sets what somebody else counts."""
        self._readers.append(reader)

    def snapshot(self) -> Snapshot:
        """Return the numbers of now."""
        for reader in self._readers:
            reader()
        return Snapshot(
            time.time(),
            {
                family.name: [
                    _Series(tuple(map(str, labels)), numbers.copy())
                    for labels, numbers in family.series.items()
                ]
                for family in self._families.values()
            },
        )

    def share(self, folder: Path, role: str) -> None:
        """Add up in `render` what all processes wrote into `folder` since `clear_folder`.

        `role` is a word for the name of this process's file, such as `web`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        # An id of a process comes back, and then the numbers of the one before must stay.
        self._file = f"{role}-{os.getpid()}-{secrets.token_hex(4)}.metrics"
        self._folder = folder
        self.publish()

    async def keep_publishing(self) -> None:
        """Write the numbers for the other processes every two seconds, until cancelled."""
        try:
            while True:
                await asyncio.sleep(_PUBLISH_SECONDS)
                self.publish()
        finally:
            self.publish()

    def publish(self) -> None:
        """Write the numbers of now for the other processes; a full disk is no fault."""
        if self._folder is None:
            return
        begun = self._folder / f"{self._file}.tmp"
        try:
            begun.write_bytes(msgspec.msgpack.encode(self.snapshot()))
            begun.replace(self._folder / self._file)
        except OSError:
            return

    def render(self) -> bytes:
        """Return the page for Prometheus, of all processes that share a folder."""
        snapshots = [self.snapshot(), *self._others()]
        page = [
            line
            for family in self._families.values()
            for line in exposition.lines(
                _TYPES[family.kind],
                family.name,
                family.help_text,
                family.labels,
                _merged(family, snapshots),
                bounds=family.bounds,
            )
        ]
        return "".join(page).encode()

    def _others(self) -> Iterator[Snapshot]:
        if self._folder is None:
            return
        for path in self._folder.glob("*.metrics"):
            if path.name == self._file:
                continue
            try:
                yield msgspec.msgpack.decode(path.read_bytes(), type=Snapshot)
            except (OSError, msgspec.DecodeError):
                continue  # of another version of the program, or just going

    def _declare(self, family: F) -> F:
        if family.name in self._families:
            raise ValueError(f"{family.name} is declared twice")
        self._families[family.name] = family
        return family


def clear_folder(folder: Path) -> None:
    """Remove what earlier processes wrote; call before the first process that shares it starts."""
    for path in folder.glob("*.metrics*"):
        path.unlink(missing_ok=True)


def _merged(family: Family, snapshots: list[Snapshot]) -> exposition.Series:
    merged: exposition.Series = {}
    is_gauge = family.kind in ("gauge", "gauge_max")
    for snapshot in snapshots:
        if is_gauge and snapshot.at < time.time() - _LIVES_SECONDS:
            continue
        for series in snapshot.families.get(family.name, ()):
            known = merged.get(series.labels)
            if known is None or len(known) != len(series.numbers):
                merged[series.labels] = series.numbers
            elif family.kind == "gauge_max":
                known[0] = max(known[0], series.numbers[0])
            else:
                merged[series.labels] = [a + b for a, b in zip(known, series.numbers, strict=True)]
    return merged
