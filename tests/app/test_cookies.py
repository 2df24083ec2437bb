"""Every route takes the cookie of a browser, and changes nothing for a page of another site."""

import httpx
import pytest

from lyceum.app import services
from lyceum.platform.access import ANONYMOUS, Permission
from lyceum.platform.engines import Engines
from lyceum.platform.routing import IN_PERSON, PUBLIC, SIGNED_IN, Route
from lyceum.users.records import Device
from lyceum.users.service.browser_sessions import BrowserSignedIn, open_browser_session
from tests.app import samples
from tests.users import factories

STREAM = "text/event-stream"
ROUTES = sorted(
    (
        route
        for route in services.routes_of("all")
        if route.access in (IN_PERSON, SIGNED_IN)
        or isinstance(route.access, Permission)
        or (route.access is PUBLIC and "actor" in route.wants)
    ),
    key=lambda route: (route.path, route.method),
)


@pytest.fixture
async def opened(engines: Engines) -> BrowserSignedIn:
    admin = await factories.store_user(engines.database, roles=("super_admin",))
    async with engines.database.transaction() as tx:
        return await open_browser_session(tx, ANONYMOUS, engines.settings, admin, Device())


async def knock(
    client: httpx.AsyncClient, route: Route, opened: BrowserSignedIn, **more: str
) -> httpx.Response:
    path = route.path.format(**dict.fromkeys(route.path_names, samples.SOME_ID))
    headers = {"cookie": f"lyceum_session={opened.cookie}", "if-match": "*", **more}
    body: dict[str, str] | None = None if route.body_type is None else {}
    return await client.request(route.method, path, headers=headers, json=body)


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.media_type != STREAM], ids=lambda r: r.operation_id
)
async def test_a_cookie_opens_what_a_token_opens(
    route: Route, client: httpx.AsyncClient, opened: BrowserSignedIn
) -> None:
    if route.method != "GET":
        foreign = {"x-csrf-token": opened.csrf_token, "origin": "https://evil.example"}
        without: dict[str, str] = {}
        for more in (without, foreign):
            refused = await knock(client, route, opened, **more)
            assert refused.status_code == 403, refused.text
            assert refused.json()["type"] == "/problems/cross-site"
    let_in = await knock(client, route, opened, **{"x-csrf-token": opened.csrf_token})
    assert let_in.status_code not in (401, 500), let_in.text
    assert "/problems/cross-site" not in let_in.text
