"""Computing every chain anew, and comparing it with its head and with every anchor.

Found are an entry that was edited, one that was removed, two that changed places, a tail that was
cut, a chain that was written anew with hashes that fit (which an anchor contradicts), and what went
before its time or without a word of it. What was recorded after the last anchor can be written anew
unseen by whoever owns the database. Pages of a chain are walked one after the other, so that memory
does not grow with it. Not here: entries recorded while this runs.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from lyceum.audit import queries
from lyceum.audit.adapters import anchor_files, canonical
from lyceum.audit.permissions import READ_AUDIT
from lyceum.audit.records import Finding, FullEntry, Head, Kind, Removed
from lyceum.audit.service.removals import UPKEEP, Removals
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader
from lyceum.platform.storage import Storage

PAGE: Final = 1000
MOST_TOLD: Final = 1000
LAST_PLACE: Final = 2**63 - 1
Advance = Callable[[int, int], None]
_Expected = dict[int, dict[bytes, str]]


class Report(msgspec.Struct, frozen=True):
    """What was looked at, and what was found; nothing found is a whole trail. Of the entries so
    many were removed in their time."""

    entries: int
    removed: int
    anchors: int
    findings: list[Finding]


class _Chain:
    """Walks one chain; `expected` has the hashes that head and anchors know, by place."""

    def __init__(self, stream: int, expected: _Expected, removals: Removals) -> None:
        self.stream = stream
        self._expected = expected
        self._removals = removals
        self._broken: list[FullEntry] = []
        self.last = 0
        self.removed = 0
        self._hash: bytes | None = canonical.START
        self.findings: list[Finding] = []

    @property
    def most(self) -> int:
        """How many entries the chain has, as far as anybody knows."""
        return max(self._expected, default=0)

    def take(self, entry: FullEntry | Removed) -> None:
        """Judge the next entry, or what stands in its place."""
        if entry.sequence != self.last + 1:
            self._tell_missing(self.last + 1, entry.sequence - 1)
        is_linked = self._hash is None or entry.previous_hash == self._hash
        if isinstance(entry, Removed):
            self._judge_removed(entry, is_linked=is_linked)
        else:
            self._judge(entry, is_linked=is_linked)
        if entry.sequence in self._expected:
            for known, told in self._expected[entry.sequence].items():
                if known != entry.hash:
                    self._tell("rewritten", entry.sequence, f"{told} has another hash for it")
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
        if self.most > self.last:
            told = next(iter(self._expected[self.most].values()))
            detail = f"{told} has {self.most} entries, and the last one here is {self.last}"
            self._tell("cut", self.last + 1, detail)

    def _judge(self, entry: FullEntry, *, is_linked: bool) -> None:
        if not canonical.is_as_hashed(entry):
            if len(self._broken) < MOST_TOLD:
                self._broken.append(entry)
        elif not is_linked:
            self._tell("unlinked", entry.sequence, f"{entry.id} does not follow the one before it")
        self._judge_details(entry)
        if self.stream == UPKEEP:
            for finding in self._removals.take(entry):
                self._add(finding)

    def _judge_removed(self, row: Removed, *, is_linked: bool) -> None:
        self.removed += 1
        self._removals.claim(row)
        if canonical.hash_removed(row) != row.hash:
            detail = "what stands for the entry that was removed is not what was recorded"
            self._tell("edited", row.sequence, detail)
        elif not is_linked:
            detail = "what stands for the entry that was removed does not follow the one before it"
            self._tell("unlinked", row.sequence, detail)

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
        self._add(Finding(kind, self.stream, sequence, detail))

    def _add(self, finding: Finding) -> None:
        if len(self.findings) < MOST_TOLD:
            self.findings.append(finding)


async def verify(
    tx: Reader, actor: Actor, storage: Storage, secret: str, *, advance: Advance
) -> Report:
    """Verify all chains; `advance` is told how many of how many entries are done."""
    actor.require(READ_AUDIT)
    findings: list[Finding] = []
    expected, anchors = await _read_anchors(storage, secret, findings)
    # After the anchors: whatever one of them has is there by now.
    heads = await tx.all(queries.LIST_HEADS)
    for head in heads:
        expected.setdefault(head.stream, {})
    _expect(expected, heads, "the head")
    known_until = max(expected.get(UPKEEP, {}), default=0)
    removals = Removals(known_until)
    # The chain of upkeep comes last: it judges what the others have lost.
    order = sorted(expected, key=lambda stream: (stream == UPKEEP, stream))
    chains = [_Chain(stream, expected[stream], removals) for stream in order]
    total, done, removed = sum(chain.most for chain in chains), 0, 0
    for chain in chains:
        done = await _walk(tx, chain, done, lambda at: advance(min(at, total), total))
        findings += chain.findings
        removed += chain.removed
    findings += removals.end()
    return Report(done, removed, anchors, findings[:MOST_TOLD])


async def _read_anchors(
    storage: Storage, secret: str, findings: list[Finding]
) -> tuple[dict[int, _Expected], int]:
    """Return the hashes that the anchors know, and how many anchors there are."""
    expected: dict[int, _Expected] = {}
    count = 0
    async for key, anchor in anchor_files.walk(storage, secret):
        count += 1
        if anchor is None:
            findings.append(Finding("anchor_forged", None, None, f"{key} is not one of ours"))
        else:
            _expect(expected, anchor.heads, f"the anchor {key}")
    return expected, count


async def _walk(tx: Reader, chain: _Chain, done: int, advance: Callable[[int], None]) -> int:
    """Have a chain judge all of its entries; return how many are done with them."""
    until = LAST_PLACE if chain.stream == UPKEEP else chain.most
    while True:
        place = chain.stream, chain.last, until
        found: dict[int, FullEntry | Removed] = {}
        # In this order: what is removed between the two is seen twice, and not never.
        entries = await tx.all(queries.LIST_CHAIN, *place, PAGE)
        for row in await tx.all(queries.LIST_REMOVED, *place, PAGE):
            found[row.sequence] = row
        found.update((entry.sequence, entry) for entry in entries)
        page = sorted(found)[:PAGE]
        for sequence in page:
            chain.take(found[sequence])
        done += len(page)
        advance(done)
        if len(page) < PAGE:
            chain.end()
            return done


def _expect(expected: dict[int, _Expected], heads: Iterable[Head], told: str) -> None:
    """Note the hashes that `heads` know, each with who told it first."""
    for head in heads:
        if head.sequence > 0:
            known = expected.setdefault(head.stream, {}).setdefault(head.sequence, {})
            known.setdefault(head.hash, told)
