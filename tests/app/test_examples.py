"""The examples work against the whole program, started as `make run` starts it."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from lyceum.app.demo.accounts import PASSWORD
from lyceum.platform.settings import child_environment
from tests.app.servers import wait_until_ready

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "complete-a-course.sh"
PACKAGE = ROOT.parent / "shared" / "data" / "openedx" / "demo-course.olx.tar.gz"
TEACHER = "ines@lyceum.example"
LYCEUM = (sys.executable, "-c", "from lyceum.app.cli import main; main()")


class Installation(NamedTuple):
    """A running Lyceum with the demo academy."""

    url: str
    environment: dict[str, str]

    def lyceum(self, *arguments: str) -> str:
        """Run a command of it, and return what it printed."""
        argv = [*LYCEUM, *arguments]
        return subprocess.run(
            argv, env=self.environment, check=True, capture_output=True, text=True, timeout=120
        ).stdout

    def complete(self, folder: Path, **given: str) -> str:
        """Run the example, and return what it printed."""
        environment = {**self.environment, "BASE": self.url, "PDF": str(folder / "c.pdf"), **given}
        found = subprocess.run(
            ["sh", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=300
        )
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("academy")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "LYCEUM_RATE_LIMITS": "off",
        "LYCEUM_DATA_DIR": str(folder),
        "LYCEUM_PORT": str(port),
    }
    environment = child_environment(settings)
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*LYCEUM, "serve", "--demo"], env=environment, stdout=output, stderr=output
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, lambda: process.poll() is None, log)
        yield Installation(url, environment)
    finally:
        process.terminate()
        assert process.wait(60) == 0


def _publish(installation: Installation, course_id: str) -> None:
    with httpx.Client(base_url=f"{installation.url}/api/v1", timeout=30) as client:
        login = client.post("/auth/login", json={"email": TEACHER, "password": PASSWORD})
        token = login.raise_for_status().json()["data"]["accessToken"]
        headers = {"authorization": f"Bearer {token}"}
        client.post(f"/courses/{course_id}/publish", headers=headers).raise_for_status()


def test_a_learner_completes_a_course_of_the_demo(
    installation: Installation, tmp_path: Path
) -> None:
    said = installation.complete(tmp_path)
    assert "progress: 100 %" in said
    assert re.search(r"Ada Example completed .+", said)
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF-")


def test_a_learner_completes_an_imported_course(installation: Installation, tmp_path: Path) -> None:
    if not PACKAGE.exists():
        pytest.skip("the Open edX demo course is not beside this checkout")
    command = ("import", str(PACKAGE), "--instructor", TEACHER, "--json")
    report: dict[str, Any] = json.loads(installation.lyceum(*command))
    again: dict[str, Any] = json.loads(installation.lyceum(*command))
    assert (report["isNew"], again["isNew"]) == (True, False)
    assert again["courseId"] == report["courseId"]
    found = {"chapters": 6, "sequentials": 17, "verticals": 58}
    known = {**found, "html": 266, "problems": 29, "videos": 11}
    assert {kind: report["found"][kind] for kind in known} == known
    for kind, count in report["found"].items():
        assert count == report["taken"].get(kind, 0) + report["leftOutCounts"].get(kind, 0), kind
    assert all(item["reason"] for item in report["leftOut"])
    _publish(installation, report["courseId"])
    said = installation.complete(tmp_path, COURSE=report["courseId"])
    assert "progress: 100 %" in said
    assert "completed Open edX Demo Course" in said


def test_the_demo_may_be_loaded_again(installation: Installation) -> None:
    accounts = json.loads(installation.lyceum("seed", "demo", "--json"))
    assert {account["role"] for account in accounts} == {"admin", "instructor", "student"}
    courses = httpx.get(f"{installation.url}/api/v1/courses").json()
    assert courses["meta"]["total"] in (3, 4)
