"""The conventions that every route follows, shown on a few routes made for the purpose."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import brotli
import httpx
import msgspec
import pytest
import zstandard

from lyceum.app.http import build_app
from lyceum.platform import errors
from lyceum.platform.access import Actor, permission
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.ids import new_id
from lyceum.platform.paging import PageQuery
from lyceum.platform.routing import PUBLIC, SIGNED_IN, Routes
from lyceum.platform.statements import command, sql
from lyceum.platform.watch import Served
from lyceum.platform.wire import Answer, Content, Input, Output

USER = new_id()
SHELVE = permission("test-books:shelve", role="admin", description="Shelve books.")
_PUT = command("INSERT INTO platform.inbox (handler, event_id) VALUES ($1, gen_random_uuid())")
_COUNT = sql("SELECT count(*)::int FROM platform.inbox WHERE handler = $1", int)
routes = Routes("books")
served: list[Served] = []


class NewBook(Input, frozen=True, kw_only=True):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    pages: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    tags: tuple[str, ...] = ()


class Book(Output, frozen=True, kw_only=True):
    id: str
    page_count: int


class BookQuery(PageQuery, frozen=True, kw_only=True):
    author: str | None = None


class Shelved(errors.Conflict):
    code, title = 6999, "The book is on the shelf"


@routes.get("/books", access=PUBLIC, summary="List", returns=list[Book])
async def list_books(query: BookQuery) -> Answer[list[Book]]:
    book = Book(id=query.author or "x" * 2000, page_count=query.page)
    return Answer(data=[book], page=query.info(45), is_public=True)


@routes.get("/books/{book_id}", access=PUBLIC, summary="Get")
async def get_book(book_id: UUID) -> Answer[Book]:
    return Answer(data=Book(id=str(book_id), page_count=3), version=7)


@routes.post("/books", access=SIGNED_IN, summary="Add", status=201)
async def add_book(tx: Writer, data: NewBook) -> Answer[Book]:
    await tx.execute(_PUT, data.title)
    if data.pages == 666:
        raise Shelved("Already there.", shelf_number=3)
    if data.pages == 777:
        await asyncio.sleep(0.2)
    return Answer(data=Book(id="1", page_count=data.pages), location="/api/v1/books/1", version=1)


@routes.patch("/books/{book_id}", access=SHELVE, summary="Change", needs_if_match=True)
async def change_book(actor: Actor, book_id: UUID, if_match: int | None) -> Book:
    actor.require(SHELVE)
    return Book(id=str(book_id), page_count=if_match or 0)


@routes.delete("/books/{book_id}", access=SIGNED_IN, summary="Remove")
async def remove_book(book_id: UUID) -> None:
    if book_id.int == 1:
        raise ZeroDivisionError("secret detail")


@routes.get("/books/{name}.txt", access=PUBLIC, summary="Text", media_type="text/plain")
async def get_text(name: str) -> Content:
    return Content(name.encode(), "text/plain")


class _Door:
    cookie_name = "session"

    def peek(self, token: str, ip: str) -> Actor | None:
        return {
            "user": Actor(user_id=USER, roles=("student",)),
            "admin": Actor(user_id=USER, roles=("admin",), permissions=frozenset({SHELVE.name})),
        }.get(token)

    async def authenticate_signed(self, credentials: str, **parts: Any) -> Actor:
        raise errors.TokenInvalid

    async def authenticate(self, token: str, ip: str) -> Actor:
        raise errors.TokenExpired if token == "expired" else errors.TokenInvalid

    def peek_browser(self, cookie: str) -> Actor | None:
        return None

    async def authenticate_browser(self, cookie: str) -> Actor:
        raise errors.TokenInvalid

    def is_csrf_token(self, cookie: str, given: str) -> bool:
        return False


@pytest.fixture
async def books(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    served.clear()
    app: Any = build_app(engines, routes.all, authenticator=_Door(), watch=served.append)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as client:
        client.headers["accept-encoding"] = "identity"
        yield client


def _as(who: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {who}", **more}


async def test_a_list_has_an_envelope_links_and_meta(books: httpx.AsyncClient) -> None:
    response = await books.get("/books?page=2&perPage=20&author=ada")
    body = response.json()
    assert body["data"] == [{"id": "ada", "pageCount": 2}]
    assert {k: body["meta"][k] for k in ("page", "perPage", "total")} == {
        "page": 2, "perPage": 20, "total": 45,
    }  # fmt: skip
    assert body["meta"]["requestId"] == response.headers["x-request-id"]
    assert body["meta"]["timestamp"].endswith("Z")
    for relation in ("first", "last", "prev", "next"):
        assert f'rel="{relation}"' in response.headers["link"]
    assert "author=ada" in response.headers["link"]
    assert response.headers["cache-control"] == "public, no-cache"


async def test_every_response_has_the_security_headers(books: httpx.AsyncClient) -> None:
    for path in ("/books", "/nothing", "/books/1"):
        headers = (await books.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "max-age=31536000" in headers["strict-transport-security"]
        assert headers["referrer-policy"]
        assert "server" not in headers


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("page=0", "/query/page"), ("perPage=101", "/query/perPage"), ("page=x", "/query/page"),
        ("nope=1", "/query/nope"), ("page=1&page=2", "/query"), ("author=%00", "/query/author"),
        ("page=99999999999999999999", "/query/page"),
    ],
)  # fmt: skip
async def test_a_wrong_query_is_a_problem_with_a_pointer(
    books: httpx.AsyncClient, query: str, pointer: str
) -> None:
    response = await books.get(f"/books?{query}")
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "private, no-store"
    problem = response.json()
    assert problem["code"] == 2001
    assert problem["type"] == "/problems/validation-failed"
    assert problem["instance"] == "/api/v1/books"
    assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"title": "a", "title": "b"}', 2004), (b'{"title": "a", "admin": true}', 2001),
        (b'{"title": 5}', 2001), (b'{"title": "a", "pages": "5"}', 2001),
        (b'{"title": "a", "pages": true}', 2001), (b'{"title": "a", "pages": NaN}', 2004),
        (b'{"title": "a", "pages": 1e400}', 2001),
        (b'{"title": "a", "pages": 9223372036854775808}', 2001),
        (b'{"pages": 1}', 2003), (b'{"title": {"$ne": ""}}', 2001), (b'["title"]', 2001),
        (b'{"title": "a\\u0000b"}', 2004), (b'{"title": "\xff"}', 2004),
        (b"", 2004), (b"{", 2004), (b'{"title": "\\ud800"}', 2004), (b'{"title": ""}', 2001),
        (b'{"tags": ' + b"[" * 100_000, 2001),
    ],
)  # fmt: skip
async def test_a_wrong_body_is_refused(books: httpx.AsyncClient, body: bytes, code: int) -> None:
    headers = _as("user", **{"content-type": "application/json"})
    response = await books.post("/books", content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, code), response.text


async def test_a_wrong_type_or_size_of_body(books: httpx.AsyncClient) -> None:
    plain = await books.post(
        "/books", content=b'{"title": "a"}', headers=_as("user", **{"content-type": "text/plain"})
    )
    assert plain.status_code == 415
    large = await books.post("/books", json={"title": "x" * 2_000_000}, headers=_as("user"))
    assert large.status_code == 413


async def test_who_is_asking(books: httpx.AsyncClient) -> None:
    unknown = await books.post("/books", json={"title": "a"})
    assert (unknown.status_code, unknown.json()["code"]) == (401, 1001)
    assert unknown.headers["www-authenticate"] == "Bearer"
    expired = await books.post("/books", json={"title": "a"}, headers=_as("expired"))
    assert (expired.status_code, expired.json()["code"]) == (401, 1003)
    basic = await books.post("/books", json={}, headers={"authorization": "Basic eDp5"})
    assert (basic.status_code, basic.json()["code"]) == (401, 1004)
    # A public route that does not ask who it is does not care about a stale token.
    assert (await books.get("/books", headers=_as("expired"))).status_code == 200
    refused = await books.patch(f"/books/{USER}", headers=_as("user", **{"if-match": '"v1"'}))
    assert (refused.status_code, refused.json()["permission"]) == (403, SHELVE.name)


async def test_creation_says_where(books: httpx.AsyncClient) -> None:
    response = await books.post("/books", json={"title": "where"}, headers=_as("user"))
    assert response.status_code == 201
    assert response.headers["location"] == "/api/v1/books/1"
    assert response.headers["etag"] == '"v1"'


async def test_a_fact_rolls_back_and_keeps_its_data(
    books: httpx.AsyncClient, engines: Engines
) -> None:
    title = str(new_id())
    response = await books.post("/books", json={"title": title, "pages": 666}, headers=_as("user"))
    assert response.status_code == 409
    assert response.json()["code"] == 6999
    assert response.json()["shelfNumber"] == 3
    assert await engines.database.reader().one(_COUNT, title) == 0


async def test_etag_and_preconditions(books: httpx.AsyncClient) -> None:
    first = await books.get(f"/books/{USER}")
    assert first.headers["etag"] == '"v7"'
    again = await books.get(f"/books/{USER}", headers={"if-none-match": 'W/"v7", "x"'})
    assert (again.status_code, again.content) == (304, b"")
    missing = await books.patch(f"/books/{USER}", headers=_as("admin"))
    assert missing.status_code == 428
    nonsense = await books.patch(f"/books/{USER}", headers=_as("admin", **{"if-match": '"x"'}))
    assert nonsense.status_code == 412
    right = await books.patch(f"/books/{USER}", headers=_as("admin", **{"if-match": '"v3"'}))
    assert right.json()["data"]["pageCount"] == 3


async def test_unknown_addresses_and_methods(books: httpx.AsyncClient) -> None:
    assert (await books.get("/nothing")).json()["code"] == 3001
    assert (await books.get("/books/not-an-id")).status_code == 422
    wrong = await books.put("/books", json={})
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert (await books.options("/books")).status_code == 204
    assert (await books.get("/books/ada.txt")).text == "ada"
    assert (await books.get("/books?author=" + "x" * 9000)).status_code == 414


async def test_head_is_get_without_a_body(books: httpx.AsyncClient) -> None:
    got, head = await books.get("/books"), await books.head("/books")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_a_bug_says_nothing_about_itself(books: httpx.AsyncClient) -> None:
    response = await books.delete(f"/books/{UUID(int=1)}", headers=_as("user"))
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["requestId"] == response.headers["x-request-id"]
    assert served[-1].status == 500


async def test_a_request_id_is_taken_over_only_when_harmless(books: httpx.AsyncClient) -> None:
    good = await books.get("/books", headers={"x-request-id": "trace-12345678"})
    assert good.headers["x-request-id"] == "trace-12345678"
    bad = await books.get("/books", headers={"x-request-id": 'x"}\tx'})
    assert bad.headers["x-request-id"] != 'x"}\tx'


@pytest.mark.parametrize(
    ("coding", "decode"),
    [
        ("zstd", lambda b: zstandard.ZstdDecompressor().decompressobj().decompress(b)),
        ("br", brotli.decompress),
        ("gzip", gzip.decompress),
    ],
)
async def test_compression(engines: Engines, coding: str, decode: Any) -> None:
    app: Any = build_app(engines, routes.all, authenticator=_Door(), watch=None)
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
        client.stream(
            "GET", "/api/v1/books", headers={"accept-encoding": f"{coding}, x;q=0"}
        ) as response,
    ):
        raw = b"".join([part async for part in response.aiter_raw()])
    assert response.headers["content-encoding"] == coding
    assert "Accept-Encoding" in response.headers["vary"]
    assert msgspec.json.decode(decode(raw))["data"][0]["id"] == "x" * 2000


async def test_idempotency(books: httpx.AsyncClient, engines: Engines) -> None:
    title, key = str(new_id()), str(new_id())
    headers = _as("user", **{"idempotency-key": key})
    first = await books.post("/books", json={"title": title}, headers=headers)
    again = await books.post("/books", json={"title": title}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    other = await books.post("/books", json={"title": title + "x"}, headers=headers)
    assert other.status_code == 422
    assert await engines.database.reader().one(_COUNT, title) == 1
    # A refused request leaves the key free.
    key = str(new_id())
    headers = _as("user", **{"idempotency-key": key})
    body = {"title": title, "pages": 666}
    assert (await books.post("/books", json=body, headers=headers)).status_code == 409
    body["pages"] = 1
    assert (await books.post("/books", json=body, headers=headers)).status_code == 201
    long = await books.post(
        "/books", json=body, headers=_as("user", **{"idempotency-key": "x" * 256})
    )
    assert long.status_code == 422


async def test_idempotency_while_the_first_is_running(
    books: httpx.AsyncClient, engines: Engines
) -> None:
    title = str(new_id())
    headers = _as("user", **{"idempotency-key": title})
    body = {"title": title, "pages": 777}
    answers = await asyncio.gather(
        *(books.post("/books", json=body, headers=headers) for _ in range(8))
    )
    assert sorted(a.status_code for a in answers) == [201] + [409] * 7
    assert all("retry-after" in a.headers for a in answers if a.status_code == 409)
    assert await engines.database.reader().one(_COUNT, title) == 1


async def test_every_request_is_reported(books: httpx.AsyncClient) -> None:
    await books.get(f"/books/{USER}", headers=_as("user"))
    report = served[-1]
    assert report.route == "/api/v1/books/{book_id}"
    assert report.path == f"/api/v1/books/{USER}"
    assert (report.method, report.status, report.actor_id) == ("GET", 200, USER)
