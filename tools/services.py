"""PostgreSQL, Redis and RabbitMQ of Debian for the tests, beside what the machine itself runs.

    python -m tools.services start     install what is missing, start all, print their addresses
    python -m tools.services stop      stop them and drop their data
    python -m tools.services status    print the addresses; exit 1 unless all of them answer
    python -m tools.services run CMD…  run a command with the addresses in its environment

All of it may be repeated. What each server is and how it is called is in `servers`.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.servers import HOST, SERVICES, Service, ServiceTrouble, name_server_port

DEADLINE_SECONDS = 90.0
# A browser for pages, with letters to show, and the checker of alert rules.
TOOLS = {
    "chromium": Path("/usr/bin/chromium"),
    "fonts-dejavu-core": Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    "prometheus": Path("/usr/bin/promtool"),
}
# Asked by packages whether a server may start when it is installed.
POLICY = Path("/usr/sbin/policy-rc.d")


def answers(service: Service) -> bool:
    """Tell whether somebody at its port speaks as it should."""
    try:
        with socket.create_connection((HOST, service.port), timeout=2) as line:
            line.sendall(service.hello)
            return line.recv(16).startswith(service.answers)
    except OSError:
        return False


def process_of(service: Service) -> int | None:
    """Answer the number of the process that we started, if it still runs."""
    try:
        pid = int(service.pid_file.read_text())
        os.kill(pid, 0)
        # The number may belong to another process by now, or to one that nobody has buried yet.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return pid if state[0] != "Z" and state[3] == str(pid) else None


@contextlib.contextmanager
def nothing_started_by_packages() -> Iterator[None]:
    """Keep Debian's packages from starting the servers they install."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def install_missing() -> None:
    """Install the packages of those servers that are not here, and of what tests look with."""
    packages = [service.package for service in SERVICES if service.find() is None]
    packages += [package for package, program in TOOLS.items() if not program.exists()]
    if not packages:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid() != 0:
        raise ServiceTrouble(f"not installed here; run: sudo {' '.join(command)}")
    print(f"installing {', '.join(packages)}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with nothing_started_by_packages():
        for argv in (["apt-get", "update"], command):
            done = subprocess.run(
                argv, capture_output=True, text=True, check=False, env=environment
            )
            if done.returncode != 0:
                raise ServiceTrouble(f"{' '.join(argv)} failed: {done.stdout}{done.stderr}")


def start(service: Service) -> None:
    """Start it unless it runs; does not wait until it answers."""
    if process_of(service) is None:
        binary = service.find()
        if binary is None:
            raise ServiceTrouble(f"{service.package} is installed, but is not where Debian puts it")
        service.choose_port()
        service.folder.mkdir(parents=True, exist_ok=True)
        call = service.prepare(binary, service.folder)
        with service.log_file.open("wb") as log:
            process = subprocess.Popen(
                list(call.argv),
                cwd=service.folder,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **call.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=service.account,
                group=service.account,
                start_new_session=True,
            )
        service.pid_file.write_text(f"{process.pid}\n")


def await_answer(service: Service) -> None:
    """Return once it answers."""
    until = time.monotonic() + DEADLINE_SECONDS
    while not answers(service):
        if process_of(service) is None or time.monotonic() > until:
            words = service.log_file.read_text(errors="replace")[-2000:]
            raise ServiceTrouble(f"{service.name} does not answer:\n{words}")
        time.sleep(0.1)


def stop(service: Service) -> None:
    """Stop it if it runs, wait for its end, and drop its data."""
    pid = process_of(service)
    for number, seconds in ((service.stop_signal, 20.0), (signal.SIGKILL, 5.0)):
        if pid is None:
            break
        os.killpg(pid, number)
        until = time.monotonic() + seconds
        while process_of(service) is not None and time.monotonic() < until:
            time.sleep(0.05)
        pid = process_of(service)
    service.pid_file.unlink(missing_ok=True)
    shutil.rmtree(service.folder, ignore_errors=True)


def stop_name_server() -> None:
    """Stop the name server that Erlang leaves behind."""
    command = ["epmd", "-port", str(name_server_port()), "-kill"]
    with contextlib.suppress(FileNotFoundError):
        subprocess.run(command, capture_output=True, check=False)


def print_status() -> int:
    """Print who answers where; answer 1 unless all of them do."""
    missing = 0
    for service in SERVICES:
        up = process_of(service) is not None and answers(service)
        missing += not up
        print(f"{service.name:10} {'up' if up else 'down':6} {service.variable}={service.url}")
    return 1 if missing else 0


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say and answer the exit code."""
    match arguments:
        case ["start"]:
            install_missing()
            for service in SERVICES:
                start(service)
            for service in SERVICES:
                await_answer(service)
            return print_status()
        case ["stop"]:
            for service in SERVICES:
                stop(service)
            stop_name_server()
            return 0
        case ["status"]:
            return print_status()
        case ["run", command, *rest]:
            found = {service.variable: service.url for service in SERVICES}
            return subprocess.run([command, *rest], env=os.environ | found, check=False).returncode
    print(__doc__)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ServiceTrouble as trouble:
        print(f"services: {trouble}", file=sys.stderr)
        sys.exit(1)
