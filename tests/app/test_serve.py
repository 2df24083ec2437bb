"""`lyceum serve` as an operator has it: ready, asked, stopped, started twice, in a wrong way."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.app import program
from tests.app.program import LYCEUM, Program

BODY = b'{"email": "late@serve.example", "password": "tide-over-9-lanterns", "firstName": "Lea"}'


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with program.running(tmp_path_factory.mktemp("serve"), "--workers", "2") as running:
        yield running


@pytest.fixture
def client(running: Program) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=20) as client:
        yield client


def test_it_says_how_it_is(client: httpx.Client) -> None:
    health = client.get("/health").json()["data"]
    assert health["status"] == "ok"
    assert health["environment"] == "test"
    assert health["memoryBytes"] > 10_000_000
    assert health["uptimeSeconds"] >= 0
    ready = client.get("/ready").json()["data"]
    assert ready["status"] == "ready"
    assert {each["name"] for each in ready["dependencies"]} >= {"database", "cache"}
    assert all(each["isUp"] and each["latencyMs"] >= 0 for each in ready["dependencies"])


def test_a_first_start_fits_on_a_screen(running: Program) -> None:
    begun, is_up, _ = running.log.read_text().partition('"event":"worker started')
    assert is_up
    assert "migrating the database from nothing" in begun
    assert len(begun.splitlines()) <= 12


def test_its_metrics_are_for_prometheus(client: httpx.Client) -> None:
    client.get("/api/v1/courses")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'http_request_duration_seconds_count{method="GET",route="/api/v1/courses"' in answer.text
    for name in ("lms_active_users_total", "lms_course_enrollments_total"):
        assert f"# TYPE {name}" in answer.text


def test_its_documents_are_there(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/api/v1/courses" in page.text
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert client.get("/.well-known/jwks.json").json()["keys"]
    assert client.get("/dev/mail").status_code == 200


def test_every_web_process_takes_requests(running: Program) -> None:
    answered_by: set[int] = set()
    for _ in range(200):
        answered_by.add(httpx.get(f"{running.url}/health").json()["data"]["pid"])
        if len(answered_by) == 2:
            break
    assert len(answered_by) == 2


def test_commands_work_beside_it(running: Program, client: httpx.Client) -> None:
    made = running.lyceum(
        "users", "create", "ada@serve.example", "--first-name", "Ada", "--password",
        "tide-over-9-lanterns",
    )  # fmt: skip
    login = {"email": made["email"], "password": "tide-over-9-lanterns"}
    assert client.post("/api/v1/auth/login", json=login).status_code == 200


def test_a_second_one_on_the_same_folder_or_port_says_so(running: Program) -> None:
    second = subprocess.run(
        [*LYCEUM, "serve"], env=running.environment, capture_output=True, text=True, timeout=60
    )
    assert second.returncode == 1
    assert f"port {running.port}" in second.stderr
    assert "Traceback" not in second.stderr
    other = {**running.environment, "LYCEUM_PORT": "0"}
    third = subprocess.run(
        [*LYCEUM, "serve"], env=other, capture_output=True, text=True, timeout=60
    )
    assert third.returncode == 1
    assert "in use by another Lyceum" in third.stderr
    assert "Traceback" not in third.stderr


def test_sigterm_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    with program.running(tmp_path) as running:
        family = running.family()
        names = " ".join(program.title_of(each) for each in family)
        assert "lyceum.app.web" in names
        assert "lyceum.app.worker" in names
        assert "postgres" in names
        assert running.stop() == 0
        assert [program.title_of(each) for each in family if is_alive(each)] == []
        # The second start finds everything made.
        again = program.start(tmp_path, port=running.port)
        again.wait_until_ready()
        assert again.stop() == 0


def is_alive(process: psutil.Process) -> bool:
    """Tell whether it runs; one that ended and that nobody has buried yet does not."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_request_under_way_is_finished(tmp_path: Path) -> None:
    with program.running(tmp_path, LYCEUM_DRAIN_SECONDS="1") as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as line:
            line.sendall(
                b"POST /api/v1/auth/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json"
                b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY)
            )
            running.process.send_signal(signal.SIGTERM)
            until_not_ready(running)
            line.sendall(BODY)
            answer = b""
            while chunk := line.recv(65536):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 201 "), answer
        assert running.process.wait(40) == 0


def until_not_ready(running: Program) -> None:
    """Return once `/ready` says that requests should go elsewhere."""
    for _ in range(100):
        answer = httpx.get(f"{running.url}/ready")
        if answer.status_code == 503:
            assert answer.json()["data"]["status"] == "stopping"
            return
    raise AssertionError("still ready after SIGTERM")


def test_it_answers_on_the_port_that_it_says(tmp_path: Path) -> None:
    given = program.start(tmp_path, "--port", "0")
    try:
        port = announced_port(given)
        assert port not in (0, given.port)
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    finally:
        program.end(given)


def announced_port(running: Program) -> int:
    """Return the port of the address that the program prints when it is ready."""
    for _ in range(600):
        for word in running.log.read_text().split():
            if word.startswith("http://localhost:") and word.endswith("/health"):
                return int(word.removesuffix("/health").rpartition(":")[2])
        assert running.process.poll() is None, running.log.read_text()
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(0.1)
    raise AssertionError(running.log.read_text())
