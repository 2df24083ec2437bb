"""Operators at the events that could not be handled: by HTTP and in the terminal."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner

from lyceum.app.cli import main
from lyceum.app.http import build_app
from lyceum.platform import event_routes, ids
from lyceum.platform.engines import Engines
from lyceum.platform.outbox import TRIES, Deliverer
from tests.platform.sample_work import Behaviour, Counted
from tests.platform.test_event_roads import ask, break_on, emit, end_pauses
from tests.platform.test_queue_routes import ADMIN, Door

DEAD = "/api/v1/admin/events/dead"


@pytest.fixture
async def web(background: Engines) -> AsyncIterator[httpx.AsyncClient]:
    app: Any = build_app(
        background, event_routes.routes.all, authenticator=Door(), watch=lambda _: None
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://academy.test") as client:
        yield client


@pytest.fixture
async def parked(background: Engines) -> list[UUID]:
    """Two events that one domain could not handle."""
    Behaviour.first = break_on({"a", "b"})
    emitted = await emit(background, Counted(thing="a", number=7), Counted(thing="b"))
    for _ in range(TRIES):
        await Deliverer(background.database).deliver_due()
        await end_pauses(background)
    Behaviour.first = None
    return emitted


async def test_they_are_listed_and_shown(web: httpx.AsyncClient, parked: list[UUID]) -> None:
    answer = (await web.get(DEAD, headers=ADMIN, params={"perPage": 1})).json()
    assert answer["meta"]["total"] == 2
    everyone = (await web.get(DEAD, headers=ADMIN, params={"consumer": "tests"})).json()["data"]
    assert {each["eventId"] for each in everyone} == {str(one) for one in parked}
    none = (await web.get(DEAD, headers=ADMIN, params={"name": "sample.ignored"})).json()["data"]
    assert none == []
    one = (await web.get(f"{DEAD}/{parked[0]}", headers=ADMIN)).json()["data"]
    assert one["payload"] == {"thing": "a", "number": 7}
    assert one["error"].startswith("Broken: cannot count a")
    assert "abcdef0123456789" not in one["error"]


async def test_they_are_replayed_and_dropped(
    web: httpx.AsyncClient, background: Engines, parked: list[UUID]
) -> None:
    assert (await web.delete(f"{DEAD}/{parked[0]}", headers=ADMIN)).status_code == 204
    assert (await web.post(f"{DEAD}/{parked[1]}/replay", headers=ADMIN)).status_code == 204
    told = await ask(
        background,
        "SELECT name, payload->>'event_id', payload->>'consumer', actor_id FROM platform.outbox"
        " WHERE name LIKE 'dead_letter.%' ORDER BY position",
    )
    assert told == [
        ("dead_letter.dropped", str(parked[0]), "tests", told[0][3]),
        ("dead_letter.replayed", str(parked[1]), "tests", told[0][3]),
    ]
    assert isinstance(told[0][3], UUID)
    assert await Deliverer(background.database).deliver_due() == 3
    assert await ask(background, "SELECT count(*) FROM platform.outbox") == [(0,)]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/replay")):
        answer = await web.request(method, f"{DEAD}/{ids.new_id()}{path}", headers=ADMIN)
        assert answer.status_code == 404


async def test_many_are_replayed_at_once(
    web: httpx.AsyncClient, background: Engines, parked: list[UUID]
) -> None:
    chosen = {"name": "sample.counted", "consumer": "tests"}
    answer = await web.post(f"{DEAD}/replay", headers=ADMIN, json=chosen)
    assert answer.json()["data"] == {"count": len(parked)}
    assert await Deliverer(background.database).deliver_due() == 4


@pytest.mark.parametrize("who", ["student", "reader"])
async def test_others_are_refused(web: httpx.AsyncClient, parked: list[UUID], who: str) -> None:
    headers = {"authorization": f"Bearer {who}"}
    assert (await web.get(DEAD)).status_code == 401
    assert (await web.get(DEAD, headers=headers)).status_code == 403
    assert (await web.delete(f"{DEAD}/{parked[0]}", headers=headers)).status_code == 403
    answer = await web.post(f"{DEAD}/replay", headers=headers, json={})
    assert answer.status_code == 403
    assert (await web.get(f"{DEAD}/{parked[0]}", headers=ADMIN)).status_code == 200


def test_the_terminal_does_the_same(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)

    def run(*words: str) -> Any:
        return CliRunner().invoke(main, ["--data-dir", str(tmp_path), "events", "dead", *words])

    listed = run("list", "--name", "sample.nobody", "--json")
    assert (listed.exit_code, json.loads(listed.stdout)) == (0, [])
    missing = run("show", str(ids.new_id()))
    assert missing.exit_code == 1
    assert "No parked event has this id." in missing.output
    assert run("replay").exit_code == 2
    assert run("drop", "not-an-id").exit_code == 2
    replayed = run("replay", "--all", "--name", "sample.nobody", "--json")
    assert json.loads(replayed.stdout) == {"count": 0}
