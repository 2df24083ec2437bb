"""Builds the web application: Litestar's router behind the edge, one endpoint for each route."""

import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec
from litestar import Litestar, Request
from litestar import Response as LitestarResponse
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from lyceum.platform import errors, wire
from lyceum.platform.edge import Edge
from lyceum.platform.engines import Engines
from lyceum.platform.http import Endpoint, RequestInfo, Response, problem
from lyceum.platform.identification import Authenticator
from lyceum.platform.record_reads import Witness
from lyceum.platform.routing import Route
from lyceum.platform.watch import Watch

METHODS: list[Any] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# The edge sends what the endpoint answered; of the router's own answer nothing is sent.
_UNSENT = LitestarResponse(content=None, status_code=204)
_PARAMETER = re.compile(r"{(\w+)}")


class Router(msgspec.Struct, frozen=True):
    """What finds the endpoint of a request: `hot` before the edge asks `inner`."""

    inner: Litestar
    hot: list[Endpoint]


def build_app(
    engines: Engines,
    routes: Sequence[Route],
    *,
    authenticator: Authenticator,
    watch: Watch | None,
    witness: Witness | None = None,
) -> Edge:
    """Return the ASGI application that answers `routes`."""
    router = make_router(engines, routes)
    return Edge(
        router.inner,
        router.hot,
        engines,
        authenticator=authenticator,
        watch=watch,
        witness=witness,
    )


def make_router(engines: Engines, routes: Sequence[Route]) -> Router:
    """Return the router of `routes`, which knows nothing of requests."""
    endpoints = [Endpoint(route, engines) for route in routes]
    by_shape: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_shape.setdefault(_shape(endpoint.route.path), []).append(endpoint)
    inner = Litestar(
        route_handlers=[_handler(shape, group) for shape, group in by_shape.items()],
        openapi_config=None,
        exception_handlers={HTTPException: _router_problem},
        logging_config=None,
    )
    hot = [endpoint for endpoint in endpoints if endpoint.route.is_hot]
    return Router(inner, hot)


def _shape(path: str) -> str:
    """Return the path as the router wants it, equal for all routes that it cannot tell apart."""
    parts = path.split("/")
    return "/".join(
        f"{{p{index}:str}}" if "{" in part else part for index, part in enumerate(parts)
    )


def _pattern(path: str) -> re.Pattern[str]:
    literal = [re.escape(part) for part in _PARAMETER.split(path)[::2]]
    return re.compile("([^/]+)".join(literal))


def _handler(shape: str, group: list[Endpoint]) -> HTTPRouteHandler:
    # The path with more literal text is tried first: `{code}.pdf` before `{code}`.
    group.sort(key=lambda e: -len(_PARAMETER.sub("", e.route.path)))
    patterns = [(_pattern(e.route.path), e) for e in group]
    allowed = {e.route.method for e in group}
    if "GET" in allowed:
        allowed |= {"HEAD"}
    allow = ", ".join(sorted(allowed | {"OPTIONS"}))

    async def answer(request: Request[Any, Any, Any]) -> LitestarResponse[None]:
        info: RequestInfo = cast(Any, request.scope)["lyceum.request"]
        try:
            info.response = await _respond(info, patterns, allow)
        except Exception as failure:  # noqa: BLE001 - the edge answers it, not the router
            info.failure = failure
        return _UNSENT

    return HTTPRouteHandler(shape, http_method=METHODS)(answer)


async def _respond(
    request: RequestInfo, patterns: list[tuple[re.Pattern[str], Endpoint]], allow: str
) -> Response:
    method: str = request.scope["method"]
    if method == "HEAD":
        method = "GET"
    if method == "OPTIONS":
        return Response(204, [(b"allow", allow.encode())], b"")
    is_known = False
    for pattern, endpoint in patterns:
        found = pattern.fullmatch(request.path.rstrip("/") or "/")
        is_known = is_known or found is not None
        if found is not None and endpoint.route.method == method:
            request.path_values = found.groups()
            return await endpoint.respond(request)
    fact: errors.Fact = errors.NotFound()
    if is_known:
        fact = errors.MethodNotAllowed(f"Allowed: {allow}.", headers=(("allow", allow),))
    return problem(fact, request)


def _router_problem(request: Request[Any, Any, Any], problem_: HTTPException) -> Any:
    """Answer what the router itself refuses, which is an unknown address."""
    fact: errors.Fact = errors.NotFound()
    if problem_.status_code == 405:
        fact = errors.MethodNotAllowed()
    info: RequestInfo = cast(Any, request.scope)["lyceum.request"]
    body = wire.encode_problem(fact, info.path, info.request_id)
    return LitestarResponse(
        content=body, status_code=fact.status, media_type="application/problem+json"
    )
