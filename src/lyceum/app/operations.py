"""What operators and developers ask any process: health, readiness, metrics, the documents."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from lyceum.platform import asyncapi, errors, openapi, openapi_page, queue_metrics
from lyceum.platform.digests import content_etag
from lyceum.platform.engines import Engines
from lyceum.platform.health import Doorkeeper, Health, Probe, Readiness, health
from lyceum.platform.loading import later
from lyceum.platform.mailbox import MailboxMailer, MailMissing
from lyceum.platform.routing import PUBLIC, Route, Routes
from lyceum.platform.statements import sql
from lyceum.platform.wire import Answer, Content

if TYPE_CHECKING:
    from lyceum.platform import rabbitmq, redis_client
else:
    rabbitmq = later("lyceum.platform.rabbitmq")
    redis_client = later("lyceum.platform.redis_client")

_PING = sql("SELECT current_setting('server_version')", str)
PAGE_POLICY = (
    "content-security-policy",
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self';"
    " img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
)


def probes(engines: Engines) -> tuple[Probe, ...]:
    """Return how to look at each engine of this process."""

    async def database() -> str:
        version = await engines.database.reader().one(_PING)
        return f"PostgreSQL {version}"

    async def cache() -> str:
        if not engines.cache.healthy:
            raise ConnectionError
        return "Redis" if engines.settings.redis_for("cache") else "in process"

    async def limits() -> str:
        return await engines.limits.look() if engines.limits is not None else "off"

    async def jobs() -> str:
        url = engines.settings.redis_for("jobs")
        if url is None:
            return "PostgreSQL"
        async with redis_client.open_redis(url, max_connections=1) as client:
            await redis_client.ping(client)
        return "Redis"

    async def listener() -> str:
        if not engines.listener.is_connected:
            raise ConnectionError
        return "listening"

    async def broker() -> str:
        return f"RabbitMQ {await rabbitmq.ping(engines.settings.rabbitmq_url or '')}"

    # Without it events wait in the outbox: nothing that is asked of this process fails.
    optional = [Probe("events", False, broker)] if engines.settings.rabbitmq_url else []
    return (
        *optional,
        Probe("database", True, database),
        Probe("cache", False, cache),
        Probe("limits", False, limits),
        Probe("jobs", False, jobs),
        Probe("notifications", False, listener),
    )


def operation_routes(
    engines: Engines, doorkeeper: Doorkeeper, all_routes: Callable[[], Sequence[Route]]
) -> list[Route]:
    """Return the unversioned routes; `all_routes` is what the documents describe."""
    routes = Routes("operations", prefix="")
    _add_probes(routes, engines, doorkeeper)
    _add_documents(routes, engines, all_routes)
    if isinstance(engines.mailer, MailboxMailer) and not engines.settings.is_production:
        _add_mailbox(routes, engines.mailer)
    return routes.all


def _add_probes(routes: Routes, engines: Engines, doorkeeper: Doorkeeper) -> None:
    """Add what operators ask."""

    @routes.get("/health", access=PUBLIC, summary="Whether the process lives")
    async def get_health() -> Health:
        """Version, environment, uptime and memory of the process that answers."""
        return health(engines.settings.environment)

    @routes.get(
        "/ready",
        access=PUBLIC,
        summary="Whether requests should come here",
        facts=(errors.ServiceUnavailable,),
    )
    async def get_readiness() -> Answer[Readiness]:
        """Every dependency with its latency; 503 when one that is needed fails, and at shutdown.
        While one is away that can be done without it is `degraded`, which is 200."""
        found = await doorkeeper.readiness()
        return Answer(data=found, status=200 if found.status in ("ready", "degraded") else 503)

    @routes.get(
        "/metrics", access=PUBLIC, summary="Metrics for Prometheus", media_type="text/plain"
    )
    async def get_metrics() -> Content:
        """Counters and timings of this installation, in Prometheus' text format."""
        body = await queue_metrics.render(engines.database)
        return Content(body, "text/plain; version=0.0.4; charset=utf-8")


def _add_documents(
    routes: Routes, engines: Engines, all_routes: Callable[[], Sequence[Route]]
) -> None:
    """Add the documents; each is made when it is first asked for."""
    settings = engines.settings

    @functools.cache
    def document() -> Content:
        found = openapi.build_document(
            all_routes(), title=settings.academy_name, server=settings.base_url
        )
        body = msgspec.json.encode(found)
        return Content(body, "application/json", is_public=True, etag=content_etag(body))

    @functools.cache
    def page() -> Content:
        body = openapi_page.render(document().body)
        return Content(
            body,
            "text/html; charset=utf-8",
            headers=(PAGE_POLICY,),
            is_public=True,
            etag=content_etag(body),
        )

    @routes.get("/openapi.json", access=PUBLIC, summary="This interface as OpenAPI 3.1")
    async def get_openapi() -> Content:
        """The document to generate clients from."""
        return document()

    @functools.cache
    def events_document() -> Content:
        found = asyncapi.build_document(
            title=settings.academy_name, prefix=settings.rabbitmq_prefix
        )
        body = msgspec.json.encode(found)
        return Content(body, "application/json", is_public=True, etag=content_etag(body))

    @routes.get("/asyncapi.json", access=PUBLIC, summary="Every event as AsyncAPI 3")
    async def get_asyncapi() -> Content:
        """The document of what is published to the exchange of events."""
        return events_document()

    @routes.get("/docs", access=PUBLIC, summary="This interface to read", media_type="text/html")
    async def get_docs() -> Content:
        """Every operation on one page."""
        return page()


def _add_mailbox(routes: Routes, mailbox: MailboxMailer) -> None:
    """Add the pages of the development mailbox."""

    @routes.get(
        "/dev/mail", access=PUBLIC, summary="The development mailbox", media_type="text/html"
    )
    async def list_development_mail() -> Content:
        """Mails that were sent while no SMTP server is configured, newest first."""
        body = openapi_page.render_mailbox(await mailbox.list_mails(200))
        return Content(body, "text/html; charset=utf-8", headers=(PAGE_POLICY,))

    @routes.get(
        "/dev/mail/{mail_id}",
        access=PUBLIC,
        summary="One development mail",
        media_type="text/plain",
    )
    async def read_development_mail(mail_id: str) -> Content:
        """The mail as it would have gone out."""
        try:
            source = await mailbox.read_raw(mail_id)
        except MailMissing as unknown:
            raise errors.NotFound from unknown
        return Content(source, "text/plain; charset=utf-8")
