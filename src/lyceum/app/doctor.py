"""`lyceum doctor`: looks at an installation and says what is wrong and how to mend it."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import asyncpg
import msgspec

from lyceum.platform import migrations
from lyceum.platform.embedded import EmbeddedUnavailable, borrow_embedded
from lyceum.platform.settings import DEVELOPMENT_SECRET, Settings

MEBIBYTE = 1024 * 1024
LEAST_FREE = 512 * MEBIBYTE
CONNECT_SECONDS = 3
DEFAULT_PORTS = {
    "redis": 6379,
    "rediss": 6379,
    "amqp": 5672,
    "amqps": 5671,
    "smtp": 25,
    "smtps": 465,
}


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; `remedy` is empty when there is nothing to do."""

    state: Literal["ok", "note", "wrong"]
    what: str
    finding: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything, whatever fails on the way."""
    looks: list[Callable[[Settings], Iterator[Finding]]] = [
        _python, _data_folder, _secret, _port, _database, _engines,
    ]  # fmt: skip
    return [finding for look in looks for finding in look(settings)]


def _python(_: Settings) -> Iterator[Finding]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("ok", "Python", found)


def _data_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.absolute()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        yield Finding(
            "wrong", "data folder", f"{existing} cannot be written",
            "Give this user the right to write it, or set LYCEUM_DATA_DIR.",
        )  # fmt: skip
        return
    free = shutil.disk_usage(existing).free
    said = f"{folder}, {free // MEBIBYTE} MiB free"
    if free < LEAST_FREE:
        yield Finding("wrong", "data folder", said, "Free at least 512 MiB on this disk.")
    else:
        yield Finding("ok", "data folder", said)


def _secret(settings: Settings) -> Iterator[Finding]:
    if settings.secret_key == DEVELOPMENT_SECRET:
        yield Finding(
            "note", "secret", "the development default",
            "Set LYCEUM_SECRET_KEY (32 characters or more) before anyone depends on this.",
        )  # fmt: skip
    else:
        yield Finding("ok", "secret", "set")


def _port(settings: Settings) -> Iterator[Finding]:
    with socket.socket() as probe:
        probe.settimeout(1)
        is_taken = probe.connect_ex(("127.0.0.1", settings.port)) == 0
    if is_taken:
        yield Finding(
            "note", "port", f"{settings.port} is in use, by a running Lyceum or something else",
            "To start a second one set LYCEUM_PORT.",
        )  # fmt: skip
    else:
        yield Finding("ok", "port", f"{settings.port} is free")


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        if settings.database_url:
            yield from asyncio.run(_look_at_database(settings.database_url))
        elif not (settings.data_dir / "postgres").exists():
            yield Finding("ok", "database", "embedded, made at the first start")
        else:
            with borrow_embedded(settings.data_dir) as dsn:
                yield from asyncio.run(_look_at_database(dsn))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, EmbeddedUnavailable) as problem:
        yield Finding(
            "wrong", "database", f"cannot be reached: {problem}",
            "Check DATABASE_URL, that the server runs, and that it lets this user in.",
        )  # fmt: skip


async def _look_at_database(dsn: str) -> list[Finding]:
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    try:
        number = int(await connection.fetchval("SHOW server_version_num"))
        name = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    findings = [Finding("ok", "database", f"PostgreSQL {name}")]
    if number < 150_000:
        findings = [
            Finding("wrong", "database", f"PostgreSQL {name}", "Use PostgreSQL 15 or newer.")
        ]
    current, head = await migrations.current_revision(dsn), migrations.head_revision()
    if current == head:
        findings.append(Finding("ok", "schema", head))
    else:
        findings.append(
            Finding("note", "schema", f"at {current or 'nothing'}, not {head}", "lyceum migrate")
        )
    return findings


def _engines(settings: Settings) -> Iterator[Finding]:
    for what, url, variable in (
        ("cache", settings.redis_for("cache"), "REDIS_URL or REDIS_CACHE_URL"),
        ("rate limits", settings.redis_for("limits"), "REDIS_URL or REDIS_LIMITS_URL"),
        ("jobs", settings.redis_for("jobs"), "REDIS_URL or REDIS_JOBS_URL"),
        ("events", settings.rabbitmq_url, "RABBITMQ_URL"),
        ("mail", settings.smtp_url, "SMTP_URL"),
    ):
        if url is None:
            yield Finding("ok", what, f"embedded ({variable} is not set)")
            continue
        parts = urlsplit(url)
        place = (parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0))
        try:
            socket.create_connection(place, timeout=CONNECT_SECONDS).close()
            yield Finding("ok", what, f"{place[0]}:{place[1]} answers")
        except OSError as problem:
            yield Finding(
                "wrong", what, f"{place[0]}:{place[1]} does not answer: {problem}",
                f"Check {variable} and that the server runs.",
            )  # fmt: skip
    location = settings.storage_location
    if location.startswith("file://"):
        folder = Path(urlsplit(location).path)
        yield Finding("ok", "files", f"the folder {folder}")
    else:
        yield Finding("ok", "files", urlsplit(location).scheme)
