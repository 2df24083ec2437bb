"""One web process: uvicorn serving the application on a socket that the supervisor opened."""

import argparse
import asyncio
import contextlib
import gc
import logging
import socket
from collections.abc import AsyncIterator
from types import FrameType
from typing import Any, cast

import uvicorn
import uvloop

from lyceum.app import services
from lyceum.app.engines import open_engines, shared_metrics
from lyceum.app.http import build_app
from lyceum.app.operations import operation_routes, probes
from lyceum.app.watch import RequestWatch
from lyceum.audit.api import RequestLog
from lyceum.platform import logs
from lyceum.platform.access import Permission
from lyceum.platform.edge import Edge
from lyceum.platform.engines import Engines
from lyceum.platform.health import Doorkeeper
from lyceum.platform.processes import watch_lifeline
from lyceum.platform.protocol import ExpressProtocol
from lyceum.platform.routing import Route
from lyceum.platform.settings import Settings, load_settings
from lyceum.users import api as users

log = logging.getLogger("lyceum.web")
STOP_SECONDS = 30


class _Server(uvicorn.Server):
    """Says that it is not ready at once, and stops accepting after the drain delay."""

    def __init__(self, config: uvicorn.Config, doorkeeper: Doorkeeper, drain: float) -> None:
        super().__init__(config)
        self._doorkeeper = doorkeeper
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._doorkeeper.is_stopping = True
        loop = asyncio.get_event_loop()
        edge: Any = self.config.app
        loop.call_soon_threadsafe(edge.stopping.set)
        loop.call_soon_threadsafe(loop.call_later, self._drain, super().handle_exit, sig, frame)


def build(
    engines: Engines,
    doorkeeper: Doorkeeper,
    authenticator: users.Authenticator,
    requests: RequestLog | None = None,
) -> Edge:
    """Return the application with every route of the services that this process carries."""
    routes = services.routes_of(engines.settings.services)
    operations: list[Route] = []
    operations += operation_routes(engines, doorkeeper, lambda: [*routes, *operations])
    guarded = [(r.method, r.path) for r in routes if isinstance(r.access, Permission)]
    watch = RequestWatch(engines.settings, requests, guarded)
    return build_app(
        engines,
        [*routes, *operations],
        authenticator=authenticator,
        watch=watch,
        witness=watch.note_shown,
    )


async def run(settings: Settings, listening: socket.socket) -> None:
    """Serve until a signal."""
    async with open_engines(settings, str(settings.database_url)) as engines:
        doorkeeper = Doorkeeper(probes(engines))
        authenticator = users.Authenticator(engines)
        requests = RequestLog(engines.database, settings.data_dir)
        app = build(engines, doorkeeper, authenticator, requests)
        server = _Server(server_config(app), doorkeeper, settings.drain_seconds)
        # What there is now stays. Looking through all of it again, whenever a large request has
        # left many objects, would stop every other request for a tenth of a second.
        gc.collect()
        gc.freeze()
        # Nearly all that a request makes is free before the collector looks: let it look later.
        gc.set_threshold(10_000, 20, 50)
        async with shared_metrics(settings, "web"), _recording(requests):
            await server.serve(sockets=[listening])
            cast(RequestWatch, app.watch).flush()


@contextlib.asynccontextmanager
async def _recording(requests: RequestLog) -> AsyncIterator[None]:
    """Have what is refused and what is read recorded for the while, and what is left at the end."""
    task = asyncio.create_task(requests.run(), name="requests")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await requests.close()


def server_config(app: Any) -> uvicorn.Config:
    """Return how uvicorn runs the application."""
    return uvicorn.Config(
        app,
        http=ExpressProtocol,
        loop="uvloop",
        lifespan="off",
        server_header=False,
        date_header=True,
        proxy_headers=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=STOP_SECONDS,
        backlog=2048,
        h11_max_incomplete_event_size=64 * 1024,
    )


def main() -> None:
    """Run as a child of the supervisor."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    options = parser.parse_args()
    settings = load_settings()
    logs.configure(settings.log_level, settings.log_format)
    watch_lifeline(grace_seconds=STOP_SECONDS)
    listening = socket.socket(fileno=options.fd)
    listening.setblocking(False)
    uvloop.run(run(settings, listening))


if __name__ == "__main__":
    main()
