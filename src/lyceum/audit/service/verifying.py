"""Computing every chain anew, and comparing it with its head and with every anchor.

Found are an entry that was edited, one that was removed, two that changed places, a tail that was
cut, and a chain that was written anew with hashes that fit (which an anchor contradicts). What was
recorded after the last anchor can be written anew unseen by whoever owns the database. Not here:
entries recorded while this runs.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from lyceum.audit import queries
from lyceum.audit.adapters import anchor_files, canonical
from lyceum.audit.permissions import READ_AUDIT
from lyceum.audit.records import FullEntry, Head
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader
from lyceum.platform.storage import Storage

PAGE: Final = 1000
MOST_TOLD: Final = 1000
Kind = Literal[
    "edited", "removed", "moved", "details_edited", "details_removed", "unlinked", "cut",
    "rewritten", "anchor_forged",
]  # fmt: skip
Advance = Callable[[int, int], None]
_Expected = dict[int, dict[bytes, str]]


class Finding(msgspec.Struct, frozen=True):
    """What is wrong, and where: a place in a chain, or an anchor's key."""

    kind: Kind
    stream: int | None
    sequence: int | None
    detail: str


class Report(msgspec.Struct, frozen=True):
    """What was looked at, and what was found; nothing found is a whole trail."""

    entries: int
    anchors: int
    findings: list[Finding]


class _Chain:
    """Walks one chain; `expected` has the hashes that head and anchors know, by place."""

    def __init__(self, stream: int, expected: _Expected) -> None:
        self._stream = stream
        self._expected = expected
        self._broken: list[FullEntry] = []
        self.last = 0
        self._hash: bytes | None = canonical.START
        self.findings: list[Finding] = []

    def take(self, entry: FullEntry) -> None:
        """Judge the next entry."""
        if entry.sequence != self.last + 1:
            self._tell_missing(self.last + 1, entry.sequence - 1)
        if not _is_as_hashed(entry):
            self._broken.append(entry)
        elif self._hash is not None and entry.previous_hash != self._hash:
            self._tell("unlinked", entry.sequence, f"{entry.id} does not follow the one before it")
        for known, told in self._expected.get(entry.sequence, {}).items():
            if known != entry.hash:
                self._tell("rewritten", entry.sequence, f"{told} has another hash for {entry.id}")
        self._judge_details(entry)
        self.last, self._hash = entry.sequence, entry.hash

    def end(self) -> None:
        """Judge what could not be before all was seen."""
        places = [entry.sequence for entry in self._broken[:100]]
        for entry in self._broken:
            elsewhere = (place for place in places if place != entry.sequence)
            was = next((p for p in elsewhere if canonical.hash_entry(entry, p) == entry.hash), None)
            if was is None:
                self._tell("edited", entry.sequence, f"{entry.id} is not what was recorded")
            else:
                self._tell("moved", entry.sequence, f"{entry.id} was at {was}")
        most = max(self._expected, default=0)
        if most > self.last:
            told = next(iter(self._expected[most].values()))
            detail = f"{told} has {most} entries, and the last one here is {self.last}"
            self._tell("cut", self.last + 1, detail)

    def _judge_details(self, entry: FullEntry) -> None:
        if not entry.has_details:
            self._tell("details_removed", entry.sequence, f"{entry.id} has no details")
        elif entry.salt is None or entry.body is None:
            return  # emptied when a person was erased
        elif canonical.hash_details(entry.salt, entry.body) != entry.details_hash:
            detail = f"the details of {entry.id} are not what was recorded"
            self._tell("details_edited", entry.sequence, detail)

    def _tell_missing(self, first: int, last: int) -> None:
        many = f"{first}" if first == last else f"{first} to {last}"
        self._tell("removed", first, f"there is no entry {many}")
        self._hash = None  # what the next one follows is not there

    def _tell(self, kind: Kind, sequence: int, detail: str) -> None:
        self.findings.append(Finding(kind, self._stream, sequence, detail))


async def verify(
    tx: Reader, actor: Actor, storage: Storage, secret: str, *, advance: Advance
) -> Report:
    """Verify all chains; `advance` is told how many of how many entries are done."""
    actor.require(READ_AUDIT)
    findings: list[Finding] = []
    anchors = [anchor async for anchor in anchor_files.walk(storage, secret)]
    # After the anchors: whatever one of them has is there by now.
    heads = await tx.all(queries.LIST_HEADS)
    expected: dict[int, _Expected] = {head.stream: {} for head in heads}
    for key, anchor in anchors:
        if anchor is None:
            findings.append(Finding("anchor_forged", None, None, f"{key} is not one of ours"))
        else:
            _expect(expected, anchor.heads, f"the anchor {key}")
    _expect(expected, heads, "the head")
    total, done = sum(max(known, default=0) for known in expected.values()), 0
    for stream, known in sorted(expected.items()):
        chain = _Chain(stream, known)
        while True:
            place = chain.last, max(known, default=0)
            page = await tx.all(queries.LIST_CHAIN, stream, *place, PAGE)
            for entry in page:
                chain.take(entry)
            done += len(page)
            advance(done, total)
            if len(page) < PAGE:
                break
        chain.end()
        findings += chain.findings
    return Report(done, len(anchors), findings[:MOST_TOLD])


def _is_as_hashed(entry: FullEntry) -> bool:
    if entry.retention_class is not None and canonical.hash_content(entry) != entry.content_hash:
        return False
    return canonical.hash_entry(entry) == entry.hash


def _expect(expected: dict[int, _Expected], heads: Iterable[Head], told: str) -> None:
    """Note the hashes that `heads` know, each with who told it first."""
    for head in heads:
        if head.sequence > 0:
            known = expected.setdefault(head.stream, {}).setdefault(head.sequence, {})
            known.setdefault(head.hash, told)
