"""Notes and bookmarks of learners; replies to reviews, helpful votes, reports, hiding."""

from alembic import op

revision = "0014_notes_and_reviews"
down_revision = "0013_api_keys"
branch_labels = None
depends_on = None

NOTES = """
-- What a learner writes for themselves, or marks, at a place in a lecture. Nobody else reads it.
CREATE TABLE courses.notes (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    course_id uuid NOT NULL REFERENCES courses.courses (id) ON DELETE CASCADE,
    lecture_id uuid NOT NULL REFERENCES courses.lectures (id) ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT notes_kind CHECK (kind IN ('note', 'bookmark')),
    -- Where in the video; NULL is about the lecture as a whole.
    position_seconds integer
        CONSTRAINT notes_position CHECK (position_seconds BETWEEN 0 AND 1000000),
    -- Plain text; of a bookmark its label, which may be empty.
    body text NOT NULL CONSTRAINT notes_body CHECK (length(body) <= 10000),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- The notes of a person in a course.
CREATE INDEX notes_user_id ON courses.notes (user_id, course_id, id);
-- The foreign keys.
CREATE INDEX notes_course_id ON courses.notes (course_id);
CREATE INDEX notes_lecture_id ON courses.notes (lecture_id);
"""

REVIEWS = """
ALTER TABLE courses.reviews
    ADD COLUMN reply text NOT NULL DEFAULT ''
        CONSTRAINT reviews_reply CHECK (length(reply) <= 5000),
    ADD COLUMN replied_by uuid,
    ADD COLUMN replied_at timestamptz,
    ADD COLUMN helpful_count integer NOT NULL DEFAULT 0
        CONSTRAINT reviews_helpful_count CHECK (helpful_count >= 0),
    -- Out of sight, and not counted in the course's rating.
    ADD COLUMN is_hidden boolean NOT NULL DEFAULT false;

-- One vote each.
CREATE TABLE courses.review_votes (
    review_id uuid NOT NULL REFERENCES courses.reviews (id) ON DELETE CASCADE,
    user_id uuid NOT NULL,
    PRIMARY KEY (review_id, user_id)
);
-- The votes of a person.
CREATE INDEX review_votes_user_id ON courses.review_votes (user_id);

CREATE TABLE courses.review_reports (
    id uuid PRIMARY KEY,
    review_id uuid NOT NULL REFERENCES courses.reviews (id) ON DELETE CASCADE,
    reporter_id uuid NOT NULL,
    reason text NOT NULL
        CONSTRAINT review_reports_reason CHECK (length(reason) BETWEEN 1 AND 1000),
    created_at timestamptz NOT NULL DEFAULT now(),
    resolution text
        CONSTRAINT review_reports_resolution CHECK (resolution IN ('hidden', 'dismissed')),
    resolved_by uuid,
    resolved_at timestamptz
);
-- One open report each.
CREATE UNIQUE INDEX review_reports_one_each ON courses.review_reports (review_id, reporter_id)
    WHERE resolution IS NULL;
-- The foreign key.
CREATE INDEX review_reports_review_id ON courses.review_reports (review_id);
-- What moderators have to look at.
CREATE INDEX review_reports_open ON courses.review_reports (id) WHERE resolution IS NULL;
-- The reports of a person.
CREATE INDEX review_reports_reporter_id ON courses.review_reports (reporter_id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(NOTES)
    op.execute(REVIEWS)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE courses.review_reports, courses.review_votes, courses.notes")
    op.execute(
        "ALTER TABLE courses.reviews DROP reply, DROP replied_by, DROP replied_at,"
        " DROP helpful_count, DROP is_hidden"
    )
