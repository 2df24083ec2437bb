"""Reading and writing categories."""

from uuid import UUID

from lyceum.courses.records import Category
from lyceum.platform.statements import command, sql

LIST_CATEGORIES = sql(
    """
    SELECT c.id, c.parent_id, c.name, c.slug, c.position, c.version,
        (SELECT count(*)::int4 FROM courses.catalogue k WHERE k.category_id = c.id) AS course_count
    FROM courses.categories c ORDER BY c.position, lower(c.name), c.id
    """,
    Category,
)

FIND_CATEGORY = sql(
    """
    SELECT c.id, c.parent_id, c.name, c.slug, c.position, c.version,
        (SELECT count(*)::int4 FROM courses.catalogue k WHERE k.category_id = c.id) AS course_count
    FROM courses.categories c WHERE c.id = $1
    """,
    Category,
)

# By slug or by name in any case; of several the slug wins, then the one nearest to the root.
FIND_CATEGORY_BY_NAME = sql(
    """
    SELECT id FROM courses.categories WHERE slug = lower($1) OR lower(name) = lower($1)
    ORDER BY slug = lower($1) DESC, parent_id IS NOT NULL, id LIMIT 1
    """,
    UUID,
)

# No row when the slug, or the name among the parent's children, is taken.
INSERT_CATEGORY = command(
    """
    INSERT INTO courses.categories (id, parent_id, name, slug, position)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id
    """,
    UUID,
)

UPDATE_CATEGORY = command(
    """
    UPDATE courses.categories
    SET name = $2, parent_id = $3, position = $4, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

DELETE_CATEGORY = command("DELETE FROM courses.categories WHERE id = $1")

# Whoever moves a category holds all of them, so that two moves cannot make a loop together.
LOCK_CATEGORIES = command("SELECT id FROM courses.categories ORDER BY id FOR NO KEY UPDATE", UUID)

LIST_COURSES_OF_CATEGORY = sql("SELECT id FROM courses.courses WHERE category_id = $1", UUID)
