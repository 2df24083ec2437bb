"""Searching the catalogue with facets, and courses that are like another.

One statement finds, filters, counts and sorts: each row that matches the words is marked once with
the filters it passes; rows that are alike are counted together, once, and a facet sums those that
pass all filters but its own. It reads the catalogue alone, so nothing that is not listed is ever
counted. A second one shows the page.
"""

from typing import Final
from uuid import UUID

import msgspec

from lyceum.courses.queries.catalogue import ORDERS
from lyceum.platform.statements import Json, Query, sql


class Found(msgspec.Struct, frozen=True):
    """The courses of a page in order, how many match in all, and the counts of each facet."""

    course_ids: list[UUID]
    total: int
    facets: Json


class ShownMatch(msgspec.Struct, frozen=True):
    """A course of a page; what matched stands between the characters 2 and 3."""

    card: Json
    title: str
    text: str


# Parameters: offset, limit, category ids, difficulty, language, least rating, least price, highest
# price, instructor, and for a search its words; null filters nothing.
_SEARCH: Final = """
    WITH found AS MATERIALIZED (
        SELECT s.course_id, s.category_id, s.difficulty, s.language, s.price_minor = 0 AS is_free,
            s.rating_average::int4 AS stars, {key} AS sort_key,
            $3::uuid[] IS NULL OR s.category_id = ANY ($3) AS in_category,
            $4::text IS NULL OR s.difficulty = $4 AS in_difficulty,
            $5::text IS NULL OR s.language = $5 AS in_language,
            $6::float8 IS NULL OR s.rating_average >= $6 AS in_rating,
            ($7::int8 IS NULL OR s.price_minor >= $7)
                AND ($8::int8 IS NULL OR s.price_minor <= $8) AS in_price
        FROM {source}
        WHERE {condition}
          AND ($9::uuid IS NULL OR EXISTS (
              SELECT 1 FROM courses.course_instructors i
              WHERE i.course_id = s.course_id AND i.user_id = $9 AND i.role <> 'assistant'))
    ), alike AS MATERIALIZED (
        SELECT category_id, difficulty, language, is_free, stars, in_category, in_difficulty,
            in_language, in_rating, in_price, count(*) AS number
        FROM found
        WHERE in_category::int4 + in_difficulty::int4 + in_language::int4 + in_rating::int4
            + in_price::int4 >= 4
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    )
    SELECT
        ARRAY(
            SELECT course_id FROM found
            WHERE in_category AND in_difficulty AND in_language AND in_rating AND in_price
            ORDER BY sort_key {way}, course_id {way} OFFSET $1 LIMIT $2) AS course_ids,
        (SELECT coalesce(sum(number), 0)::int4 FROM alike
         WHERE in_category AND in_difficulty AND in_language AND in_rating AND in_price) AS total,
        json_build_object(
            'categories', (SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM (
                SELECT g.id, g.name, g.slug, c.number AS count
                FROM (
                    SELECT category_id, sum(number) AS number FROM alike
                    WHERE in_difficulty AND in_language AND in_rating AND in_price
                    GROUP BY category_id
                ) c JOIN courses.categories g ON g.id = c.category_id
                ORDER BY c.number DESC, g.name LIMIT 50) t),
            'difficulties', (SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM (
                SELECT difficulty AS value, sum(number) AS count FROM alike
                WHERE in_category AND in_language AND in_rating AND in_price
                GROUP BY difficulty ORDER BY 2 DESC, 1) t),
            'languages', (SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM (
                SELECT language AS value, sum(number) AS count FROM alike
                WHERE in_category AND in_difficulty AND in_rating AND in_price
                GROUP BY language ORDER BY 2 DESC, 1 LIMIT 50) t),
            'prices', (SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM (
                SELECT CASE WHEN is_free THEN 'free' ELSE 'paid' END AS value,
                    sum(number) AS count
                FROM alike WHERE in_category AND in_difficulty AND in_language AND in_rating
                GROUP BY is_free ORDER BY is_free DESC) t),
            'ratings', (SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM (
                SELECT stars::text AS value, sum(number) AS count
                FROM alike WHERE in_category AND in_difficulty AND in_language AND in_price
                GROUP BY stars ORDER BY stars DESC) t)
        ) AS facets
"""
_ALL: Final = ("courses.catalogue_search s", "true")
_WORDS: Final = (
    "courses.search_query($10) words, courses.catalogue_search s", "s.document @@ words",
)  # fmt: skip


def _search(found: tuple[str, str], key: str, way: str) -> Query[Found]:
    source, condition = found
    return sql(_SEARCH.format(source=source, condition=condition, key=key, way=way), Found)


BROWSE: Final = {
    order: _search(_ALL, f"s.{column}", way) for order, (column, way) in ORDERS.items()
}
SEARCH: Final = {
    order: _search(_WORDS, f"s.{column}", way) for order, (column, way) in ORDERS.items()
} | {"relevance": _search(_WORDS, "ts_rank(s.heading, words)", "DESC")}

# Parameters: course ids in order, the words (or null). Markup of descriptions is taken out; what
# is left of it is escaped by whoever shows it.
SHOW_MATCHES = sql(
    """
    SELECT k.card,
        CASE WHEN w.words IS NULL THEN '' ELSE ts_headline('simple', c.title, w.words,
            'HighlightAll=true, StartSel=' || chr(2) || ', StopSel=' || chr(3)) END AS title,
        CASE WHEN w.words IS NULL THEN '' ELSE ts_headline('simple',
            c.subtitle || ' ' || regexp_replace(left(c.description, 6000), '<[^>]*>', ' ', 'g'),
            w.words, 'MaxFragments=2, MinWords=8, MaxWords=24, FragmentDelimiter=" … ", StartSel='
                || chr(2) || ', StopSel=' || chr(3)) END AS text
    FROM unnest($1::uuid[]) WITH ORDINALITY u (id, place)
    JOIN courses.catalogue k ON k.course_id = u.id
    JOIN courses.courses c ON c.id = u.id
    CROSS JOIN (SELECT courses.search_query($2) AS words) w
    ORDER BY u.place
    """,
    ShownMatch,
)

# Listed courses that are like one: what they share counts, tags most, then the category; of those
# alike the more popular first. Parameters: course id, limit.
LIST_SIMILAR = sql(
    """
    WITH this AS (
        SELECT id, tags, category_id, difficulty, language FROM courses.courses WHERE id = $1
    )
    SELECT coalesce(json_agg(t.card), '[]') FROM (
        SELECT k.card FROM this
        JOIN courses.catalogue k ON k.course_id <> this.id
        JOIN courses.courses c ON c.id = k.course_id
        WHERE k.category_id = this.category_id OR c.tags && this.tags
        ORDER BY
            3 * (SELECT count(*) FROM unnest(c.tags) tag WHERE tag = ANY (this.tags))
                + coalesce((k.category_id = this.category_id)::int4 * 2, 0)
                + (k.language = this.language)::int4 + (k.difficulty = this.difficulty)::int4 DESC,
            k.enrolment_count DESC, k.course_id DESC
        LIMIT $2
    ) t
    """,
    Json,
)
