"""The servers for the tests, where they run (`make test-services`), and their command."""

import os
import sys
from pathlib import Path

import pytest

from tools import servers, services

needs_servers = pytest.mark.skipif(
    "LYCEUM_TEST_REDIS_URL" not in os.environ,  # noqa: TID251 where test servers come in
    reason="the servers do not run (make services)",
)


def test_an_unknown_command_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert services.main(["restart"]) == 2
    assert "tools.services start" in capsys.readouterr().out


@pytest.mark.services
@needs_servers
def test_all_answer_and_a_second_start_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = [services.process_of(service) for service in servers.SERVICES]
    assert services.main(["start"]) == 0
    assert [services.process_of(service) for service in servers.SERVICES] == before
    assert capsys.readouterr().out.count(" up ") == 3


@pytest.mark.services
@needs_servers
def test_a_command_gets_the_addresses_and_gives_its_exit_code(tmp_path: Path) -> None:
    told = tmp_path / "told"
    program = f"import os; open({str(told)!r}, 'w').write(os.environ['LYCEUM_TEST_RABBITMQ_URL'])"
    assert services.main(["run", sys.executable, "-c", f"{program}; raise SystemExit(7)"]) == 7
    assert told.read_text() == servers.RABBITMQ.url


def test_a_stale_process_number_is_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "FOLDER", tmp_path)
    assert services.process_of(servers.REDIS) is None
    servers.REDIS.pid_file.write_text("4194304\n")  # one more than there can be
    assert services.process_of(servers.REDIS) is None
