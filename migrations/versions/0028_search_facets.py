"""What a search with facets reads of a course, narrow and beside its words."""

from alembic import op

revision = "0028_search_facets"
down_revision = "0027_acting_as"
branch_labels = None
depends_on = None

# The document goes out of the row, so that counting thousands of matches reads few pages; a counter
# that changes makes a small new version of the row, and touches no index.
TABLE = """
ALTER TABLE courses.catalogue_search
    -- The words of title, subtitle and tags, by which matches are ranked.
    ADD COLUMN heading tsvector NOT NULL DEFAULT '',
    ADD COLUMN category_id uuid,
    ADD COLUMN difficulty text NOT NULL DEFAULT '',
    ADD COLUMN language text NOT NULL DEFAULT '',
    ADD COLUMN price_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN rating_average numeric(3, 2) NOT NULL DEFAULT 0,
    ADD COLUMN enrolment_count integer NOT NULL DEFAULT 0,
    ADD COLUMN published_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE courses.catalogue_search ALTER COLUMN heading SET STORAGE MAIN;
ALTER TABLE courses.catalogue_search SET (toast_tuple_target = 128, fillfactor = 80);

CREATE FUNCTION courses.course_heading(c courses.courses) RETURNS tsvector
    LANGUAGE sql STABLE AS $$
    SELECT setweight(to_tsvector('simple', c.title), 'A')
        || setweight(to_tsvector('simple', c.subtitle), 'B')
        || setweight(to_tsvector('simple', array_to_string(c.tags, ' ')), 'B')
$$;
"""

KEEP = """
CREATE OR REPLACE FUNCTION courses.keep_catalogue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT NEW.is_listed THEN
        DELETE FROM courses.catalogue WHERE course_id = NEW.id;
        RETURN NULL;
    END IF;
    INSERT INTO courses.catalogue (
        course_id, published_at, enrolment_count, rating_average, price_minor, category_id,
        difficulty, language, card)
    VALUES (
        NEW.id, NEW.published_at, NEW.enrolment_count, NEW.rating_average, NEW.price_minor,
        NEW.category_id, NEW.difficulty, NEW.language, courses.course_card(NEW))
    ON CONFLICT (course_id) DO UPDATE SET
        published_at = excluded.published_at, enrolment_count = excluded.enrolment_count,
        rating_average = excluded.rating_average, price_minor = excluded.price_minor,
        category_id = excluded.category_id, difficulty = excluded.difficulty,
        language = excluded.language, card = excluded.card;
    IF TG_OP = 'UPDATE' AND OLD.is_listed AND (OLD.title, OLD.subtitle, OLD.description, OLD.tags)
        IS NOT DISTINCT FROM (NEW.title, NEW.subtitle, NEW.description, NEW.tags)
    THEN
        UPDATE courses.catalogue_search SET
            category_id = NEW.category_id, difficulty = NEW.difficulty, language = NEW.language,
            price_minor = NEW.price_minor, rating_average = NEW.rating_average,
            enrolment_count = NEW.enrolment_count, published_at = NEW.published_at
        WHERE course_id = NEW.id;
        RETURN NULL;
    END IF;
    INSERT INTO courses.catalogue_search (course_id, document, heading, category_id, difficulty,
        language, price_minor, rating_average, enrolment_count, published_at)
    VALUES (NEW.id, courses.course_document(NEW), courses.course_heading(NEW), NEW.category_id,
        NEW.difficulty, NEW.language, NEW.price_minor, NEW.rating_average, NEW.enrolment_count,
        NEW.published_at)
    ON CONFLICT (course_id) DO UPDATE SET
        document = excluded.document, heading = excluded.heading,
        category_id = excluded.category_id, difficulty = excluded.difficulty,
        language = excluded.language, price_minor = excluded.price_minor,
        rating_average = excluded.rating_average, enrolment_count = excluded.enrolment_count,
        published_at = excluded.published_at;
    RETURN NULL;
END
$$;
"""

FILL = """
UPDATE courses.catalogue_search s SET
    document = courses.course_document(c), heading = courses.course_heading(c),
    category_id = c.category_id, difficulty = c.difficulty, language = c.language,
    price_minor = c.price_minor, rating_average = c.rating_average,
    enrolment_count = c.enrolment_count, published_at = c.published_at
FROM courses.courses c WHERE c.id = s.course_id AND c.published_at IS NOT NULL;
"""

KEEP_AS_BEFORE = """
CREATE OR REPLACE FUNCTION courses.keep_catalogue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT NEW.is_listed THEN
        DELETE FROM courses.catalogue WHERE course_id = NEW.id;
        RETURN NULL;
    END IF;
    INSERT INTO courses.catalogue (
        course_id, published_at, enrolment_count, rating_average, price_minor, category_id,
        difficulty, language, card)
    VALUES (
        NEW.id, NEW.published_at, NEW.enrolment_count, NEW.rating_average, NEW.price_minor,
        NEW.category_id, NEW.difficulty, NEW.language, courses.course_card(NEW))
    ON CONFLICT (course_id) DO UPDATE SET
        published_at = excluded.published_at, enrolment_count = excluded.enrolment_count,
        rating_average = excluded.rating_average, price_minor = excluded.price_minor,
        category_id = excluded.category_id, difficulty = excluded.difficulty,
        language = excluded.language, card = excluded.card;
    IF TG_OP = 'UPDATE' AND OLD.is_listed AND (OLD.title, OLD.subtitle, OLD.description, OLD.tags)
        IS NOT DISTINCT FROM (NEW.title, NEW.subtitle, NEW.description, NEW.tags)
    THEN
        RETURN NULL;
    END IF;
    INSERT INTO courses.catalogue_search (course_id, document)
    VALUES (NEW.id, courses.course_document(NEW))
    ON CONFLICT (course_id) DO UPDATE SET document = excluded.document;
    RETURN NULL;
END
$$;
"""

DOWNGRADE = """
DROP FUNCTION courses.course_heading;
ALTER TABLE courses.catalogue_search RESET (toast_tuple_target, fillfactor);
ALTER TABLE courses.catalogue_search DROP COLUMN heading, DROP COLUMN category_id,
    DROP COLUMN difficulty, DROP COLUMN language, DROP COLUMN price_minor,
    DROP COLUMN rating_average, DROP COLUMN enrolment_count, DROP COLUMN published_at;
"""


def upgrade() -> None:
    """Apply."""
    for statements in (TABLE, KEEP, FILL):
        op.execute(statements)


def downgrade() -> None:
    """Take back."""
    op.execute(KEEP_AS_BEFORE)
    op.execute(DOWNGRADE)
