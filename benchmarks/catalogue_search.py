"""How long the catalogue search takes over 20,000 courses, with facets and highlights.

    .venv/bin/python -m benchmarks.catalogue_search [--courses 20000] [--searches 300]

A database of its own on the embedded PostgreSQL; every search is another one, so that no cache
answers. Prints the median and the 95th percentile of each kind of search, in milliseconds.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path

import asyncpg

from lyceum.courses.schemas.catalogue import CatalogueQuery
from lyceum.courses.service import search
from lyceum.platform import migrations
from lyceum.platform.access import ANONYMOUS
from lyceum.platform.cache import ProcessCache
from lyceum.platform.database import Database
from lyceum.platform.embedded import start_embedded

WORDS = """
python data science painting history of the sea music theory garden chemistry statistics design
writing law finance marketing robots physics biology language travel cooking yoga astronomy logic
poetry film energy climate health sleep memory children school teaching
""".split()  # noqa: SIM905 - a list of words reads best as words


def rare_word(number: int) -> str:
    """Return a word that about twenty courses have."""
    return f"topic{number:04}"


FILL = """
INSERT INTO courses.courses (id, slug, title, subtitle, description, category_id, tags, difficulty,
    language, price_minor, status, owner_id, enrolment_count, rating_count, rating_sum,
    published_at)
SELECT gen_random_uuid(), 'course-' || n,
    ($2::text[])[1 + n % 37] || ' and ' || ($2::text[])[1 + n / 7 % 37] || ' '
        || lpad((n % 1000)::text, 4, '0'),
    'With ' || ($2::text[])[1 + n / 3 % 37] || ' for ' || ($2::text[])[1 + n / 11 % 37],
    '<p>' || (
        SELECT string_agg('word' || (3000 * (hashint8(n * 1000 + m) & 65535)::float8 ^ 3
            / 65535.0 ^ 3)::int, ' ')
        FROM generate_series(1, 150) m)
        || ' topic' || lpad((n % 1000)::text, 4, '0') || '</p>',
    (SELECT id FROM courses.categories WHERE position = n % 30),
    ARRAY[($2::text[])[1 + n % 37], ($2::text[])[1 + n / 5 % 37]],
    (ARRAY['beginner', 'intermediate', 'advanced'])[1 + n % 3],
    (ARRAY['en', 'de', 'fr', 'es'])[1 + n / 2 % 4], (n % 4) * 1000, 'published',
    ('00000000-0000-7000-8000-' || lpad(to_hex(n % 200), 12, '0'))::uuid, n % 500, 10, 10 + n % 41,
    now() - n * interval '1 minute'
FROM generate_series(0, $1::int - 1) n
"""


async def fill(dsn: str, courses: int) -> None:
    """Make the courses, their categories and 200 instructors."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "INSERT INTO users.users (id, email, first_name, last_name) SELECT"
        " ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,"
        " 'user' || n || '@bench.example', 'User', n::text FROM generate_series(0, 199) n"
    )
    await connection.execute(
        "INSERT INTO courses.categories (id, name, slug, position) SELECT gen_random_uuid(),"
        " 'Category ' || n, 'category-' || n, n FROM generate_series(0, 29) n"
    )
    await connection.execute(FILL, courses, WORDS)
    await connection.execute(
        "INSERT INTO courses.course_instructors (course_id, user_id, role)"
        " SELECT id, owner_id, 'owner' FROM courses.courses"
    )
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def queries(kind: str, count: int, luck: random.Random) -> list[CatalogueQuery]:
    """Return searches of one kind, each another one."""
    made = []
    for number in range(count):
        page = 1 + number % 5
        words = {
            "rare word": rare_word(luck.randrange(1000)),
            "two words": f"{luck.choice(WORDS)} {luck.choice(WORDS)}",
            "beginning of a word": luck.choice(WORDS)[:3],
            "filters": luck.choice(WORDS),
            "no words": None,
        }[kind]
        difficulty = "beginner" if kind == "filters" else None
        highest = 1000 + number if kind in ("filters", "no words") else None
        made.append(
            CatalogueQuery(search=words, difficulty=difficulty, max_price=highest, page=page)
        )
    return made


async def measure(dsn: str, courses: int, searches: int) -> None:
    """Fill, search, print."""
    started = time.perf_counter()
    await fill(dsn, courses)
    print(f"{courses} courses made in {time.perf_counter() - started:.0f} s")
    database = Database(dsn)
    await database.open()
    luck = random.Random(7)
    everything = []
    for kind in ("rare word", "two words", "beginning of a word", "filters", "no words"):
        taken = []
        for query in queries(kind, searches // 5, luck):
            started = time.perf_counter()
            cache = ProcessCache()
            await search.search_courses(database.reader(), ANONYMOUS, cache, query)
            taken.append((time.perf_counter() - started) * 1000)
        everything += taken
        show(kind, taken)
    show("all", everything)
    await database.close()


def show(kind: str, taken: list[float]) -> None:
    """Print one line."""
    p95 = statistics.quantiles(taken, n=20)[-1]
    print(f"{kind:22} p50 {statistics.median(taken):6.1f} ms   p95 {p95:6.1f} ms")


def main() -> None:
    """Run on an embedded PostgreSQL of its own, which is removed afterwards."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--courses", type=int, default=20_000)
    parser.add_argument("--searches", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lyceum-search-") as folder:
        server = start_embedded(Path(folder), durable=False)
        try:
            migrations.upgrade(server.dsn)
            asyncio.run(measure(server.dsn, options.courses, options.searches))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
