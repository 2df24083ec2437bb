import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from lyceum.platform import context, logs
from lyceum.platform.log_output import LineWriter

CARD = "4111 1111 1111 1111"
EVIL = "x\n2026-11-20 admin login ok\x1b[31m\x9b"


class Output:
    """Where the logs of a test go."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def configure(self, level: str = "debug", style: logs.Style = "json") -> None:
        logs.configure(level, style, descriptor=self.descriptor)

    def lines(self) -> list[str]:
        logs.flush()
        return self.path.read_text().split("\n")[:-1]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Output]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    output = Output(tmp_path / "log")
    output.configure()
    context.set_request_id("")
    yield output
    logs.configure("info", "json")
    os.close(output.descriptor)
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_event_is_one_line_of_json_with_its_request(output: Output) -> None:
    context.enter("request-1", f"00-{'a' * 32}-{'b' * 16}-01", "192.0.2.7")
    with logs.bound(actor_id="anna", job="send_mail"):
        logs.get_logger("lyceum.test").info("order paid", order_id=5, amount=1.5)
    logs.get_logger("lyceum.test").warning("after")
    first, second = output.events()
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info",
        "event": "order paid",
        "request_id": "request-1",
        "trace_id": "a" * 32,
        "logger": "lyceum.test",
        "actor_id": "anna",
        "job": "send_mail",
        "order_id": 5,
        "amount": 1.5,
    }
    assert "actor_id" not in second


async def test_what_is_bound_in_a_task_stays_there(output: Output) -> None:
    async def request(number: int) -> None:
        context.set_request_id(f"r{number}")
        logs.bind(actor_id=f"a{number}")
        await asyncio.sleep(0)
        logging.getLogger("x").info("served")

    await asyncio.gather(*(asyncio.create_task(request(number)) for number in range(10)))
    found = {(event["request_id"], event["actor_id"]) for event in output.events()}
    assert found == {(f"r{number}", f"a{number}") for number in range(10)}


def test_libraries_go_the_same_way(output: Output) -> None:
    output.configure()  # once more: pytest's own handlers raise on wrong arguments
    logging.getLogger("alembic").info("job %s with %r", 7, {"password": "hunter2"})
    logging.getLogger("alembic").info("wrong %d", "arguments")
    logging.getLogger("uvicorn.access").info("said twice")
    logging.getLogger("httpx").info("too much")
    logging.getLogger("asyncpg").info("extra", extra={"token": "abc", "statement": "SELECT 1"})
    logging.getLogger("uvicorn.error").info("started", extra={"color_message": "\x1b[1mstarted"})
    events = output.events()
    assert events[0]["event"] == "job 7 with {'password': [redacted]}"
    assert events[1]["event"] == "wrong %d"
    assert (events[2]["token"], events[2]["statement"]) == ("[redacted]", "SELECT 1")
    assert "color_message" not in events[3]
    assert not {"said twice", "too much"} & {event["event"] for event in events}


def test_level_is_kept_to(output: Output) -> None:
    output.configure("warning")
    for log in (logs.get_logger("x"), logging.getLogger("x")):
        log.info("no")
        log.error("yes")
    assert [event["event"] for event in output.events()] == ["yes", "yes"]


def test_secrets_do_not_reach_a_line(output: Output) -> None:
    try:
        raise ValueError(f"DETAIL: Key (email)=(anna.smith@example.org), card {CARD}")
    except ValueError:
        logs.get_logger("x").exception("failed", password="hunter2", nested=[{"note": CARD}])
        logging.getLogger("x").exception("failed for %s", CARD)
    logs.get_logger("x").info(f"paid with {CARD}", **{CARD: 1})
    written = "\n".join(output.lines())
    for secret in ("4111", "hunter2", "anna.smith"):
        assert secret not in written
    first = output.events()[0]
    assert first["password"] == "[redacted]"
    assert "Traceback" in first["exception"]
    assert "test_logs.py" in first["exception"]


def test_stranger_cannot_write_a_line_of_his_own(output: Output) -> None:
    logs.get_logger("x").info(EVIL, agent=EVIL * 50_000)
    logging.getLogger("x").info("agent %s", EVIL)
    logs.access_log("GET", "/x", EVIL, 404, 1.0, EVIL, "", EVIL, 0)
    lines = output.lines()
    assert len(lines) == 3
    assert all(len(line) < 5000 for line in lines)
    assert not any("\x1b" in text for event in output.events() for text in map(str, event.values()))


@pytest.mark.parametrize("style", ["json", "pretty"])
def test_terminal_is_told_nothing_by_a_stranger(output: Output, style: logs.Style) -> None:
    output.configure(style=style)
    try:
        raise ValueError(EVIL)
    except ValueError:
        logs.get_logger("x").exception(EVIL, **{EVIL: EVIL})
    logs.access_log(EVIL, "/x", EVIL, 404, 1.0, EVIL, "", EVIL, 0)
    written = "\n".join(output.lines())
    assert "\x1b[31m\x9b" not in written
    assert "\n2026-11-20 admin" not in written


def test_access_log(output: Output) -> None:
    context.set_request_id("not-this-one")
    path = "/api/v1/courses/0189a5d0-ac96-774b-bcce-b302099a8057"
    logs.access_log(
        "GET", "/api/v1/courses/{id}", path, 200, 1.23456, "r-1", "u-1", "::1", 512, "a" * 32
    )
    logs.access_log("POST", "/x", f"/search/{CARD}", 500, 2, "r-2", "", "10.0.0.1", 0)
    first, second = output.events()
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info",
        "event": "request",
        "method": "GET",
        "route": "/api/v1/courses/{id}",
        "path": path,
        "status": 200,
        "ms": 1.235,
        "bytes": 512,
        "ip": "::1",
        "request_id": "r-1",
        "trace_id": "a" * 32,
        "actor_id": "u-1",
    }
    assert second["path"] == "/search/[card]"
    assert second["level"] == "error"
    assert "actor_id" not in second


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/", "/"),
        ("/api/v1/courses/python-101", "/api/v1/courses/python-101"),
        ("/certificates/LYC-7Q2X", "/certificates/LYC-7Q2X"),
        ("/a/4111111111111111", "/a/[card]"),
        ("/a/4111-1111-1111-1111", "/a/[card]"),
        ("/a/anna.smith@example.org", "/a/a***@example.org"),
        ("/a/078-05-1120", "/a/[ssn]"),
        ("/a/" + "x" * 3000, "/a/" + "x" * 477 + "… (3003 characters)"),
    ],
)
def test_path_is_logged_without_what_it_must_not_hold(
    output: Output, path: str, logged: str
) -> None:
    logs.access_log("GET", "/a", path, 200, 1, "r", "", "::1", 0)
    assert output.events()[0]["path"] == logged


def test_pretty_lines_are_for_people(output: Output) -> None:
    output.configure(style="pretty")
    logs.get_logger("x").info("order paid", order_id=5)
    logs.access_log("GET", "/x", "/x", 200, 1.26, "r", "", "::1", 10)
    paid, served = output.lines()
    assert "order paid" in paid
    assert "order_id\x1b[0m=5" in paid
    assert "GET    /x 1.3 ms 10 B" in served


async def test_lines_wait_a_moment_and_errors_do_not(tmp_path: Path) -> None:
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    writer = LineWriter(file)
    writer.write(b"one\n")
    assert (tmp_path / "log").read_bytes() == b""
    writer.write_now(b"two\n")
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"
    writer.write(b"three\n")
    async with asyncio.timeout(10):
        while b"three" not in (tmp_path / "log").read_bytes():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    writer.close()
    os.close(file)


def test_writer_takes_lines_of_many_threads(tmp_path: Path) -> None:
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    writer = LineWriter(file)

    def write() -> None:
        for _ in range(500):
            writer.write(b"x" * 99 + b"\n")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    os.close(file)
    assert (tmp_path / "log").read_bytes() == (b"x" * 99 + b"\n") * 4000


def test_reader_that_is_behind_or_gone_stops_nobody() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    writer = LineWriter(writing)
    for number in range(10_000):
        writer.write(b"%08d " % number + b"x" * 1000 + b"\n")
    assert writer.dropped > 0
    os.set_blocking(reading, False)
    taken = b""
    for _ in range(2000):
        try:
            taken += os.read(reading, 1 << 20)
        except BlockingIOError:
            writer.flush()
            if not writer._lines:  # noqa: SLF001
                break
    assert {len(line) for line in taken.split(b"\n")[:-1]} == {1009}
    os.close(reading)
    before = writer.dropped
    writer.write(b"nobody reads\n")
    assert writer.dropped == before + 1
    writer.close()
    os.close(writing)


def test_last_lines_are_written_at_the_end_of_a_process() -> None:
    program = (
        "import asyncio, logging\n"
        "from lyceum.platform import logs\n"
        "logs.configure('info', 'json')\n"
        "async def main():\n"
        "    logging.getLogger('x').info('the last words')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stderr)["event"] == "the last words"
