"""`POST /api/v1/imports` and `GET /api/v1/imports/{id}`: the door."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest

from lyceum.app import web
from lyceum.app.operations import probes
from lyceum.packages.http import imports as http
from lyceum.platform import ids
from lyceum.platform.edge import Edge
from lyceum.platform.engines import Engines
from lyceum.platform.health import Doorkeeper
from lyceum.platform.links import LinkSigner
from lyceum.platform.storage import open_storage
from lyceum.users import api as users
from tests.packages import exports
from tests.packages.exports import IMPORTS

BARE = {"content-type": "application/octet-stream"}


async def stored_keys(engines: Engines) -> set[str]:
    return {file.key async for file in engines.storage.list("imports")}


def form(*parts: tuple[str, str, bytes], boundary: str = "b0undary", end: bool = True) -> bytes:
    """A form with parts of a name, a file name (or none) and a content."""
    written = b""
    for name, file_name, content in parts:
        label = f'; filename="{file_name}"' if file_name else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{label}\r\n\r\n'
        written += head.encode() + content + b"\r\n"
    return written + (f"--{boundary}--\r\n".encode() if end else b"")


FORM = {"content-type": "multipart/form-data; boundary=b0undary"}


@pytest.mark.parametrize("kind", http.BARE)
async def test_a_package_as_the_body(
    engines: Engines, client: httpx.AsyncClient, kind: str
) -> None:
    headers = await exports.headers_of(engines, await exports.person(engines.database))
    answer = await client.post(
        f"{IMPORTS}?fileName=../../lanterns.tar.gz",
        content=exports.export(exports.unique_run()),
        headers={**headers, "content-type": f"{kind}; x=y"},
    )
    assert answer.status_code == 202
    made = answer.json()["data"]
    assert made["fileName"] == "lanterns.tar.gz"
    assert (made["report"], made["problem"], made["finishedAt"]) == (None, None, None)
    assert answer.headers["location"] == f"/api/v1/jobs/{made['jobId']}"
    waiting = await client.get(answer.headers["location"], headers=headers)
    assert waiting.json()["data"]["state"] == "waiting"
    assert f"imports/{made['id']}" in await stored_keys(engines)
    await exports.run_job(engines, made["jobId"])
    job = (await client.get(answer.headers["location"], headers=headers)).json()["data"]
    assert (job["state"], job["progress"], job["error"]) == ("succeeded", 1.0, None)
    shown = (await client.get(f"{IMPORTS}/{made['id']}", headers=headers)).json()["data"]
    assert shown["report"] == job["result"]
    assert job["links"]["result"] == f"/api/v1/courses/{shown['courseId']}"
    course = await client.get(job["links"]["result"], headers=headers)
    assert course.json()["data"]["title"] == "Lanterns at sea"
    assert f"imports/{made['id']}" not in await stored_keys(engines)


async def test_a_package_as_the_file_of_a_form(engines: Engines, client: httpx.AsyncClient) -> None:
    headers = await exports.headers_of(engines, await exports.person(engines.database))
    answer = await client.post(
        IMPORTS,
        data={"note": "please"},
        files={"file": ("C:\\my\\course é.tar.gz", exports.export(exports.unique_run()))},
        headers=headers,
    )
    assert answer.status_code == 202, answer.text
    assert answer.json()["data"]["fileName"] == "course é.tar.gz"
    await exports.run_job(engines, answer.json()["data"]["jobId"])
    job = (await client.get(answer.headers["location"], headers=headers)).json()["data"]
    assert job["result"]["found"]["html"] == 1


async def test_a_form_in_pieces_of_any_size(engines: Engines, client: httpx.AsyncClient) -> None:
    headers = await exports.headers_of(engines, await exports.person(engines.database))
    package = exports.export(exports.unique_run())
    body = form(("file", "a.tar", package))

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 7):
            yield body[at : at + 7]

    answer = await client.post(IMPORTS, content=pieces(), headers={**headers, **FORM})
    assert answer.status_code == 202, answer.text
    assert await engines.storage.get(f"imports/{answer.json()['data']['id']}") == package


REFUSED: dict[str, tuple[dict[str, str], bytes, int, int]] = {
    "no type": ({}, b"x", 415, 2004),
    "JSON": ({"content-type": "application/json"}, b"{}", 415, 2004),
    "a page": ({"content-type": "text/html"}, b"<p>", 415, 2004),
    "an address": ({"content-type": "application/x-www-form-urlencoded"}, b"file=a", 415, 2004),
    "nothing": (BARE, b"", 422, 2001),
    "a form of nothing": (FORM, form(), 422, 2001),
    "an empty file": (FORM, form(("file", "a.tar", b"")), 422, 2001),
    "another field": (FORM, form(("package", "a.tar", b"x")), 422, 2001),
    "two files": (FORM, form(("file", "a", b"x"), ("file", "b", b"y")), 422, 2001),
    "no boundary": ({"content-type": "multipart/form-data"}, b"x", 422, 2004),
    "a form cut off": (FORM, form(("file", "a.tar", b"x"), end=False), 422, 2004),
    "no form at all": (FORM, b"garbage", 422, 2004),
    "too many parts": (FORM, form(*[("x", "", b"y")] * 11), 422, 2004),
    "endless headers": (FORM, b"--b0undary\r\nX: " + b"y" * 10_000, 422, 2004),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_what_is_no_upload_is_refused_and_leaves_nothing(
    engines: Engines, client: httpx.AsyncClient, case: tuple[dict[str, str], bytes, int, int]
) -> None:
    headers, body, status, code = case
    signed_in = await exports.headers_of(engines, await exports.person(engines.database))
    before = await stored_keys(engines)
    answer = await client.post(IMPORTS, content=body, headers={**signed_in, **headers})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await stored_keys(engines) == before


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?instructor=nobody@people.test", 403),
        ("?instructor=" + "a" * 400, 422),
        ("?fileName=" + "a" * 300, 422),
        ("?unknown=1", 422),
        ("?instructor=a&instructor=b", 422),
    ],
)
async def test_a_wrong_query(
    engines: Engines, client: httpx.AsyncClient, query: str, status: int
) -> None:
    headers = await exports.headers_of(engines, await exports.person(engines.database))
    answer = await client.post(f"{IMPORTS}{query}", content=b"x", headers={**headers, **BARE})
    assert answer.status_code == status, answer.text


async def test_a_body_that_says_it_is_too_large_is_not_read(
    engines: Engines, client: httpx.AsyncClient
) -> None:
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 1000

    signed_in = await exports.headers_of(engines, await exports.person(engines.database))
    for kind in (BARE, FORM):
        size = {"content-length": str(http.LARGEST + 1)}
        answer = await client.post(IMPORTS, content=pieces(), headers={**signed_in, **kind, **size})
        assert (answer.status_code, read) == (413, 0)
        assert answer.json()["limit"] == http.LARGEST


async def test_a_body_that_does_not_say_it_is_too_large_is_read_to_the_limit(
    engines: Engines, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST", 10_000)
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        yield form(("file", "a.tar", b""), end=False).removesuffix(b"\r\n")
        for _ in range(1000):
            read += 1
            yield b"x" * 1000

    signed_in = await exports.headers_of(engines, await exports.person(engines.database))
    before = await stored_keys(engines)
    for kind in (BARE, FORM):
        read = 0
        answer = await client.post(IMPORTS, content=pieces(), headers={**signed_in, **kind})
        assert answer.status_code == 413, answer.text
        assert read <= 11
    assert await stored_keys(engines) == before


async def test_an_upload_that_breaks_off_leaves_nothing(engines: Engines, app: Edge) -> None:
    signed_in = await exports.headers_of(engines, await exports.person(engines.database))
    before = await stored_keys(engines)
    headers = [(name.encode(), value.encode()) for name, value in {**signed_in, **BARE}.items()]
    scope = {
        "type": "http", "method": "POST", "path": IMPORTS, "raw_path": IMPORTS.encode(),
        "query_string": b"", "headers": headers, "client": ("192.0.2.1", 1), "scheme": "http",
        "server": ("academy.test", 80), "http_version": "1.1", "root_path": "",
        "asgi": {"version": "3.0"},
    }  # fmt: skip
    messages = iter(
        [{"type": "http.request", "body": b"x" * 1000, "more_body": True}]
        + [{"type": "http.disconnect"}] * 10
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 422
    assert await stored_keys(engines) == before


async def test_a_storage_that_is_away_is_said(
    engines: Engines, authenticator: users.Authenticator, tmp_path: Path
) -> None:
    storage = open_storage((tmp_path / "files").as_uri(), LinkSigner(b"k" * 32))
    shutil.rmtree(tmp_path / "files")
    (tmp_path / "files").write_text("no folder")
    other = msgspec.structs.replace(engines, storage=storage)
    transport = httpx.ASGITransport(
        cast(Any, web.build(other, Doorkeeper(probes(other)), authenticator))
    )
    headers = await exports.headers_of(engines, await exports.person(engines.database))
    async with httpx.AsyncClient(transport=transport, base_url="http://academy.test") as client:
        answer = await client.post(IMPORTS, content=b"x", headers={**headers, **BARE})
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


async def test_who_may_import(engines: Engines, client: httpx.AsyncClient) -> None:
    package = exports.export(exports.unique_run())
    anonymous = await client.post(IMPORTS, content=package, headers=BARE)
    assert anonymous.status_code == 401
    student = await exports.headers_of(engines, await exports.person(engines.database, "student"))
    before = await stored_keys(engines)
    refused = await client.post(IMPORTS, content=package, headers={**student, **BARE})
    assert (refused.status_code, refused.json()["code"]) == (403, 1005)
    assert refused.json()["permission"] == "packages:import"
    assert await stored_keys(engines) == before
    for role in ("instructor", "manager", "admin"):
        headers = await exports.headers_of(engines, await exports.person(engines.database, role))
        await exports.upload(client, headers, package)


async def test_who_may_import_for_another(engines: Engines, client: httpx.AsyncClient) -> None:
    owner = await exports.person(engines.database)
    account = await users.find_person(engines.database.reader(), owner.require_user())
    assert account is not None
    query = f"?instructor={account.email.replace('@', '%40')}"
    package = exports.export(exports.unique_run())
    colleague = await exports.headers_of(engines, await exports.person(engines.database))
    refused = await client.post(f"{IMPORTS}{query}", content=package, headers={**colleague, **BARE})
    assert (refused.status_code, refused.json()["permission"]) == (
        403, "packages:import-for-others",
    )  # fmt: skip
    manager = await exports.headers_of(engines, await exports.person(engines.database, "manager"))
    made = await exports.upload(client, manager, package, query)
    await exports.run_job(engines, made["jobId"])
    himself = await exports.headers_of(engines, owner)
    shown = [
        (await client.get(f"{IMPORTS}/{made['id']}", headers=headers)).json()["data"]["report"]
        for headers in (manager, himself)
    ]
    assert shown[0] == shown[1]
    course = await client.get(shown[0]["location"], headers=himself)
    assert course.json()["data"]["viewer"]["role"] == "owner"
    nobody = await client.post(
        f"{IMPORTS}?instructor=nobody@people.test", content=package, headers={**manager, **BARE}
    )
    assert (nobody.status_code, nobody.json()["code"]) == (422, 6302)
    assert nobody.json()["errors"][0]["pointer"] == "/query/instructor"


async def test_who_may_see_an_import(engines: Engines, client: httpx.AsyncClient) -> None:
    owner = await exports.headers_of(engines, await exports.person(engines.database))
    made = await exports.upload(client, owner, exports.export(exports.unique_run()))
    address = f"{IMPORTS}/{made['id']}"
    assert (await client.get(address)).status_code == 401
    for role, status in (("student", 404), ("instructor", 404), ("manager", 200)):
        headers = await exports.headers_of(engines, await exports.person(engines.database, role))
        answer = await client.get(address, headers=headers)
        assert answer.status_code == status, role
        if status == 404:
            missing = await client.get(f"{IMPORTS}/{ids.new_id()}", headers=headers)
            alike = [
                {k: v for k, v in each.json().items() if k not in {"instance", "requestId"}}
                for each in (answer, missing)
            ]
            assert alike[0] == alike[1]
    assert (await client.get(f"{IMPORTS}/1", headers=owner)).status_code in {404, 422}


async def test_an_idempotency_key_is_not_needed(
    engines: Engines, client: httpx.AsyncClient
) -> None:
    """The same package again is the same course, whatever the key says."""
    headers = await exports.headers_of(engines, await exports.person(engines.database))
    headers["idempotency-key"] = "once"
    package = exports.export(exports.unique_run())
    first = await exports.import_over_http(engines, client, headers, package)
    again = await exports.import_over_http(engines, client, headers, package)
    assert (first["courseId"], again["isNew"]) == (again["courseId"], False)
