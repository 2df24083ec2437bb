"""Customers in and out of files: what a row does, all or nothing, and no cell that is run."""

import csv
import io
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from lyceum.customers.adapters import customer_csv
from lyceum.customers.errors import ImportRefused
from lyceum.customers.schemas.customers import CustomerQuery
from lyceum.customers.service import listing
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from tests.customers import factories
from tests.users import factories as users

Drain = Callable[[], Awaitable[int]]
MANAGER = factories.manager()


@pytest.fixture
async def bearer(engines: Engines) -> dict[str, str]:
    admin = await users.store_user(engines.database, roles=("admin",))
    opened = await users.open_session(engines.database, engines.settings, admin)
    return {"authorization": f"Bearer {opened.access_token}"}


async def send(
    client: httpx.AsyncClient, drain: Drain, bearer: dict[str, str], text: str, query: str = ""
) -> dict[str, Any]:
    response = await client.post(
        f"/api/v1/customers/imports?{query}",
        content=text.encode(),
        headers={**bearer, "content-type": "text/csv"},
    )
    assert response.status_code == 202, response.text
    await drain()
    made = response.json()["data"]["id"]
    found = await client.get(f"/api/v1/customers/imports/{made}", headers=bearer)
    report: dict[str, Any] = found.json()["data"]["report"]
    return report


async def count(database: Database, mark: str) -> int:
    query = CustomerQuery(tag=mark, per_page=100)
    rows, _ = await listing.list_customers(database.reader(), MANAGER, query)
    return len(rows)


async def test_rows_add_and_change(
    client: httpx.AsyncClient, drain: Drain, bearer: dict[str, str], database: Database
) -> None:
    mark, ref = factories.word(), factories.word()
    text = (
        f"name;reference;tags;country;custom.seats\nAda;{ref};{mark};de;12\n"
        f"Bob;;{mark};;\n\n;x;;;\nEve;{ref};;;\nMax;;;Germany;\n"
    )
    trial = await send(client, drain, bearer, text, "dryRun=true")
    assert (trial["created"], trial["failed"], await count(database, mark)) == (2, 3, 0)
    report = await send(client, drain, bearer, text)
    assert [(p["row"], p["column"]) for p in report["problems"]] == [
        (5, ""), (6, "reference"), (7, "country")
    ]  # fmt: skip
    assert await count(database, mark) == 2
    again = await send(client, drain, bearer, f"name,reference,tags\nAda L.,{ref},{mark};vip\n")
    assert (again["created"], again["updated"]) == (0, 1)
    same = await send(client, drain, bearer, f"name,reference\nAda L.,{ref}\n")
    assert same["unchanged"] == 1
    rows, _ = await listing.list_customers(
        database.reader(), MANAGER, CustomerQuery(filter=f"reference = {ref}")
    )
    assert (rows[0].name, rows[0].tags) == ("Ada L.", [mark, "vip"])
    assert rows[0].custom_fields == b'{"seats": 12}'


async def test_all_or_nothing(
    client: httpx.AsyncClient, drain: Drain, bearer: dict[str, str], database: Database
) -> None:
    mark = factories.word()
    text = f"name,tags,email\nAda,{mark},\nBob,{mark},nonsense\n"
    report = await send(client, drain, bearer, text, "mode=all-or-nothing")
    assert (report["created"], report["failed"], await count(database, mark)) == (0, 1, 0)
    assert report["problem"]
    text = f"name,tags\nAda,{mark}\nBob,{mark}\n"
    report = await send(client, drain, bearer, text, "mode=all-or-nothing")
    assert (report["created"], await count(database, mark)) == (2, 2)


async def test_what_goes_out_runs_nowhere_and_comes_back_as_it_was(
    client: httpx.AsyncClient, drain: Drain, bearer: dict[str, str], database: Database
) -> None:
    mark = factories.word()
    nasty = ["=1+1", "+49 30", "-x", "@sum", "'=kept", 'a "b", c', "plain"]
    for number, name in enumerate(nasty):
        await factories.store_customer(
            database, name=name, tags=(mark,), reference=f"{mark}-{number}",
            custom_fields={"formula": "=cmd|' /C calc'!A0"},
        )  # fmt: skip
    response = await client.post(
        "/api/v1/customers/exports", json={"filter": f"tag = {mark}"}, headers=bearer
    )
    assert response.status_code == 202
    made = response.json()["data"]["id"]
    early = await client.get(f"/api/v1/customers/exports/{made}/file", headers=bearer)
    assert early.status_code == 409
    await drain()
    file = await client.get(f"/api/v1/customers/exports/{made}/file", headers=bearer)
    assert file.headers["content-type"].startswith("text/csv")
    assert "attachment" in file.headers["content-disposition"]
    cells = [cell for row in csv.reader(io.StringIO(file.text, newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "\r\n" in file.text
    again = await send(client, drain, bearer, file.text)
    assert (again["unchanged"], again["failed"]) == (len(nasty), 0)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"email\na@b.test\n", b"name,name\na,b\n", b"name,shoe\na,b\n", b"\xff\xfe",
        b"name\na\0b\n", b'name\n"open\n', b'name\n"a"b\n', b"\x89PNG\r\n", b"name,custom.A\n",
        b"name\n" + b"x" * 200_000,
    ],
)  # fmt: skip
def test_files_that_are_refused(data: bytes) -> None:
    with pytest.raises(ImportRefused):
        customer_csv.read(data, "reference")


@pytest.mark.parametrize(
    "row",
    ["a,b,c,d", ",x", "a,nonsense", "a,a@b.test,robot", "x" * 201],
)
def test_rows_that_are_refused(row: str) -> None:
    rows, problems = customer_csv.read(f"name,email,kind\n{row}\n".encode(), "email")
    assert (rows, len(problems), problems[0].row) == ([], 1, 2)


async def test_an_import_that_is_no_csv_ends_with_a_report(
    client: httpx.AsyncClient, drain: Drain, bearer: dict[str, str]
) -> None:
    report = await send(client, drain, bearer, "nothing of ours")
    assert "name" in report["problem"]
    refused = await client.post(
        "/api/v1/customers/imports", content=b"x", headers={**bearer, "content-type": "image/png"}
    )
    assert refused.status_code == 415
    empty = await client.post(
        "/api/v1/customers/imports", content=b"", headers={**bearer, "content-type": "text/csv"}
    )
    assert empty.status_code == 422
