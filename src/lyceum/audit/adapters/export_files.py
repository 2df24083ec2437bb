"""Files of entries: NDJSON, which holds all that the hashes are made of, and CSV to look at.

An auditor checks NDJSON without the database (`check`): of each entry the hashes, and the links
between neighbours that are both in the file. A cell of CSV is never a formula.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from lyceum.audit.adapters import canonical
from lyceum.audit.records import Finding, FullEntry
from lyceum.platform import csv_cells

_HASHES: Final = ("details_hash", "previous_hash", "hash", "content_hash", "salt")
_FIELDS: Final = tuple(name for name in FullEntry.__struct_fields__ if name != "has_details")
HEADER: Final = tuple(
    first + "".join(word.capitalize() for word in rest)
    for first, *rest in (name.split("_") for name in _FIELDS)
)
NEIGHBOURS: Final = 50_000
"""How many entries of a chain are remembered to find the neighbour of another."""
_encode = msgspec.json.Encoder().encode_lines


def write_ndjson(entries: Iterable[FullEntry]) -> bytes:
    """Return a line for each entry."""
    return _encode([dict(zip(HEADER, _values(entry), strict=True)) for entry in entries])


def write_csv(entries: Iterable[FullEntry]) -> bytes:
    """Return a row for each entry."""
    return csv_cells.write_lines(_values(entry) for entry in entries)


def write_heading() -> bytes:
    """Return the first row of CSV."""
    return csv_cells.write_lines([HEADER])


def _values(entry: FullEntry) -> list[Any]:
    return [_plain(getattr(entry, name)) for name in _FIELDS]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return None if value is None else msgspec.to_builtins(value)


def check(lines: Iterable[bytes]) -> Iterator[tuple[int, list[Finding]]]:
    """Yield for each line of NDJSON its length in bytes and what is wrong with its entry."""
    known: dict[int, dict[int, tuple[bytes, bytes]]] = {}
    for number, line in enumerate(lines, start=1):
        entry = _read(line)
        if entry is None:
            yield len(line), [Finding("edited", None, None, f"line {number} is no entry")]
            continue
        findings = list(_check_alone(entry))
        chain = known.setdefault(entry.stream, {})
        before, after = chain.get(entry.sequence - 1), chain.get(entry.sequence + 1)
        is_linked = (before is None or before[1] == entry.previous_hash) and (
            after is None or after[0] == entry.hash
        )
        if not is_linked:
            detail = f"{entry.id} does not fit the one beside it"
            findings.append(Finding("unlinked", entry.stream, entry.sequence, detail))
        chain[entry.sequence] = entry.previous_hash, entry.hash
        if len(chain) > NEIGHBOURS:
            del chain[next(iter(chain))]
        yield len(line), findings


def _check_alone(entry: FullEntry) -> Iterator[Finding]:
    place = entry.stream, entry.sequence
    if not canonical.is_as_hashed(entry):
        yield Finding("edited", *place, f"{entry.id} is not what was recorded")
    if entry.salt is None or entry.body is None:
        return
    if canonical.hash_details(entry.salt, entry.body) != entry.details_hash:
        yield Finding("details_edited", *place, f"the details of {entry.id} are not as recorded")


def _read(line: bytes) -> FullEntry | None:
    try:
        told = msgspec.json.decode(line, type=dict[str, Any])
        values: Sequence[Any] = [told[name] for name in HEADER]
        fields = dict(zip(_FIELDS, values, strict=True))
        for name in _HASHES:
            fields[name] = None if fields[name] is None else bytes.fromhex(fields[name])
        return msgspec.convert({**fields, "has_details": True}, FullEntry, builtin_types=(bytes,))
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        return None
