"""The HTTP door of some routes, in process, as another process would open it."""

from collections.abc import Sequence

import httpx

from lyceum.app.http import Router, make_router
from lyceum.platform.edge import Edge
from lyceum.platform.engines import Engines
from lyceum.platform.routing import Route
from lyceum.users.api import Authenticator

BASE = "http://academy.test"
MOST = 8
# The keys are of what the values keep alive; some tests have settings of their own.
_routers: dict[tuple[int, ...], tuple[Engines, list[Route], Router]] = {}


def open_door(
    engines: Engines, routes: Sequence[Route], address: str = "192.0.2.7"
) -> httpx.AsyncClient:
    """Return a client at `address` of a process that remembers nothing; its router, which has
    nothing to remember, is made once, because that takes longer than most tests."""
    key = (id(engines), *(id(route) for route in routes))
    if key not in _routers:
        if len(_routers) == MOST:
            del _routers[next(iter(_routers))]
        _routers[key] = engines, list(routes), make_router(engines, routes)
    router = _routers[key][2]
    authenticator = Authenticator(engines)
    door = Edge(router.inner, router.hot, engines, authenticator=authenticator, watch=None)
    transport = httpx.ASGITransport(door, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url=BASE)
