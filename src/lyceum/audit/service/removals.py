"""Judging what was removed: against what the chain of upkeep says of it, and its rules.

What stays of a removed entry proves by its hash how old it was and of which class; the chain of
upkeep says which rule was in force. Not here: walking the chains (`verifying`).
"""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.audit.adapters.canonical import microseconds
from lyceum.audit.records import Finding, FullEntry, Kind, Removed
from lyceum.platform import clock

UPKEEP: Final = 10
"""The chain of what was removed and of the rules."""
DEFAULTS: Final[dict[str, int | None]] = {
    "sign_ins": 400, "refusals": 180, "reads": 1095, "changes": 1825, "security": None
}  # fmt: skip
LEAST_DAYS: Final = 30
CLOCKS_APART: Final = timedelta(hours=1)
"""How far the clock of the database may be before ours."""


class _Claim:
    """What stands in the place of entries that one removal has taken."""

    def __init__(self, first: Removed) -> None:
        self.stream = first.stream
        self.first = self.last = first.sequence
        self.latest_at = first.recorded_at
        self.count = 0
        self.classes: set[str] = set()
        self._hashes = hashlib.sha256()

    def add(self, row: Removed) -> None:
        self.last = row.sequence
        self.count += 1
        self.latest_at = max(self.latest_at, row.recorded_at)
        self.classes.add(row.retention_class)
        self._hashes.update(row.hash)

    def fits(self, told: dict[str, Any], stream: str) -> bool:
        """Whether this is what the removal says that it took."""
        mine = str(self.stream), self.first, self.last, self.count, self._hashes.hexdigest()
        theirs = stream, told["first"], told["last"], told["count"], told["hashes"]
        return mine == theirs and self.classes == {told["class"]}


class Removals:
    """Takes everything removed of all chains, then the entries of the chain of upkeep."""

    def __init__(self, known_until: int) -> None:
        """`known_until` is the last place of that chain before the others were walked: what was
        removed after it may have been seen in part."""
        self._known_until = known_until
        self._claims: dict[UUID, _Claim] = {}
        self._days = dict(DEFAULTS)
        self._held: dict[str, str] = {}

    def claim(self, row: Removed) -> None:
        """Take what stands in the place of an entry, chain by chain in order."""
        self._claims.setdefault(row.removal_id, _Claim(row)).add(row)

    def take(self, entry: FullEntry) -> Iterator[Finding]:
        """Judge an entry of the chain of upkeep, in its order."""
        try:
            told = msgspec.json.decode(entry.body or "null")
            if entry.action == "audit.retention_set":
                self._days[entry.object_id] = told["days"]
            elif entry.action == "audit.hold_placed" and told["class"] is not None:
                self._held[entry.object_id] = told["class"]
            elif entry.action == "audit.hold_lifted":
                self._held.pop(entry.object_id, None)
            elif entry.action == "audit.pruned":
                yield from self._judge(entry, told)
        except (msgspec.DecodeError, TypeError, KeyError):
            detail = f"{entry.id} does not say what it did"
            yield Finding("details_removed", entry.stream, entry.sequence, detail)

    def end(self) -> Iterator[Finding]:
        """Judge what no entry speaks of."""
        for removal_id, claim in self._claims.items():
            detail = (
                f"{claim.count} entries were removed by {removal_id}, and there is no such entry"
            )
            yield Finding("removal_forged", claim.stream, claim.first, detail)

    def _judge(self, entry: FullEntry, told: dict[str, Any]) -> Iterator[Finding]:
        days = self._days.get(told["class"])
        claim = self._claims.pop(entry.id, None)
        early = None
        if days is None or told["days"] != days or days < LEAST_DAYS:
            early = f"it kept {told['class']} for {told['days']} days, and the rule was {days}"
        elif told["class"] in self._held.values():
            early = f"{told['class']} was held"
        elif told["before"] > microseconds(
            min(entry.recorded_at, clock.utc_now() + CLOCKS_APART) - timedelta(days=days)
        ):
            early = f"it took what was younger than {days} days"
        elif claim is not None and microseconds(claim.latest_at) >= told["before"]:
            early = "it took what was younger than it says"
        if early is not None:
            yield self._tell("removed_early", entry, f"{entry.id}: {early}")
        if entry.sequence > self._known_until:
            return
        if claim is None or not claim.fits(told, entry.object_id):
            seen = 0 if claim is None else claim.count
            detail = (
                f"{entry.id} removed {told['count']} entries, and what stands for them are {seen}"
            )
            yield self._tell("removal_forged", entry, detail)

    @staticmethod
    def _tell(kind: Kind, entry: FullEntry, detail: str) -> Finding:
        return Finding(kind, entry.stream, entry.sequence, detail)
