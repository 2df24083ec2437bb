import json
import re
from typing import Any

import httpx
import pytest

from lyceum.app import services
from lyceum.platform import asyncapi, events
from tools import pin_events


@pytest.fixture(scope="module", autouse=True)
def everything() -> None:
    services.load_handlers("all")


def test_no_event_has_changed_without_a_new_version() -> None:
    pinned = json.loads(pin_events.SNAPSHOT.read_text())
    present = {
        name: pin for name, pin in asyncapi.snapshot().items() if not name.startswith("sample.")
    }
    assert pin_events.faults(pinned, present) == []
    assert not pinned.keys() - present.keys(), "run python -m tools.pin_events --update"


def test_a_change_without_a_new_version_is_told() -> None:
    pinned = {"a": {"version": 1, "schema": {"x": 1}}, "gone": {"version": 1}}
    assert pin_events.faults(pinned, {"a": {"version": 1, "schema": {"x": 1}}}) == []
    assert pin_events.faults(pinned, {"a": {"version": 2, "schema": {}}}) == []
    assert pin_events.faults(pinned, {"a": {"version": 1, "schema": {}}}) == [
        "a: its fields have changed; it needs version 2"
    ]
    assert pin_events.faults(pinned, {"a": {"version": 0, "schema": {"x": 1}}}) == [
        "a: version 0 after 1"
    ]


async def test_the_document_holds_every_event_and_resolves(client: httpx.AsyncClient) -> None:
    answer = await client.get("/asyncapi.json")
    assert answer.status_code == 200
    assert answer.headers["etag"]
    document: dict[str, Any] = answer.json()
    assert document["asyncapi"] == "3.0.0"
    for cls in events.all_events():
        if cls.name.startswith("sample."):
            continue
        message = document["components"]["messages"][cls.name]
        assert message["x-version"] == cls.version
        assert message["summary"]
    for pointer in set(re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document))):
        place: Any = document
        for part in pointer.split("/"):
            place = place[part.replace("~1", "/").replace("~0", "~")]
    assert document["operations"]["publish.course.published"]["action"] == "send"
