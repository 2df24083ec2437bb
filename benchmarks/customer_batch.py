"""How long `PATCH /customers/batch` of 1,000 and the statistics take beside a million customers.

    .venv/bin/python -m benchmarks.customer_batch [--customers 1000000] [--batches 20] [--keep PATH]

Starts its own `lyceum serve` with a durable PostgreSQL, fills it by COPY and asks as a client does,
over HTTP. Each batch changes other customers, spread over all of them: tags, lifecycle, custom
fields, owner, one of these or all. First every batch waits until the worker has handled the events
of the one before; then they come one straight after the other, with the worker beside them. The
processor time of the web process and of PostgreSQL is printed too: on a machine with other work it
says more than the clock. With `--keep` the data stays in PATH, and is found there the next time.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
import psutil

from benchmarks.sign_in import PASSWORD, Connection
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database
from lyceum.users.adapters import passwords
from lyceum.users.service import registration
from tests.app import program

ITEMS: Final = 1000
OWNERS: Final = 20
COPIED_AT_ONCE: Final = 50_000
MANAGER: Final = "manager@bench.example"
LIFECYCLES: Final = ("lead", "active", "past", "blocked")
TAGS: Final = tuple(f"tag-{number}" for number in range(40))
COUNTRIES: Final = ("DE", "FR", "GB", "US", "IN", "BR", "JP", "ZA")
COLUMNS: Final = (
    "id", "kind", "name", "email", "phone", "tax_id", "reference", "lifecycle", "owner_id", "tags",
    "custom_fields", "contacts", "addresses", "created_at",
)  # fmt: skip
BEGAN: Final = datetime(2024, 1, 1, tzinfo=UTC)


def customer_id(number: int) -> UUID:
    """Return the id of a customer."""
    return UUID(f"00000000-0000-7009-8000-{number:012x}")


def customer(number: int, owners: list[UUID], luck: random.Random) -> tuple[Any, ...]:
    """Return a row of COLUMNS."""
    address = {
        "kind": "billing", "line1": f"{number % 300} Long Street", "line2": "", "region": "",
        "postalCode": f"{number % 99999:05}", "city": "Anywhere", "country": luck.choice(COUNTRIES),
    }  # fmt: skip
    contact = {"name": f"Contact {number}", "role": "", "email": None, "phone": None}
    return (
        customer_id(number),
        "company" if number % 3 else "person",
        f"Customer {luck.randrange(400_000)} of {luck.randrange(500)} Works",
        f"customer{number}@bench.example",
        f"+49 30 {number:08}",
        f"DE{number:09}",
        f"R-{number}",
        luck.choice(LIFECYCLES),
        luck.choice(owners),
        luck.sample(TAGS, 3),
        msgspec.json.encode({"seats": number % 500, "plan": luck.choice(TAGS)}).decode(),
        msgspec.json.encode([contact]).decode(),
        msgspec.json.encode([address]).decode(),
        BEGAN + timedelta(seconds=number * 60),
    )


async def fill(dsn: str, customers: int) -> None:
    """Make those who look after customers, and the customers."""
    database = Database(dsn)
    await database.open()
    password_hash = await passwords.hash_password(PASSWORD)
    async with database.transaction() as tx:
        for email in (MANAGER, *(f"owner{n}@bench.example" for n in range(OWNERS))):
            await registration.insert_account(
                tx,
                system_actor("benchmark"),
                email=email,
                password_hash=password_hash,
                first_name="Ada",
                last_name="",
                roles=("manager",),
                is_verified=True,
            )
    await database.close()
    connection = await asyncpg.connect(dsn)
    owners = await owners_of(connection)
    luck = random.Random(5)
    for first in range(0, customers, COPIED_AT_ONCE):
        numbers = range(first, min(first + COPIED_AT_ONCE, customers))
        await connection.copy_records_to_table(
            "customers",
            schema_name="customers",
            columns=COLUMNS,
            records=[customer(number, owners, luck) for number in numbers],
        )
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()


async def owners_of(connection: Any) -> list[UUID]:
    """Return who looks after customers."""
    rows = await connection.fetch(
        "SELECT id FROM users.users WHERE email LIKE 'owner%@bench.example' ORDER BY email"
    )
    return [row[0] for row in rows]


def batch(numbers: list[int], owners: list[UUID], luck: random.Random) -> dict[str, Any]:
    """Return the body of a batch."""
    items = []
    for place, number in enumerate(numbers):
        every = {
            "tags": [*luck.sample(TAGS, 3), "spring-campaign"],
            "lifecycle": luck.choice(LIFECYCLES),
            "customFields": {"seats": luck.randrange(500), "plan": luck.choice(TAGS)},
            "ownerId": str(luck.choice(owners)),
        }
        names = [*every, None]
        name = names[place % len(names)]
        changes = every if name is None else {name: every[name]}
        items.append({"id": str(customer_id(number)), "changes": changes})
    return {"items": items}


async def drain(connection: Any) -> None:
    """Wait until the worker has handled every event."""
    while await connection.fetchval("SELECT EXISTS (SELECT FROM platform.outbox)"):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.1)


async def change(client: Connection, token: str, body: dict[str, Any]) -> float:
    """Send a batch, all of which must be done, and return the milliseconds."""
    answer = await client.ask("PATCH", "/customers/batch", body, token)
    result = msgspec.json.decode(answer.body)
    if answer.status != 200 or result["data"]["failed"]:
        raise SystemExit(answer.body[:2000].decode())
    return answer.milliseconds


def processor_ms(running: program.Program) -> tuple[float, float]:
    """Return the processor time that the web process and PostgreSQL have had."""

    def ms(process: psutil.Process) -> float:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            return (times.user + times.system) * 1000
        return 0.0

    server = psutil.Process(running.pid_of("postgres"))
    return ms(psutil.Process(running.pid_of("web"))), sum(map(ms, server.children()))


async def measure(running: program.Program, batches: int) -> None:
    """Ask and print."""
    connection = await asyncpg.connect(running.dsn)
    owners = await owners_of(connection)
    customers = await connection.fetchval("SELECT count(*) FROM customers.customers")
    await drain(connection)
    client = Connection(running.port)
    signed_in = await client.ask("POST", "/auth/login", {"email": MANAGER, "password": PASSWORD})
    token = msgspec.json.decode(signed_in.body)["data"]["accessToken"]
    luck = random.Random()
    for kind in ("at rest", "straight on"):
        # One more, because the first finds nothing prepared.
        numbers = luck.sample(range(customers), ITEMS * (batches + 1))
        taken, spent = [], []
        for first in range(0, len(numbers), ITEMS):
            body = batch(numbers[first : first + ITEMS], owners, luck)
            before = processor_ms(running)
            taken.append(await change(client, token, body))
            spent.append([b - a for a, b in zip(before, processor_ms(running), strict=True)])
            if kind == "at rest":
                await drain(connection)
        show(f"batch, {kind}", taken[1:])
        web, server = (statistics.mean(found) for found in zip(*spent[1:], strict=True))
        print(
            f"{'':20} processor: web {web:.0f} ms, PostgreSQL {server:.0f} ms a batch", flush=True
        )
    await drain(connection)
    asked = [
        (await client.ask("GET", "/customers/statistics", token=token)).milliseconds
        for _ in range(200)
    ]
    show("statistics", asked)
    client.close()
    await connection.close()


def show(what: str, taken: list[float]) -> None:
    """Print one line."""
    p95 = statistics.quantiles(taken, n=20)[-1]
    print(
        f"{what:20} {len(taken):4} times   p50 {statistics.median(taken):6.1f} ms"
        f"   p95 {p95:6.1f} ms   most {max(taken):6.1f} ms",
        flush=True,
    )


@contextlib.contextmanager
def folder_for(kept: Path | None) -> Iterator[Path]:
    """Give the folder that is kept, or one that is gone afterwards."""
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="lyceum-customers-") as folder:
        yield Path(folder)


def main() -> None:
    """Start a server, fill it, measure, stop it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--keep", type=Path, metavar="PATH")
    options = parser.parse_args()
    with folder_for(options.keep) as folder:
        is_filled = (folder / "postgres").exists()
        with program.running(folder) as running:
            started = time.perf_counter()
            if not is_filled:
                asyncio.run(fill(running.dsn, options.customers))
                seconds = time.perf_counter() - started
                print(f"{options.customers} customers made in {seconds:.0f} s", flush=True)
            asyncio.run(measure(running, options.batches))


if __name__ == "__main__":
    main()
