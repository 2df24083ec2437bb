"""What signing in tells by its time, and what a stampede of sign-ins does to everybody else.

    .venv/bin/python -m benchmarks.sign_in [RUNS]

Starts its own `lyceum serve` with a durable PostgreSQL in a temporary folder, addresses proved
first, limits off. Asks for login, registration and reset with RUNS known and RUNS unknown addresses
in turn, one after the other, and prints the medians; then reads an account over and over, alone and
while 200 people sign in at once.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from lyceum.platform import ids
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database
from lyceum.users.adapters import passwords
from lyceum.users.service import registration
from tests.app import program

ACTOR = system_actor("benchmark")
PASSWORD = "tide-over-9-lanterns"  # noqa: S105 - of people who live for a minute
STAMPEDE = 200
PROBES = 4
ALONE_SECONDS = 3.0


class Answer(msgspec.Struct):
    """One request: how it was answered, and after how many milliseconds."""

    status: int
    body: bytes
    milliseconds: float


class Connection:
    """One kept connection, as thin as can be: the client shares the machine with the server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: object = None, token: str = "") -> Answer:
        """Send a request and wait for all of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        content = b"" if body is None else msgspec.json.encode(body)
        head = [
            f"{method} /api/v1{path} HTTP/1.1",
            "host: localhost",
            "content-type: application/json",
        ]
        head.append(f"content-length: {len(content)}")
        if token:
            head.append(f"authorization: Bearer {token}")
        started = time.perf_counter()
        writer.write("\r\n".join((*head, "", "")).encode() + content)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        length = next((int(x[15:]) for x in lines if x.startswith("content-length:")), 0)
        answer = await reader.readexactly(length)
        took = (time.perf_counter() - started) * 1000
        return Answer(int(lines[0].split()[1]), answer, took)

    def close(self) -> None:
        """Drop the connection."""
        if self._streams is not None:
            self._streams[1].close()


def address() -> str:
    """Return an address that nobody has had before."""
    return f"p{ids.new_id().hex}@people.test"


async def store_people(dsn: str, count: int) -> list[str]:
    """Store people who can sign in with PASSWORD, and return their addresses."""
    database = Database(dsn)
    await database.open()
    password_hash = await passwords.hash_password(PASSWORD)
    emails = [address() for _ in range(count)]
    async with database.transaction() as tx:
        for email in emails:
            await registration.insert_account(
                tx,
                ACTOR,
                email=email,
                password_hash=password_hash,
                first_name="Ada",
                last_name="",
                roles=("student",),
                is_verified=True,
            )
    await database.close()
    return emails


def body_of(path: str, email: str) -> dict[str, str]:
    """Return what is asked with an address; a login is wrong."""
    if path == "/auth/login":
        return {"email": email, "password": "wrong"}
    if path == "/auth/register":
        return {"email": email, "password": PASSWORD, "firstName": "Ada"}
    return {"email": email}


async def compare(port: int, path: str, known: list[str]) -> None:
    """Print how long known and unknown addresses take, and whether the answers differ."""
    connection = Connection(port)
    times: dict[bool, list[float]] = {True: [], False: []}
    said: dict[bool, set[tuple[int, bytes]]] = {True: set(), False: set()}
    for email in known:
        for is_known in (True, False) if len(times[True]) % 2 else (False, True):
            body = body_of(path, email if is_known else address())
            answer = await connection.ask("POST", path, body)
            times[is_known].append(answer.milliseconds)
            document = msgspec.json.decode(answer.body)
            document.pop("requestId", document.pop("meta", None))
            said[is_known].add((answer.status, msgspec.json.encode(document)))
    connection.close()
    medians = {is_known: statistics.median(found) for is_known, found in times.items()}
    apart = abs(medians[True] - medians[False])
    print(
        f"{path:22} known {medians[True]:6.2f} ms, unknown {medians[False]:6.2f} ms,"
        f" {apart:.2f} ms apart; answers {'alike' if said[True] == said[False] else 'DIFFER'}:"
        f" {sorted({status for status, _ in said[True] | said[False]})}"
    )


async def probe(port: int, token: str, until: "asyncio.Event | float") -> list[float]:
    """Read the own account over and over; return the milliseconds of each time."""
    connection = Connection(port)
    found = []
    end = time.monotonic() + until if isinstance(until, float) else 0.0
    while time.monotonic() < end if isinstance(until, float) else not until.is_set():
        answer = await connection.ask("GET", "/me", token=token)
        assert answer.status == 200, answer.body  # noqa: S101 - a measurement of refusals is none
        found.append(answer.milliseconds)
        await asyncio.sleep(0.005)
    connection.close()
    return found


async def sign_in(port: int, email: str) -> int:
    """Sign in on a connection of its own, and return the status."""
    connection = Connection(port)
    answer = await connection.ask("POST", "/auth/login", {"email": email, "password": PASSWORD})
    connection.close()
    return answer.status


def show(what: str, milliseconds: list[float]) -> float:
    """Print median and p95 of requests, and return the median."""
    ordered = sorted(milliseconds)
    median, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    print(f"{what:22} {len(ordered):5} requests, median {median:.2f} ms, p95 {p95:.2f} ms")
    return median


async def stampede(port: int, people: list[str]) -> None:
    """Print what reading an account costs alone, and while everybody signs in at once."""
    connection = Connection(port)
    body = {"email": people[0], "password": PASSWORD}
    opened = await connection.ask("POST", "/auth/login", body)
    token = msgspec.json.decode(opened.body)["data"]["accessToken"]
    await asyncio.gather(*(probe(port, token, 0.5) for _ in range(PROBES)))
    alone = await asyncio.gather(*(probe(port, token, ALONE_SECONDS) for _ in range(PROBES)))
    over = asyncio.Event()
    probes = [asyncio.create_task(probe(port, token, over)) for _ in range(PROBES)]
    started = time.monotonic()
    statuses = await asyncio.gather(*(sign_in(port, email) for email in people))
    seconds = time.monotonic() - started
    over.set()
    meanwhile = await asyncio.gather(*probes)
    before = show("GET /me alone", [took for found in alone for took in found])
    after = show("GET /me meanwhile", [took for found in meanwhile for took in found])
    counted = {status: statuses.count(status) for status in sorted(set(statuses))}
    print(f"{len(people)} sign-ins in {seconds:.1f} s: {counted}; median x {after / before:.2f}")


async def measure(running: program.Program, runs: int) -> None:
    """Run all measurements."""
    known = await store_people(running.dsn, runs)
    for path in ("/auth/login", "/auth/register", "/auth/password/forgot"):
        await compare(running.port, path, known)
    await stampede(running.port, await store_people(running.dsn, STAMPEDE))


def main() -> None:
    """Start a server, measure, stop it."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with (
        tempfile.TemporaryDirectory() as folder,
        program.running(Path(folder), LYCEUM_REGISTRATION="verified") as running,
    ):
        asyncio.run(measure(running, runs))


if __name__ == "__main__":
    main()
