"""The whole program on a Redis that is killed and comes back: requests, limits, jobs, `/ready`."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app import program
from tests.app.program import Program
from tests.faults.servers import OwnServer, own_redis

pytestmark = pytest.mark.services
SCHEDULE = "/api/v1/admin/queues/schedules/platform.purge_inbox/run"
PASSWORD = "tide-over-9-lanterns"
ENGINES = ("cache", "limits", "jobs")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[OwnServer]:
    with own_redis(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
def running(tmp_path: Path, redis: OwnServer) -> Iterator[Program]:
    with program.running(
        tmp_path / "academy", REDIS_URL=redis.url, LYCEUM_RATE_LIMITS="on",
        LYCEUM_RATE_LIMIT_GUEST="30", LYCEUM_RATE_LIMIT_SIGNED_IN="100000",
    ) as running:  # fmt: skip
        yield running


def until(condition: Callable[[], Any], what: str) -> None:
    """Return as soon as the condition holds."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def readiness(running: Program) -> tuple[int, str, dict[str, bool]]:
    answer = httpx.get(f"{running.url}/ready", timeout=20)
    found = answer.json()["data"]
    ups = {each["name"]: each["isUp"] for each in found["dependencies"]}
    return answer.status_code, found["status"], {name: ups[name] for name in ENGINES}


def start_job(client: httpx.Client) -> str:
    answer = client.post(SCHEDULE)
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["data"]["jobId"]
    return job_id


def state_of(client: httpx.Client, job_id: str) -> Any:
    answer = client.get(f"/api/v1/admin/queues/jobs/{job_id}")
    return answer.json()["data"]["state"] if answer.is_success else answer.text


def test_everything_goes_on_without_redis_and_returns_to_it(
    running: Program, redis: OwnServer
) -> None:
    email = running.lyceum(
        "users", "create", "ada@redis.example", "--first-name", "Ada", "--role", "admin",
        "--password", PASSWORD,
    )["email"]  # fmt: skip
    with httpx.Client(base_url=running.url, timeout=20) as client:
        until(lambda: readiness(running)[1] == "ready", "ready with Redis")
        login = client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
        client.headers["authorization"] = f"Bearer {login.json()['data']['accessToken']}"
        until(lambda: client.post(SCHEDULE).status_code == 202, "the worker has said its schedules")
        before = start_job(client)
        until(lambda: state_of(client, before) == "succeeded", "a job runs")
        redis.kill()
        until(
            lambda: readiness(running) == (200, "degraded", dict.fromkeys(ENGINES, False)),
            "it is said in /ready, and requests may come",
        )
        assert client.get("/api/v1/courses").status_code == 200
        during = start_job(client)
        # Guests are still counted, by the process.
        answers = [httpx.get(f"{running.url}/api/v1/courses").status_code for _ in range(40)]
        assert 429 in answers
        assert state_of(client, during) in ("waiting", "queued")
        redis.start()
        until(lambda: readiness(running)[:2] == (200, "ready"), "it comes back by itself")
        until(lambda: state_of(client, during) == "succeeded", "the job was kept")
        after = start_job(client)
        until(lambda: state_of(client, after) == "succeeded", "and so it goes on")
