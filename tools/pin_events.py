"""Pin the versions of every event, or say what has changed without a new version.

    python -m tools.pin_events            tell what differs from the snapshot; exit 1 if anything
    make docs                             pin the events that are new
    python -m tools.pin_events --update   write the snapshot; refuses what needs a new version

An event whose fields have changed needs a new version (`@event("course.published", version=2)`).
"""

import json
import sys
from pathlib import Path
from typing import Any

from lyceum.app import services
from lyceum.platform import asyncapi

SNAPSHOT = Path(__file__).parents[1] / "tests" / "app" / "event_versions.json"


def faults(pinned: dict[str, Any], present: dict[str, Any]) -> list[str]:
    """Answer which events have changed without a new version, or went back in versions."""
    found = []
    for name in sorted(pinned.keys() & present.keys()):
        before, now = pinned[name], present[name]
        if now["version"] < before["version"]:
            found.append(f"{name}: version {now['version']} after {before['version']}")
        elif now["version"] == before["version"] and now != before:
            found.append(f"{name}: its fields have changed; it needs version {now['version'] + 1}")
    return found


def with_new_events() -> str:
    """Answer the snapshot with the events that were not pinned yet; the others stay as they are."""
    services.load_handlers("all")
    pinned = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}
    return _render(asyncapi.snapshot() | pinned)


def _render(pinned: dict[str, Any]) -> str:
    return json.dumps(pinned, indent=1, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    """Compare or write, and answer the exit code."""
    services.load_handlers("all")
    present = asyncapi.snapshot()
    pinned = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}
    wrong = faults(pinned, present)
    for line in wrong:
        print(line)
    if wrong:
        return 1
    if arguments == ["--update"]:
        SNAPSHOT.write_text(_render(present))
        print(f"{len(present)} events are pinned")
        return 0
    every = pinned.keys() | present.keys()
    stale = {name for name in every if pinned.get(name) != present.get(name)}
    for name in sorted(stale):
        print(f"{name} is not pinned as it is: run python -m tools.pin_events --update")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
