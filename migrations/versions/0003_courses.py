"""Courses: structure, enrolment, progress, certificates, reviews."""

from alembic import op

revision = "0003_courses"
down_revision = "0002_users"
branch_labels = None
depends_on = None

STRUCTURE = """
CREATE SCHEMA courses;

CREATE TABLE courses.categories (
    id uuid PRIMARY KEY,
    parent_id uuid REFERENCES courses.categories (id),
    name text NOT NULL CONSTRAINT categories_name CHECK (length(name) BETWEEN 2 AND 100),
    slug text NOT NULL CONSTRAINT categories_slug_unique UNIQUE,
    position integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- A name is taken once among the children of a category.
CREATE UNIQUE INDEX categories_name_unique ON courses.categories (parent_id, lower(name))
    NULLS NOT DISTINCT;
-- A category is looked up by its name in any case.
CREATE INDEX categories_name ON courses.categories (lower(name));
-- The foreign key, and the children of a category in order.
CREATE INDEX categories_parent_id ON courses.categories (parent_id, position);

CREATE TABLE courses.courses (
    id uuid PRIMARY KEY,
    slug text NOT NULL CONSTRAINT courses_slug_unique UNIQUE,
    title text NOT NULL CONSTRAINT courses_title CHECK (length(title) BETWEEN 5 AND 255),
    subtitle text NOT NULL DEFAULT '' CONSTRAINT courses_subtitle CHECK (length(subtitle) <= 255),
    description text NOT NULL DEFAULT '',
    category_id uuid REFERENCES courses.categories (id),
    tags text[] NOT NULL DEFAULT '{}',
    difficulty text NOT NULL DEFAULT 'beginner' CONSTRAINT courses_difficulty CHECK (
        difficulty IN ('beginner', 'intermediate', 'advanced')),
    language text NOT NULL DEFAULT 'en',
    estimated_minutes integer NOT NULL DEFAULT 0
        CONSTRAINT courses_estimated_minutes CHECK (estimated_minutes >= 0),
    price_minor bigint NOT NULL DEFAULT 0 CONSTRAINT courses_price CHECK (price_minor >= 0),
    currency text NOT NULL DEFAULT 'EUR'
        CONSTRAINT courses_currency CHECK (currency ~ '^[A-Z]{3}$'),
    thumbnail_url text,
    objectives text[] NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT courses_status CHECK (status IN ('draft', 'in_review', 'published', 'archived')),
    visibility text NOT NULL DEFAULT 'public'
        CONSTRAINT courses_visibility CHECK (visibility IN ('public', 'unlisted', 'invited')),
    owner_id uuid NOT NULL,
    seats integer CONSTRAINT courses_seats CHECK (seats > 0),
    seats_taken integer NOT NULL DEFAULT 0 CONSTRAINT courses_seats_taken CHECK (seats_taken >= 0),
    enrolment_opens_at timestamptz,
    enrolment_closes_at timestamptz,
    starts_at timestamptz,
    ends_at timestamptz,
    has_certificate boolean NOT NULL DEFAULT true,
    -- Where it was imported from: a second import of the same course updates it.
    source_key text,
    -- Counters that lists and details show, kept in the transaction of what they count.
    chapter_count integer NOT NULL DEFAULT 0,
    lecture_count integer NOT NULL DEFAULT 0,
    duration_seconds bigint NOT NULL DEFAULT 0,
    enrolment_count integer NOT NULL DEFAULT 0,
    rating_counts integer[] NOT NULL DEFAULT '{0,0,0,0,0}',
    rating_count integer NOT NULL DEFAULT 0,
    rating_sum integer NOT NULL DEFAULT 0,
    rating_average numeric(3, 2) NOT NULL GENERATED ALWAYS AS (
        CASE WHEN rating_count = 0 THEN 0 ELSE round(rating_sum::numeric / rating_count, 2) END
    ) STORED,
    -- Whether it stands in the catalogue for everybody.
    is_listed boolean NOT NULL GENERATED ALWAYS AS (
        status = 'published' AND visibility = 'public' AND deleted_at IS NULL) STORED,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    archived_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT courses_seats_not_oversold CHECK (seats IS NULL OR seats_taken <= seats),
    CONSTRAINT courses_window CHECK (enrolment_opens_at < enrolment_closes_at),
    CONSTRAINT courses_run CHECK (starts_at < ends_at),
    CONSTRAINT courses_published_at CHECK (status <> 'published' OR published_at IS NOT NULL)
    -- Room on the page, and no index on a counter: counting an enrolment touches no index.
) WITH (fillfactor = 80);
-- The foreign key, and whether a category may be deleted.
CREATE INDEX courses_category_id ON courses.courses (category_id);
-- The check for a repeated import.
CREATE UNIQUE INDEX courses_source_key ON courses.courses (owner_id, source_key)
    WHERE source_key IS NOT NULL AND deleted_at IS NULL;
-- The courses of one owner.
CREATE INDEX courses_owner_id ON courses.courses (owner_id, created_at);

CREATE TABLE courses.course_instructors (
    course_id uuid NOT NULL REFERENCES courses.courses (id) ON DELETE CASCADE,
    user_id uuid NOT NULL,
    role text NOT NULL
        CONSTRAINT course_instructors_role CHECK (role IN ('owner', 'co_instructor', 'assistant')),
    position integer NOT NULL DEFAULT 0,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (course_id, user_id)
);
-- The courses that one person teaches.
CREATE INDEX course_instructors_user_id ON courses.course_instructors (user_id);

CREATE TABLE courses.chapters (
    id uuid PRIMARY KEY,
    course_id uuid NOT NULL REFERENCES courses.courses (id) ON DELETE CASCADE,
    title text NOT NULL CONSTRAINT chapters_title CHECK (length(title) BETWEEN 1 AND 255),
    -- Gaps of 1024, halved by a move between two neighbours.
    position bigint NOT NULL,
    source_key text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
-- The foreign key, and the outline in order.
CREATE INDEX chapters_course_id ON courses.chapters (course_id, position, id);
-- A repeated import finds what the first one made.
CREATE UNIQUE INDEX chapters_source_key ON courses.chapters (course_id, source_key)
    WHERE source_key IS NOT NULL;

CREATE TABLE courses.lectures (
    id uuid PRIMARY KEY,
    course_id uuid NOT NULL REFERENCES courses.courses (id) ON DELETE CASCADE,
    chapter_id uuid NOT NULL REFERENCES courses.chapters (id) ON DELETE CASCADE,
    title text NOT NULL CONSTRAINT lectures_title CHECK (length(title) BETWEEN 1 AND 255),
    type text NOT NULL CONSTRAINT lectures_type CHECK (
        type IN ('video', 'text', 'quiz', 'assignment', 'live', 'file', 'embed')),
    -- Clean HTML; of a quiz its introduction.
    content text NOT NULL DEFAULT '',
    -- The video, file or page that the lecture shows.
    media_url text,
    duration_seconds integer NOT NULL DEFAULT 0
        CONSTRAINT lectures_duration CHECK (duration_seconds >= 0),
    is_preview boolean NOT NULL DEFAULT false,
    position bigint NOT NULL,
    -- The name of the part of the chapter it belongs to, as imported courses have it.
    section text NOT NULL DEFAULT '',
    source_key text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
-- The foreign keys, and the outline in order.
CREATE INDEX lectures_chapter_id ON courses.lectures (chapter_id, position, id);
CREATE INDEX lectures_course_id ON courses.lectures (course_id);
-- A repeated import finds what the first one made.
CREATE UNIQUE INDEX lectures_source_key ON courses.lectures (course_id, source_key)
    WHERE source_key IS NOT NULL;
"""

LEARNING = """
CREATE TABLE courses.enrolments (
    id uuid PRIMARY KEY,
    course_id uuid NOT NULL REFERENCES courses.courses (id),
    user_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'active' CONSTRAINT enrolments_status CHECK (
        status IN ('active', 'completed', 'dropped', 'expired')),
    source text NOT NULL DEFAULT 'self',
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    dropped_at timestamptz,
    expires_at timestamptz,
    completed_lectures integer NOT NULL DEFAULT 0
        CONSTRAINT enrolments_completed CHECK (completed_lectures >= 0),
    progress_percent smallint NOT NULL DEFAULT 0
        CONSTRAINT enrolments_progress CHECK (progress_percent BETWEEN 0 AND 100),
    time_spent_seconds bigint NOT NULL DEFAULT 0,
    last_lecture_id uuid,
    last_activity_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    -- One enrolment per person; dropping and coming back is the same row.
    CONSTRAINT enrolments_one_per_person UNIQUE (user_id, course_id)
);
-- The foreign key, and the learners of a course.
CREATE INDEX enrolments_course_id ON courses.enrolments (course_id, enrolled_at, id);

CREATE TABLE courses.lecture_progress (
    enrolment_id uuid NOT NULL REFERENCES courses.enrolments (id),
    lecture_id uuid NOT NULL REFERENCES courses.lectures (id),
    is_completed boolean NOT NULL DEFAULT false,
    completed_at timestamptz,
    position_seconds integer NOT NULL DEFAULT 0,
    time_spent_seconds integer NOT NULL DEFAULT 0,
    -- The parts of a video that were played, in seconds.
    played int4multirange NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (enrolment_id, lecture_id)
) WITH (fillfactor = 80);
-- The foreign key.
CREATE INDEX lecture_progress_lecture_id ON courses.lecture_progress (lecture_id);

CREATE TABLE courses.certificates (
    id uuid PRIMARY KEY,
    -- 128 random bits in hex: whoever knows it may verify.
    code text NOT NULL CONSTRAINT certificates_code_unique UNIQUE
        CONSTRAINT certificates_code CHECK (code ~ '^[0-9a-f]{32}$'),
    enrolment_id uuid NOT NULL REFERENCES courses.enrolments (id)
        CONSTRAINT certificates_one_per_enrolment UNIQUE,
    course_id uuid NOT NULL REFERENCES courses.courses (id),
    user_id uuid NOT NULL,
    -- What the document says, as it was on the day of issue.
    learner_name text NOT NULL,
    course_title text NOT NULL,
    instructor_names text[] NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT now(),
    pdf_key text,
    revoked_at timestamptz,
    revoked_reason text
);
-- The foreign key; and the certificates of a person.
CREATE INDEX certificates_course_id ON courses.certificates (course_id);
CREATE INDEX certificates_user_id ON courses.certificates (user_id, issued_at);

CREATE TABLE courses.reviews (
    id uuid PRIMARY KEY,
    course_id uuid NOT NULL REFERENCES courses.courses (id),
    user_id uuid NOT NULL,
    rating smallint NOT NULL CONSTRAINT reviews_rating CHECK (rating BETWEEN 1 AND 5),
    body text NOT NULL DEFAULT '' CONSTRAINT reviews_body CHECK (length(body) <= 5000),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reviews_one_per_learner UNIQUE (course_id, user_id)
);
-- The reviews of a course, newest first.
CREATE INDEX reviews_course_id ON courses.reviews (course_id, created_at DESC, id DESC);
-- The reviews of a person.
CREATE INDEX reviews_user_id ON courses.reviews (user_id);
"""

# The catalogue is a read model: what a list shows of each listed course, made when the course
# changes. Building the JSON of a page from the tables costs several times as much as reading it
# here; and the wide rows of courses need no index for sorting, so counting an enrolment is cheap.
CATALOGUE = """
CREATE TABLE courses.catalogue (
    course_id uuid PRIMARY KEY REFERENCES courses.courses (id) ON DELETE CASCADE,
    published_at timestamptz NOT NULL,
    enrolment_count integer NOT NULL,
    rating_average numeric(3, 2) NOT NULL,
    price_minor bigint NOT NULL,
    category_id uuid,
    difficulty text NOT NULL,
    language text NOT NULL,
    -- The course as lists show it, from courses.course_card.
    card json NOT NULL
) WITH (fillfactor = 80);
-- One index for each order. The newest first also covers the filters, so that counting what matches
-- reads this index alone.
CREATE INDEX catalogue_new ON courses.catalogue (published_at DESC, course_id DESC)
    INCLUDE (category_id, difficulty, language, price_minor, rating_average);
CREATE INDEX catalogue_popular ON courses.catalogue (enrolment_count DESC, course_id DESC);
CREATE INDEX catalogue_rated ON courses.catalogue (rating_average DESC, course_id DESC);
CREATE INDEX catalogue_priced ON courses.catalogue (price_minor, course_id);
-- The commonest filter.
CREATE INDEX catalogue_category_id ON courses.catalogue (category_id);

-- Words of the listed courses; a table of its own because a counter must not touch a GIN index.
CREATE TABLE courses.catalogue_search (
    course_id uuid PRIMARY KEY REFERENCES courses.catalogue (course_id) ON DELETE CASCADE,
    document tsvector NOT NULL
);
-- Full-text search.
CREATE INDEX catalogue_search_document ON courses.catalogue_search USING gin (document);

-- How many courses are listed, in one row, so that no list counts them.
CREATE TABLE courses.catalogue_size (
    is_only boolean PRIMARY KEY DEFAULT true CONSTRAINT catalogue_size_one_row CHECK (is_only),
    listed integer NOT NULL,
    -- Something was listed or unlisted in this transaction: counted anew before it commits.
    is_stale boolean NOT NULL DEFAULT false
);
INSERT INTO courses.catalogue_size (listed) VALUES (0);

-- Every 20th listed course, from the newest: a deep page starts at the mark before it, and not at
-- the beginning.
CREATE TABLE courses.catalogue_marks (
    number integer PRIMARY KEY,
    published_at timestamptz NOT NULL,
    course_id uuid NOT NULL
);

-- A time as the wire has it.
CREATE FUNCTION courses.instant(moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24\\:MI\\:SS.MS"Z"')
$$;

-- A course as every list shows it.
CREATE FUNCTION courses.course_card(c courses.courses) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT row_to_json(card) FROM (
        SELECT c.id, c.slug, c.title, c.subtitle,
            (SELECT row_to_json(k) FROM (
                SELECT g.id, g.name, g.slug FROM courses.categories g WHERE g.id = c.category_id
            ) k) AS category,
            c.difficulty, c.language,
            (SELECT row_to_json(p) FROM (SELECT c.price_minor AS amount, c.currency) p) AS price,
            c.thumbnail_url AS "thumbnailUrl", c.status, c.visibility,
            coalesce((SELECT json_agg(row_to_json(t)) FROM (
                SELECT p.user_id AS "userId", p.display_name AS "displayName",
                    p.avatar_url AS "avatarUrl"
                FROM courses.course_instructors i
                JOIN users.public_profiles p ON p.user_id = i.user_id
                WHERE i.course_id = c.id AND i.role <> 'assistant'
                ORDER BY i.position, i.added_at, i.user_id
            ) t), '[]') AS instructors,
            c.chapter_count AS "chapterCount", c.lecture_count AS "lectureCount",
            c.duration_seconds AS "durationSeconds", c.enrolment_count AS "enrolmentCount",
            (SELECT row_to_json(r) FROM (
                SELECT c.rating_average AS average, c.rating_count AS count
            ) r) AS rating,
            c.seats - c.seats_taken AS "seatsLeft",
            courses.instant(c.created_at) AS "createdAt",
            courses.instant(c.published_at) AS "publishedAt",
            c.version
    ) card
$$;

-- The words of a course, for searching.
CREATE FUNCTION courses.course_document(c courses.courses) RETURNS tsvector
    LANGUAGE sql STABLE AS $$
    SELECT setweight(to_tsvector('simple', c.title), 'A')
        || setweight(to_tsvector('simple', c.subtitle), 'B')
        || setweight(to_tsvector('simple', array_to_string(c.tags, ' ')), 'B')
        || setweight(to_tsvector('simple', left(c.description, 20000)), 'C')
$$;

-- What somebody typed as a query: every word, or its beginning, must occur. NULL without a word.
CREATE FUNCTION courses.search_query(words text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT to_tsquery('simple', string_agg(quote_literal(w.word) || '\\:*', ' & ')) FROM (
        SELECT replace(u.lexeme, chr(92), '') AS word
        FROM unnest(to_tsvector('simple', words)) u ORDER BY u.positions[1] LIMIT 12
    ) w WHERE w.word <> ''
$$;

CREATE FUNCTION courses.keep_catalogue() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER courses_catalogue_insert AFTER INSERT ON courses.courses
    FOR EACH ROW WHEN (NEW.is_listed) EXECUTE FUNCTION courses.keep_catalogue();
CREATE TRIGGER courses_catalogue_update AFTER UPDATE ON courses.courses
    FOR EACH ROW WHEN (OLD.is_listed OR NEW.is_listed) EXECUTE FUNCTION courses.keep_catalogue();

-- Make the cards of courses anew, for what they show of other tables. Locks the courses first: a
-- counter that moves meanwhile would otherwise be lost from the card.
CREATE FUNCTION courses.refresh_cards(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM courses.courses WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE courses.catalogue k SET card = courses.course_card(c)
    FROM courses.courses c WHERE c.id = k.course_id AND c.id = ANY (ids);
END
$$;

CREATE FUNCTION courses.refresh_cards_of_instructor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM courses.refresh_cards(ARRAY[coalesce(NEW.course_id, OLD.course_id)]);
    RETURN NULL;
END
$$;
CREATE TRIGGER course_instructors_cards AFTER INSERT OR UPDATE OR DELETE
    ON courses.course_instructors
    FOR EACH ROW EXECUTE FUNCTION courses.refresh_cards_of_instructor();

CREATE FUNCTION courses.refresh_cards_of_category() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM courses.refresh_cards(
        ARRAY(SELECT id FROM courses.courses WHERE category_id = NEW.id AND is_listed));
    RETURN NULL;
END
$$;
CREATE TRIGGER categories_cards AFTER UPDATE OF name, slug ON courses.categories
    FOR EACH ROW EXECUTE FUNCTION courses.refresh_cards_of_category();

-- The row of catalogue_size is locked from the first change of a transaction to its commit, so
-- that counting at the commit sees every listing that was committed before.
CREATE FUNCTION courses.mark_catalogue_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE courses.catalogue_size SET is_stale = true WHERE NOT is_stale;
    RETURN NULL;
END
$$;
CREATE TRIGGER catalogue_stale AFTER INSERT OR DELETE ON courses.catalogue
    FOR EACH ROW EXECUTE FUNCTION courses.mark_catalogue_stale();
CREATE TRIGGER catalogue_emptied AFTER TRUNCATE ON courses.catalogue
    FOR EACH STATEMENT EXECUTE FUNCTION courses.mark_catalogue_stale();
CREATE TRIGGER catalogue_moved AFTER UPDATE ON courses.catalogue
    FOR EACH ROW WHEN (OLD.published_at <> NEW.published_at)
    EXECUTE FUNCTION courses.mark_catalogue_stale();

CREATE FUNCTION courses.recount_catalogue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM courses.catalogue_marks;
    INSERT INTO courses.catalogue_marks (number, published_at, course_id)
    SELECT place / 20, published_at, course_id FROM (
        SELECT published_at, course_id,
            row_number() OVER (ORDER BY published_at DESC, course_id DESC) AS place
        FROM courses.catalogue
    ) placed WHERE place % 20 = 0;
    UPDATE courses.catalogue_size
    SET listed = (SELECT count(*) FROM courses.catalogue), is_stale = false;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER catalogue_recount AFTER UPDATE ON courses.catalogue_size
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.is_stale) EXECUTE FUNCTION courses.recount_catalogue();
"""


def upgrade() -> None:
    """Apply."""
    op.execute(STRUCTURE)
    op.execute(LEARNING)
    op.execute(CATALOGUE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP SCHEMA courses CASCADE")
