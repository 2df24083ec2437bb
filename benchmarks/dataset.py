"""The data that every contender answers from, made by SQL on the migrated schema.

Ids follow a pattern, so that the load scripts can make them up: entity number n of kind k is
`00000000-0000-700k-8000-<n as 12 hex digits>`.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import msgspec

from lyceum.platform.access import system_actor
from lyceum.platform.database import Database
from lyceum.platform.settings import Settings
from lyceum.users.queries import accounts as user_queries
from lyceum.users.records import Device
from lyceum.users.service import sessions

PEER_SECRET = "the-secret-of-the-peers-tokens"  # noqa: S105 - of a benchmark on loopback
LECTURES = 20


class Scale(msgspec.Struct, frozen=True):
    """How much data; each user has three enrolments, whose first lectures are begun.

    `tokens` of them take part. `warm_up` are the seconds in which a contender sees each of those
    people and their courses once, which then is in the caches of those who have one.
    """

    users: int = 100_000
    courses: int = 2_000
    tokens: int = 2_000
    warm_up: int = 8

    @property
    def progress_rows(self) -> int:
        """How many lectures are begun."""
        return self.users * 3 * 3 + -(-self.users // 3) * 3


FULL = Scale()
QUICK = Scale(users=10_000, courses=2_000, tokens=500, warm_up=4)
TENFOLD = Scale(users=1_000_000, courses=20_000, tokens=2_000, warm_up=16)
_COPY = "benchmark"
# Between those who take part: prime to the numbers of users and courses, so that together they are
# enrolled in every course there is.
_APART = 7_919

_ID = "('00000000-0000-700{kind}-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


def _id(kind: int, number: str) -> str:
    return _ID.format(kind=kind, number=number)


def user_id(number: int) -> UUID:
    """Return the id of a user."""
    return UUID(f"00000000-0000-7000-8000-{number:012x}")


def _statements(scale: Scale) -> list[str]:
    users, courses = scale.users, scale.courses
    return [
        f"""INSERT INTO users.users (id, email, first_name, last_name, email_verified_at)
        SELECT {_id(0, "n")}, 'user' || n || '@bench.example', 'User', n::text, now()
        FROM generate_series(0, {users - 1}) n""",
        f"""INSERT INTO courses.categories (id, name, slug)
        SELECT {_id(6, "n")}, 'Category ' || n, 'category-' || n FROM generate_series(0, 19) n""",
        f"""INSERT INTO courses.courses (id, slug, title, subtitle, description, category_id,
            status, owner_id, chapter_count, lecture_count, duration_seconds, enrolment_count,
            rating_count, rating_sum, published_at)
        SELECT {_id(1, "n")}, 'course-' || n, 'Course number ' || n, 'A subtitle of the course',
            repeat('A sentence about the course. ', 20), {_id(6, "n % 20")}, 'published',
            {_id(0, "n % 100")}, 4, {LECTURES}, {LECTURES} * 300, {users} * 3 / {courses}, 10, 42,
            now() - n * interval '1 minute'
        FROM generate_series(0, {courses - 1}) n""",
        f"""INSERT INTO courses.course_instructors (course_id, user_id, role)
        SELECT {_id(1, "n")}, {_id(0, "n % 100")}, 'owner'
        FROM generate_series(0, {courses - 1}) n""",
        f"""INSERT INTO courses.chapters (id, course_id, title, position)
        SELECT {_id(2, "n * 4 + h")}, {_id(1, "n")}, 'Chapter ' || h, (h + 1) * 1024
        FROM generate_series(0, {courses - 1}) n, generate_series(0, 3) h""",
        f"""INSERT INTO courses.lectures (id, course_id, chapter_id, title, type, content,
            duration_seconds, position)
        SELECT {_id(3, f"n * {LECTURES} + l")}, {_id(1, "n")}, {_id(2, "n * 4 + l / 5")},
            'Lecture ' || l, 'text', repeat('Something to read. ', 50), 300, (l % 5 + 1) * 1024
        FROM generate_series(0, {courses - 1}) n, generate_series(0, {LECTURES - 1}) l""",
        f"""INSERT INTO courses.enrolments (id, course_id, user_id, completed_lectures,
            progress_percent, last_lecture_id, last_activity_at)
        SELECT {_id(4, "u * 3 + j")}, {_id(1, f"(u * 7 + j * 613) % {courses}")}, {_id(0, "u")},
            1, 5, {_id(3, f"(u * 7 + j * 613) % {courses} * {LECTURES}")}, now()
        FROM generate_series(0, {users - 1}) u, generate_series(0, 2) j""",
    ]


def _progress(scale: Scale) -> str:
    """Return the statement that begins 3 or 4 lectures of each enrolment."""
    return f"""INSERT INTO courses.lecture_progress (enrolment_id, lecture_id, is_completed,
            completed_at, position_seconds, time_spent_seconds)
        SELECT {_id(4, "u * 3 + j")},
            {_id(3, f"(u * 7 + j * 613) % {scale.courses} * {LECTURES} + l")}, l = 0,
            CASE WHEN l = 0 THEN now() END, 60, 60
        FROM generate_series(0, {scale.users - 1}) u, generate_series(0, 2) j,
            generate_series(0, 3) l
        WHERE l < 3 OR u % 3 = 0"""


async def fill(dsn: str, scale: Scale) -> AsyncIterator[str]:
    """Fill an empty, migrated database, saying what comes next."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in _statements(scale):
            yield " ".join(statement.split()[:3])
            await connection.execute(statement)
        yield "INSERT INTO courses.lecture_progress"
        # The rows fit by the way that they are made; looking for what each of millions refers to
        # takes most of the time.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(_progress(scale))
        await connection.execute("RESET session_replication_role")
        # The peers list the table itself; Lyceum has a read model for that, and no such index.
        await connection.execute(
            "CREATE INDEX bench_courses_new ON courses.courses (published_at DESC, id DESC)"
            " WHERE status = 'published' AND visibility = 'public' AND deleted_at IS NULL"
        )
        yield "VACUUM ANALYZE"
        await connection.execute("VACUUM (FREEZE, ANALYZE)")
    finally:
        await connection.close()


async def copy(dsn: str) -> str:
    """Make the copy that a contender works on anew, and return its address: what one has written,
    no other meets."""
    parts = urlsplit(dsn)
    connection = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {_COPY} WITH (FORCE)")
        filled = parts.path.removeprefix("/")
        await connection.execute(f"CREATE DATABASE {_COPY} TEMPLATE {filled} STRATEGY FILE_COPY")
    finally:
        await connection.close()
    return urlunsplit(parts._replace(path=f"/{_COPY}"))


async def write_tokens(dsn: str, settings: Settings, scale: Scale, folder: Path) -> None:
    """Write `tokens.lua`: for every user that takes part their number, our token and the peers'."""
    database = Database(dsn)
    actor = system_actor("benchmark")
    lines = ["return {"]
    expires = int(time.time()) + 86_400
    async with database.transaction() as tx:
        for taken in range(scale.tokens):
            number = taken * _APART % scale.users
            account = await tx.one(user_queries.FIND_ACCOUNT, user_id(number))
            device = Device(ip="127.0.0.1", user_agent="bench")
            opened = await sessions.open_session(tx, actor, settings, account, device)
            peer = _hs256({"sub": str(account.id), "exp": expires})
            lines.append(f'  {{{number}, "{opened.access_token}", "{peer}"}},')
    await database.close()
    lines.append("}")
    await asyncio.to_thread((folder / "tokens.lua").write_text, "\n".join(lines))


def _hs256(claims: dict[str, object]) -> str:
    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = part(json.dumps(claims).encode())
    signature = hmac.digest(PEER_SECRET.encode(), f"{head}.{body}".encode(), hashlib.sha256)
    return f"{head}.{body}.{part(signature)}"
