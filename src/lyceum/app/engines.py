"""Makes and closes the engines of a process from its settings."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lyceum.platform import metrics, series
from lyceum.platform.cache import ByteCache, ProcessCache
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.limits import Limits
from lyceum.platform.links import LinkSigner
from lyceum.platform.listener import Listener
from lyceum.platform.loading import later
from lyceum.platform.mail import Mailer, SmtpMailer
from lyceum.platform.mailbox import MailboxMailer
from lyceum.platform.ratelimit import Limiter, ProcessLimiter
from lyceum.platform.settings import Settings
from lyceum.platform.storage import open_storage
from lyceum.users.adapters.sealing import derive_key

if TYPE_CHECKING:
    from lyceum.platform import cache_redis, ratelimit_redis
else:
    cache_redis = later("lyceum.platform.cache_redis")
    ratelimit_redis = later("lyceum.platform.ratelimit_redis")


@asynccontextmanager
async def open_engines(settings: Settings, dsn: str) -> AsyncIterator[Engines]:
    """Give the engines, connected, and close them at the end of the block."""
    database = Database(
        dsn,
        replica_dsn=settings.database_replica_url,
        connections=settings.database_connections,
    )
    await database.open()
    process_cache = ProcessCache(settings.cache_bytes)
    cache: ByteCache = process_cache
    limiter: Limiter = ProcessLimiter()
    closing = contextlib.AsyncExitStack()
    cache_url, limits_url = settings.redis_for("cache"), settings.redis_for("limits")
    if cache_url is not None:
        cache = await _open_cache(cache_url, process_cache, closing)
    if limits_url is not None:
        limiter = _open_limiter(limits_url, closing)
    listener = Listener(dsn)
    listener.on_invalidation(
        cache.on_remote_invalidation, away=process_cache.pause, back=process_cache.resume
    )
    database.invalidations = cache
    database.observe = metrics.statement_run
    metrics.watch_cache(cache)
    metrics.watch_database(database)
    await listener.start()
    try:
        yield Engines(
            settings=settings,
            database=database,
            cache=cache,
            storage=open_storage(
                settings.storage_location, LinkSigner(derive_key(settings.secret_key, "links"))
            ),
            mailer=open_mailer(settings),
            limits=Limits(limiter, settings) if settings.rate_limits == "on" else None,
            listener=listener,
        )
    finally:
        await listener.close()
        await closing.aclose()
        await database.close()


async def _open_cache(
    url: str, process_cache: ProcessCache, closing: contextlib.AsyncExitStack
) -> ByteCache:
    cache = cache_redis.RedisCache(url, process_cache)
    closing.push_async_callback(cache.close)
    await cache.start()
    return cache


def _open_limiter(url: str, closing: contextlib.AsyncExitStack) -> Limiter:
    limiter = ratelimit_redis.RedisLimiter(url)
    closing.push_async_callback(limiter.close)
    return limiter


@asynccontextmanager
async def shared_metrics(settings: Settings, role: str) -> AsyncIterator[None]:
    """Let every process of this installation tell what this one counted."""
    metrics.watch_process(role)
    metrics.REGISTRY.share(settings.data_dir / series.FOLDER, role)
    publishing = asyncio.create_task(metrics.REGISTRY.keep_publishing(), name="metrics")
    try:
        yield
    finally:
        publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publishing


def open_mailer(settings: Settings) -> Mailer:
    """Return what sends mail: SMTP, or the mailbox in the data folder."""
    if settings.smtp_url:
        return SmtpMailer(settings.smtp_url, settings.mail_from)
    return MailboxMailer(settings.data_dir / "mail", settings.mail_from)
