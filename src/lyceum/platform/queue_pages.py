"""The queue dashboard in the browser: the page, its script and style, and what changes on it.

The page is for whoever has `queues:read`; others get a sign-in form or a refusal, without a figure.
Its buttons call the admin routes (`queue_routes`). Not here: the HTML (`queue_page`).
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from lyceum.platform import clock, errors, queue_admin, queue_page, queue_views, streaming
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader
from lyceum.platform.digests import content_etag
from lyceum.platform.engines import Engines
from lyceum.platform.queue_admin import MANAGE_QUEUES, READ_QUEUES
from lyceum.platform.queue_routes import WATCH_SECONDS
from lyceum.platform.routing import PUBLIC, Routes
from lyceum.platform.wire import Content

routes = Routes("platform", prefix="")
SHOWN: Final = 25
"""Jobs of one list on the page; the admin routes page through all."""
ASSETS: Final = Path(__file__).with_name("assets")
POLICY: Final = (
    "content-security-policy",
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
)


@routes.get(
    "/admin/queues",
    access=PUBLIC,
    summary="The queue dashboard",
    media_type="text/html",
    facts=(errors.Unauthorized, errors.Forbidden),
)
async def show_queues(tx: Reader, engines: Engines, actor: Actor) -> Content:
    """A page for people with `queues:read`, which keeps itself up to date. Whoever is not signed in
    gets a form (401), whoever may not see it is told so (403)."""
    academy = engines.settings.academy_name
    if actor.user_id is None:
        return _page(queue_page.render_sign_in(academy), 401)
    if not actor.may(READ_QUEUES):
        detail = f"This needs the permission {READ_QUEUES.name}."
        return _page(queue_page.render_refusal(academy, detail), 403)
    return _page(queue_page.render(academy, await _look(tx, actor)), 200)


@routes.get(
    "/admin/queues/live",
    access=READ_QUEUES,
    summary="What changes on the dashboard",
    media_type=streaming.EVENTS,
)
async def watch_page(engines: Engines, actor: Actor, query: streaming.WatchQuery) -> Content:
    """Server-sent events, each a section of the page as HTML under the section's name."""
    actor.require(READ_QUEUES)
    return streaming.events(_changes(engines, actor, query.seconds))


@routes.get(
    "/admin/queues/page.js",
    access=PUBLIC,
    summary="The dashboard's script",
    media_type="text/javascript",
)
async def get_queue_script() -> Content:
    """It holds nothing that is secret."""
    return _asset("queues.js", "text/javascript")


@routes.get(
    "/admin/queues/page.css", access=PUBLIC, summary="The dashboard's style", media_type="text/css"
)
async def get_queue_style() -> Content:
    """Light and dark, wide and narrow."""
    return _asset("queues.css", "text/css")


def _page(body: bytes, status: int) -> Content:
    return Content(body, "text/html; charset=utf-8", status=status, headers=(POLICY,))


def _asset(name: str, media_type: str) -> Content:
    body = (ASSETS / name).read_bytes()
    return Content(body, f"{media_type}; charset=utf-8", is_public=True, etag=content_etag(body))


async def _look(tx: Reader, actor: Actor) -> queue_page.Snapshot:
    schedules = await queue_admin.list_schedules(tx, actor)
    live = [
        job
        for state in ("running", "queued", "waiting")
        for job in await queue_admin.list_jobs(tx, actor, state, limit=SHOWN)
    ]
    return queue_page.Snapshot(
        overview=queue_views.view_overview(await queue_admin.get_overview(tx, actor)),
        failed=await queue_admin.list_jobs(tx, actor, "failed", limit=SHOWN),
        live=live[:SHOWN],
        schedules=[queue_views.view_schedule(row) for row in schedules],
        may_manage=actor.may(MANAGE_QUEUES),
    )


async def _changes(engines: Engines, actor: Actor, seconds: float) -> AsyncGenerator[bytes, None]:
    """Yield the sections that differ from what was sent before, every two seconds for so long."""
    until = clock.monotonic() + seconds
    sent: dict[str, str] = {}
    while True:
        try:
            present = queue_page.sections(await _look(engines.database.reader(), actor))
        except errors.Fact:
            yield b": not now\n\n"
        else:
            changed = {name: html for name, html in present.items() if sent.get(name) != html}
            told = [streaming.event(name, html.encode()) for name, html in changed.items()]
            yield b"".join(told) or b": nothing new\n\n"
            sent = present
        if clock.monotonic() + WATCH_SECONDS > until:
            return
        await asyncio.sleep(WATCH_SECONDS)
