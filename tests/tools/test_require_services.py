"""With the plugin, a services test that skips is a failure, any other skip stays one, and what no
server changes anything in is left out."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SUITE = """
import pytest

@pytest.fixture
def template_dsn(): ...

@pytest.fixture
def database(template_dsn): ...

@pytest.fixture
def redis():
    pytest.skip("no Redis here")

@pytest.mark.services
def test_with_a_server(redis): ...

@pytest.mark.services
def test_that_skips_inside():
    pytest.skip("no RabbitMQ here")

def test_without(database):
    pytest.skip("another reason")

def test_with_the_database(database): ...

def test_with_nothing(): ...
"""


def test_only_skips_for_want_of_a_server_fail(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    services: needs a server\n")
    arguments = [
        "-q",
        "-rA",
        "-p",
        "tools.require_services",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    counts = "1 failed, 1 passed, 1 skipped, 1 deselected, 1 error"
    assert counts in done.stdout, done.stdout + done.stderr
    assert "no Redis here: this run requires its server" in done.stdout
    assert "no RabbitMQ here: this run requires its server" in done.stdout
