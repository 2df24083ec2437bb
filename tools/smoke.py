"""The product as a person gets it: `make run` in an empty data folder, asked, stopped, run again.

Exit 1, with what the product printed, if it does not become ready, answers wrongly, or leaves a
process behind. How long the starts took is printed, not judged.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parents[1]
READY_SECONDS = 180.0
STOP_SECONDS = 60.0


class Wrong(Exception):
    """The product did something that it should not have."""


def expect(what: str, is_so: bool, answer: object) -> None:
    """Complain unless it is so."""
    if not is_so:
        raise Wrong(f"{what}: {answer}")
    print(f"  {what}")


def free_port() -> int:
    """Answer a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    """Return once the product says that it is ready."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if client.get("/ready").status_code == 200:
                return
        time.sleep(0.05)
    raise Wrong(f"not ready; ended with {process.poll()}")


def try_out(client: httpx.Client, environment: dict[str, str]) -> None:
    """Use it as somebody would who has just started it."""
    courses = client.get("/api/v1/courses").json()
    expect("the catalogue has courses", len(courses.get("data", [])) >= 3, courses)
    seed = [".venv/bin/lyceum", "seed", "demo", "--json"]
    seeded = subprocess.run(seed, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    account = json.loads(seeded.stdout)[0]
    login = {"email": account["email"], "password": account["password"]}
    session = client.post("/api/v1/auth/login", json=login)
    expect("a demo account can log in", session.status_code == 200, session.text)
    bearer = {"Authorization": f"Bearer {session.json()['data']['accessToken']}"}
    me = client.get("/api/v1/me", headers=bearer)
    expect("the token says who it is", login["email"] in me.text, me.text)
    problem = client.post("/api/v1/auth/login", json=login | {"password": "not this one"})
    expect("a wrong password is refused", problem.status_code == 401, problem.text)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to the product (not to make), and see that it ends well and completely."""
    family = psutil.Process(process.pid).children(recursive=True)
    [lyceum, *_] = family
    lyceum.send_signal(signal.SIGTERM)
    code = process.wait(STOP_SECONDS)
    left = [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    expect(f"SIGTERM ends it and its {len(family)} processes", code == 0 and not left, (code, left))


def run_once(folder: Path, name: str, use: Callable[[httpx.Client, dict[str, str]], None]) -> None:
    """Start it in `folder`, use it, stop it."""
    port = str(free_port())
    environment = os.environ | {"LYCEUM_PORT": port, "LYCEUM_DATA_DIR": str(folder / "var")}
    output = folder / "output.txt"
    began = time.monotonic()
    with output.open("wb") as log:
        process = subprocess.Popen(
            ["make", "run"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            await_ready(client, process)
            print(f"  {name} start: ready after {time.monotonic() - began:.1f} s", flush=True)
            use(client, environment)
        stop(process)
    except BaseException:
        for each in psutil.Process(process.pid).children(recursive=True):
            each.terminate()
        process.wait(STOP_SECONDS)
        print(output.read_text(errors="replace")[-10_000:])
        raise


def main() -> int:
    """Run it twice and answer the exit code."""
    with tempfile.TemporaryDirectory(prefix="lyceum-smoke-") as folder:
        try:
            run_once(Path(folder), "first", try_out)
            run_once(Path(folder), "second", lambda client, environment: None)
        except Wrong as wrong:
            print(f"smoke: {wrong}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
