"""Reading the catalogue and the detail of a course as JSON that PostgreSQL builds.

One statement for each order and shape of filter, made here from constants: a plan that has to serve
every filter at once would serve none. The newest first starts at a mark (see the migration), so a
deep page costs what the first one costs.
"""

from typing import Final
from uuid import UUID

from lyceum.courses.records import CataloguePage, PlacedPage, PlacedViewer, PublicCourse, Viewer
from lyceum.platform.database import Writer
from lyceum.platform.gathering import GatheredQuery
from lyceum.platform.statements import Json, Query, sql

LIST_TAG: Final = "courses:list"
CATEGORIES_TAG: Final = "courses:categories"


def course_tag(course_id: object) -> str:
    """Return the tag of everything that is cached of one course."""
    return f"courses:{course_id}"


def forget_course(tx: Writer, course_id: UUID) -> None:
    """Make every process forget the course, and the lists it may be in, when this commits."""
    tx.invalidate(LIST_TAG, course_tag(course_id))


ORDERS: Final = {
    "new": ("published_at", "DESC"),
    "popular": ("enrolment_count", "DESC"),
    "rating": ("rating_average", "DESC"),
    "price": ("price_minor", "ASC"),
    "-price": ("price_minor", "DESC"),
}

# Without a mark the page is among the first 20, or behind the end.
_NEWEST: Final = """
    SELECT coalesce(json_agg(page.card), '[]') AS items,
           (SELECT listed FROM courses.catalogue_size) AS total
    FROM (
        SELECT k.card FROM courses.catalogue k
        WHERE (k.published_at, k.course_id) < (
            coalesce(
                (SELECT m.published_at FROM courses.catalogue_marks m
                 WHERE m.number = {offset} / 20),
                CASE WHEN {offset} < 20 THEN 'infinity' ELSE '-infinity' END::timestamptz),
            coalesce(
                (SELECT m.course_id FROM courses.catalogue_marks m WHERE m.number = {offset} / 20),
                'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY k.published_at DESC, k.course_id DESC OFFSET {offset} % 20 LIMIT {limit}
    ) page
"""

# Parameters: offset, limit. The page's keys come from the index alone, then its cards.
_SORTED: Final = """
    SELECT coalesce(json_agg(k.card ORDER BY page.{column} {way}, page.course_id {way}), '[]')
               AS items,
           (SELECT listed FROM courses.catalogue_size) AS total
    FROM (
        SELECT course_id, {column} FROM courses.catalogue
        ORDER BY {column} {way}, course_id {way} OFFSET $1 LIMIT $2
    ) page JOIN courses.catalogue k ON k.course_id = page.course_id
"""

# Parameters: offset, limit, category ids, difficulty, language, least rating, least price, highest
# price, instructor, and for a search its words; null filters nothing.
_FILTERED: Final = """
    WITH matching AS MATERIALIZED (
        SELECT k.course_id, {key} AS sort_key
        FROM {source}
        WHERE {anchor}
          AND ($3::uuid[] IS NULL OR k.category_id = ANY ($3))
          AND ($4::text IS NULL OR k.difficulty = $4)
          AND ($5::text IS NULL OR k.language = $5)
          AND ($6::float8 IS NULL OR k.rating_average >= $6)
          AND ($7::int8 IS NULL OR k.price_minor >= $7)
          AND ($8::int8 IS NULL OR k.price_minor <= $8)
          AND ($9::uuid IS NULL OR EXISTS (
              SELECT 1 FROM courses.course_instructors i
              WHERE i.course_id = k.course_id AND i.user_id = $9 AND i.role <> 'assistant'))
    ), page AS (
        SELECT course_id, sort_key FROM matching
        ORDER BY sort_key {way}, course_id {way} OFFSET $1 LIMIT $2
    )
    SELECT coalesce(json_agg(k.card ORDER BY page.sort_key {way}, page.course_id {way}), '[]')
               AS items,
           (SELECT count(*)::int4 FROM matching) AS total
    FROM page JOIN courses.catalogue k ON k.course_id = page.course_id
"""

_CATALOGUE: Final = "courses.catalogue k"
_SEARCH: Final = """courses.search_query($10) words,
            courses.catalogue_search s JOIN courses.catalogue k ON k.course_id = s.course_id"""
# The shape says which filter the plan starts from: name, source of rows, condition.
_SHAPES: Final = (
    ("facets", _CATALOGUE, "true"),
    ("category", _CATALOGUE, "k.category_id = ANY ($3)"),
    (
        "instructor",
        _CATALOGUE,
        "k.course_id IN ("
        "SELECT t.course_id FROM courses.course_instructors t WHERE t.user_id = $9)",
    ),
    ("search", _SEARCH, "s.document @@ words"),
)


def _filtered(source: str, anchor: str, key: str, way: str) -> Query[CataloguePage]:
    text = _FILTERED.format(source=source, anchor=anchor, key=key, way=way)
    return sql(text, CataloguePage)


# Parameters: offset, limit.
LIST_SORTED: Final = {
    order: sql(_SORTED.format(column=column, way=way), CataloguePage)
    for order, (column, way) in ORDERS.items()
    if order != "new"
}

LIST_NEWEST = sql(_NEWEST.format(offset="$1", limit="$2"), CataloguePage)
LIST_NEWEST_TOGETHER = sql(
    f"""
    SELECT found.items, found.total, wanted.place
    FROM unnest($1::int4[], $2::int4[]) WITH ORDINALITY wanted (first, most, place)
    CROSS JOIN LATERAL ({_NEWEST.format(offset="wanted.first", limit="wanted.most")}) found
    """,  # noqa: S608 - constants of this module
    PlacedPage,
)
NEWEST: Final = GatheredQuery(LIST_NEWEST, LIST_NEWEST_TOGETHER)

LIST_FILTERED: Final = {
    (shape, order): _filtered(source, anchor, f"k.{column}", way)
    for shape, source, anchor in _SHAPES
    for order, (column, way) in ORDERS.items()
} | {
    ("search", "relevance"): _filtered(
        _SEARCH, "s.document @@ words", "ts_rank(s.document, words)", "DESC"
    )
}

LIST_POPULAR = sql(
    """
    SELECT coalesce(json_agg(page.card), '[]') AS items FROM (
        SELECT card FROM courses.catalogue
        ORDER BY enrolment_count DESC, course_id DESC LIMIT $1
    ) page
    """,
    Json,
)

# A category by id, slug or name in any case, and all below it.
LIST_CATEGORY_IDS = sql(
    """
    WITH RECURSIVE tree AS (
        SELECT id FROM courses.categories
        WHERE slug = lower($1) OR lower(name) = lower($1) OR id::text = lower($1)
        UNION
        SELECT c.id FROM courses.categories c JOIN tree ON c.parent_id = tree.id
    )
    SELECT id FROM tree
    """,
    UUID,
)

# What I teach, in whatever status; parameters: user id, offset, limit, status.
LIST_TAUGHT = sql(
    """
    WITH taught AS MATERIALIZED (
        SELECT c.id, c.created_at FROM courses.course_instructors i
        JOIN courses.courses c ON c.id = i.course_id
        WHERE i.user_id = $1 AND c.deleted_at IS NULL AND ($4::text IS NULL OR c.status = $4)
    ), page AS (
        SELECT id, created_at FROM taught ORDER BY created_at DESC, id DESC OFFSET $2 LIMIT $3
    )
    SELECT coalesce(json_agg(courses.course_card(c) ORDER BY page.created_at DESC, page.id DESC),
               '[]') AS items,
           (SELECT count(*)::int4 FROM taught) AS total
    FROM page JOIN courses.courses c ON c.id = page.id
    """,
    CataloguePage,
)

# The chapters of the course {course} with their lectures, in order, without content.
_OUTLINE: Final = """
    SELECT coalesce(json_agg(row_to_json(t)), '[]') AS outline FROM (
        SELECT h.id, h.title, h.version, coalesce((
            SELECT json_agg(row_to_json(u)) FROM (
                SELECT l.id, l.title, l.type, l.section, l.duration_seconds AS "durationSeconds",
                    l.is_preview AS "isPreview"
                FROM courses.lectures l
                WHERE l.chapter_id = h.id AND l.deleted_at IS NULL ORDER BY l.position, l.id
            ) u), '[]') AS lectures
        FROM courses.chapters h
        WHERE h.course_id = {course} AND h.deleted_at IS NULL ORDER BY h.position, h.id
    ) t
"""

FIND_OUTLINE = sql(_OUTLINE.format(course="$1"), Json)

FIND_PUBLIC_COURSE = sql(
    f"""
    SELECT c.id, c.slug, c.status, c.visibility, c.owner_id, c.deleted_at IS NOT NULL AS is_deleted,
        c.version, courses.course_card(c) AS card,
        (SELECT row_to_json(d) FROM (
            SELECT c.description, c.tags, c.objectives, c.estimated_minutes AS "estimatedMinutes",
                c.seats, c.has_certificate AS "hasCertificate",
                c.access_days AS "accessDays",
                c.completion_percent AS "completionPercent",
                courses.instant(c.enrolment_opens_at) AS "enrolmentOpensAt",
                courses.instant(c.enrolment_closes_at) AS "enrolmentClosesAt",
                courses.instant(c.starts_at) AS "startsAt", courses.instant(c.ends_at) AS "endsAt",
                c.rating_counts AS "ratingDistribution",
                coalesce((SELECT json_agg(row_to_json(q)) FROM (
                    SELECT r.id, r.slug, r.title
                    FROM courses.course_prerequisites p JOIN courses.courses r
                        ON r.id = p.required_id AND r.status IN ('published', 'archived')
                            AND r.visibility <> 'invited' AND r.deleted_at IS NULL
                    WHERE p.course_id = c.id ORDER BY p.position
                ) q), '[]') AS prerequisites,
                ({_OUTLINE.format(course="c.id")}) AS outline
        ) d) AS details,
        coalesce((
            SELECT json_object_agg(i.user_id, i.role) FROM courses.course_instructors i
            WHERE i.course_id = c.id), '{{}}') AS staff,
        ARRAY(
            SELECT l.id FROM courses.lectures l JOIN courses.chapters h ON h.id = l.chapter_id
            WHERE l.course_id = c.id AND l.deleted_at IS NULL AND h.deleted_at IS NULL
            ORDER BY h.position, h.id, l.position, l.id
        ) AS lecture_ids,
        c.starts_at,
        coalesce((
            SELECT json_agg(json_build_array(
                l.id, courses.instant(l.release_at), l.release_after_days, b.id)
                ORDER BY h.position, h.id, l.position, l.id)
            FROM courses.lectures l JOIN courses.chapters h ON h.id = l.chapter_id
            LEFT JOIN courses.lectures b ON b.id = l.release_after_id AND b.deleted_at IS NULL
            WHERE l.course_id = c.id AND l.deleted_at IS NULL AND NOT l.is_preview
                AND num_nonnulls(l.release_at, l.release_after_days, l.release_after_id) > 0
        ), '[]') AS gates
    FROM courses.courses c WHERE c.id = $1
    """,  # noqa: S608 - constants of this module
    PublicCourse,
)

# The caller's part of a detail: who is on the staff is in the public part, so that this has one
# table to start from (with outer joins it takes twice the time).
_VIEWER: Final = """
    SELECT e.id AS enrolment_id, e.status, e.progress_percent, e.enrolled_at, e.completed_at,
        e.last_lecture_id,
        ARRAY(
            SELECT p.lecture_id FROM courses.lecture_progress p
            WHERE p.enrolment_id = e.id AND p.is_completed
        ) AS completed,
        e.begins_at"""

# Parameters: course id, user id.
FIND_VIEWER = sql(
    f"{_VIEWER} FROM courses.enrolments e WHERE e.user_id = $2 AND e.course_id = $1", Viewer
)
FIND_VIEWERS = sql(
    f"""{_VIEWER}, wanted.place
    FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY wanted (course_id, user_id, place)
    JOIN courses.enrolments e ON e.user_id = wanted.user_id AND e.course_id = wanted.course_id
    """,
    PlacedViewer,
)
VIEWER: Final = GatheredQuery(FIND_VIEWER, FIND_VIEWERS)
