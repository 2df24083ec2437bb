"""Wrong input of every kind on every route: a problem document with a code, never a 500."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from msgspec import inspect

from lyceum.app import services
from lyceum.platform.engines import Engines
from lyceum.platform.routing import PUBLIC, Route
from tests.app import samples
from tests.app.credentials import Credentials, make_service_key
from tests.users import factories

ROUTES = sorted(services.routes_of("all"), key=lambda route: (route.path, route.method))
JSON = {"content-type": "application/json", "if-match": "*"}
BROKEN = (
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": 1, "a": 1}', b'{"a": NaN}', b'{"a": 1e999}',
    b"[" * 50_000, b'{"a": "\\ud800"}', b'{"": {}}', b"\xef\xbb\xbf{}", b'"' + b"x" * 5000 + b'"',
)  # fmt: skip
ODD_SEGMENTS = (
    "%00", "..%2f..%2fetc", "%F0%9F%A6%89", "%ff", "-1", "0", "null", "{id}", "%27%3B--",
    "a" * 5000, "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "%0d%0aX-A:%20b", "9" * 400, "%E2%80%AE",
)  # fmt: skip


@pytest.fixture(scope="module")
async def auth(engines: Engines) -> Credentials:
    """A super admin; and where services knock, a service."""
    admin = await factories.store_user(engines.database, roles=("super_admin",))
    opened = await factories.open_session(engines.database, engines.settings, admin)
    return Credentials(f"Bearer {opened.access_token}", await make_service_key(engines))


def path_of(route: Route, segment: str | None = None) -> str:
    if segment is None:
        return route.path.format(**samples.nowhere(route))
    return route.path.format(**dict.fromkeys(route.path_names, segment))


def assert_refused(response: httpx.Response, what: object, *statuses: int) -> None:
    said = f"{what!r:.300}: {response.status_code} {response.text[:500]}"
    assert response.status_code in statuses, said
    assert response.headers["content-type"] == "application/problem+json", said
    problem = response.json()
    assert problem["status"] == response.status_code, said
    assert problem["code"] >= 1000, said
    assert problem["requestId"] == response.headers["x-request-id"], said


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.body_type is not None], ids=lambda r: r.operation_id
)
async def test_a_wrong_body(route: Route, client: httpx.AsyncClient, auth: Credentials) -> None:
    headers = JSON
    path = path_of(route)
    for what, body in samples.wrong(route.body_type):
        content = json.dumps(body).encode()
        response = await client.request(
            route.method, path, content=content, headers=headers, auth=auth
        )
        assert_refused(response, what, 422)
    for broken in BROKEN:
        response = await client.request(
            route.method, path, content=broken, headers=headers, auth=auth
        )
        assert_refused(response, broken, 422)


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.body_type is not None], ids=lambda r: r.operation_id
)
async def test_a_body_of_another_kind(
    route: Route, client: httpx.AsyncClient, auth: Credentials
) -> None:
    path, headers = path_of(route), {"if-match": "*"}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
        response = await client.request(
            route.method, path, content=b"{}", headers={**headers, "content-type": kind}, auth=auth
        )
        assert_refused(response, kind, 415)
    large = b'{"x": "' + b"x" * (route.max_body + 1) + b'"}'
    response = await client.request(
        route.method, path, content=large, headers={**headers, **JSON}, auth=auth
    )
    assert_refused(response, "too large", 413)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.path_names], ids=lambda r: r.operation_id)
async def test_an_odd_address(route: Route, client: httpx.AsyncClient, auth: Credentials) -> None:
    headers = JSON
    body: dict[str, Any] = {}
    if route.body_type is not None:
        body = {"json": samples.minimal(route.body_type)}
    for segment in ODD_SEGMENTS:
        path = path_of(route, segment)
        response = await client.request(route.method, path, headers=headers, auth=auth, **body)
        assert_refused(response, segment, 404, 405, 414, 422)


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.query_type is not None], ids=lambda r: r.operation_id
)
async def test_a_wrong_query(route: Route, client: httpx.AsyncClient, auth: Credentials) -> None:
    path = path_of(route)
    kind = inspect.type_info(route.query_type)
    assert isinstance(kind, inspect.StructType)
    names = [field.encode_name for field in kind.fields]
    for name in names:
        queries = [f"{name}={value}" for value in ODD_SEGMENTS]
        queries += [f"{name}=1&{name}=1", f"{name}[]=1", f"{name}", f"{name}=%ff%fe"]
        for query in queries:
            response = await client.request(route.method, f"{path}?{query}", auth=auth)
            assert response.status_code < 500, f"{query}: {response.text}"
            assert response.is_success or response.json()["code"], query
    for query in ("unknown=1", "a=1&" * 60, f"{names[0]}=%00", "=", "%00=1"):
        response = await client.request(route.method, f"{path}?{query}", auth=auth)
        assert_refused(response, query, 404 if route.path_names else 422, 422)


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.access is not PUBLIC], ids=lambda r: r.operation_id
)
async def test_wrong_credentials(route: Route, client: httpx.AsyncClient) -> None:
    wrong = (
        "Bearer",
        "Bearer ",
        "Bearer x.y.z",
        "Basic eDp5",
        "Bearer " + "a" * 5000,
        "ü",
        "Token x",
    )
    for given in wrong:
        headers = [*JSON.items(), ("authorization", given)]
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        response = await client.request(route.method, path_of(route), headers=raw)
        assert_refused(response, given, 401)
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if "if_match" in r.wants], ids=lambda r: r.operation_id
)
async def test_a_wrong_precondition(
    route: Route, client: httpx.AsyncClient, auth: Credentials
) -> None:
    for given in ("x", '"v1x"', '"v"', "v1, v2", '"' + "9" * 400 + '"', "ü", '"v-1"'):
        headers = {**JSON, "if-match": given}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        body = {} if route.body_type is None else {"json": samples.minimal(route.body_type)}
        response = await client.request(
            route.method, path_of(route), headers=raw, auth=auth, **body
        )
        assert_refused(response, given, 404, 412, 422)


async def test_addresses_that_nobody_has(client: httpx.AsyncClient) -> None:
    for path in ("/", "/api", "/api/v1", "/api/v1/", "/api/v2/courses", "//", "/../etc/passwd"):
        assert_refused(await client.get(path), path, 404)
    for segment in ODD_SEGMENTS:
        assert_refused(await client.get(f"/{segment}"), segment, 404)
        twice = f"/api/v1/{segment}/{quote(segment)}"
        assert_refused(await client.get(twice), segment, 404, 414)


async def test_methods_that_a_route_has_not(client: httpx.AsyncClient) -> None:
    for route in ROUTES:
        response = await client.request("TRACE", path_of(route))
        assert_refused(response, route.path, 405)
        assert route.method in response.headers["allow"], route.path
