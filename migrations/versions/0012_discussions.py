"""Discussions of courses: threads, posts, votes, subscriptions, reports, announcements."""

from alembic import op

revision = "0012_discussions"
down_revision = "0011_queue_indexes"
branch_labels = None
depends_on = None

TALK = """
CREATE SCHEMA discussions;

-- A question about a lecture, or about the course as a whole. Counters are kept by whoever holds
-- the lock of this row.
CREATE TABLE discussions.threads (
    id uuid PRIMARY KEY,
    -- The courses domain answers for both.
    course_id uuid NOT NULL,
    lecture_id uuid,
    author_id uuid NOT NULL,
    title text NOT NULL CONSTRAINT threads_title CHECK (length(title) BETWEEN 3 AND 200),
    -- Clean HTML.
    body text NOT NULL CONSTRAINT threads_body CHECK (length(body) <= 40000),
    mentioned_ids uuid[] NOT NULL DEFAULT '{}',
    is_pinned boolean NOT NULL DEFAULT false,
    is_locked boolean NOT NULL DEFAULT false,
    -- Taken out of sight by staff; its author and staff still see it.
    is_hidden boolean NOT NULL DEFAULT false,
    accepted_post_id uuid,
    post_count integer NOT NULL DEFAULT 0 CONSTRAINT threads_post_count CHECK (post_count >= 0),
    vote_count integer NOT NULL DEFAULT 0 CONSTRAINT threads_vote_count CHECK (vote_count >= 0),
    last_post_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
-- The threads of a course: pinned first, then those last written in.
CREATE INDEX threads_course_id ON discussions.threads
    (course_id, is_pinned DESC, last_post_at DESC, id DESC) WHERE deleted_at IS NULL;
-- The threads of a person.
CREATE INDEX threads_author_id ON discussions.threads (author_id);

CREATE TABLE discussions.posts (
    id uuid PRIMARY KEY,
    thread_id uuid NOT NULL REFERENCES discussions.threads (id),
    author_id uuid NOT NULL,
    body text NOT NULL CONSTRAINT posts_body CHECK (length(body) <= 40000),
    mentioned_ids uuid[] NOT NULL DEFAULT '{}',
    -- Whether its author taught the course when it was written.
    is_by_staff boolean NOT NULL,
    is_hidden boolean NOT NULL DEFAULT false,
    vote_count integer NOT NULL DEFAULT 0 CONSTRAINT posts_vote_count CHECK (vote_count >= 0),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
-- The foreign key, and the posts of a thread in order.
CREATE INDEX posts_thread_id ON discussions.posts (thread_id, created_at, id);
-- The posts of a person.
CREATE INDEX posts_author_id ON discussions.posts (author_id);

ALTER TABLE discussions.threads ADD CONSTRAINT threads_accepted_post_id
    FOREIGN KEY (accepted_post_id) REFERENCES discussions.posts (id);
-- The foreign key.
CREATE INDEX threads_accepted_post_id ON discussions.threads (accepted_post_id)
    WHERE accepted_post_id IS NOT NULL;

-- One vote each.
CREATE TABLE discussions.thread_votes (
    thread_id uuid NOT NULL REFERENCES discussions.threads (id),
    user_id uuid NOT NULL,
    PRIMARY KEY (thread_id, user_id)
);
-- The votes of a person.
CREATE INDEX thread_votes_user_id ON discussions.thread_votes (user_id);
CREATE TABLE discussions.post_votes (
    post_id uuid NOT NULL REFERENCES discussions.posts (id),
    user_id uuid NOT NULL,
    PRIMARY KEY (post_id, user_id)
);
-- The votes of a person.
CREATE INDEX post_votes_user_id ON discussions.post_votes (user_id);

CREATE TABLE discussions.subscriptions (
    thread_id uuid NOT NULL REFERENCES discussions.threads (id),
    user_id uuid NOT NULL,
    read_at timestamptz NOT NULL DEFAULT now(),
    -- One mail until the person reads again.
    mailed_at timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (thread_id, user_id)
);
-- The threads that a person follows.
CREATE INDEX subscriptions_user_id ON discussions.subscriptions (user_id);

-- Somebody says that a thread or post breaks the rules; staff hides it, or lets it stand.
CREATE TABLE discussions.reports (
    id uuid PRIMARY KEY,
    course_id uuid NOT NULL,
    thread_id uuid NOT NULL REFERENCES discussions.threads (id),
    -- NULL: the thread itself.
    post_id uuid REFERENCES discussions.posts (id),
    reporter_id uuid NOT NULL,
    reason text NOT NULL CONSTRAINT reports_reason CHECK (length(reason) BETWEEN 1 AND 1000),
    created_at timestamptz NOT NULL DEFAULT now(),
    resolution text CONSTRAINT reports_resolution CHECK (resolution IN ('hidden', 'dismissed')),
    resolved_by uuid,
    resolved_at timestamptz,
    CONSTRAINT reports_resolved CHECK (
        (resolution IS NULL) = (resolved_at IS NULL)
        AND (resolution IS NULL) = (resolved_by IS NULL))
);
-- One open report each.
CREATE UNIQUE INDEX reports_one_each ON discussions.reports (thread_id, post_id, reporter_id)
    NULLS NOT DISTINCT WHERE resolution IS NULL;
-- What the staff of a course has to look at.
CREATE INDEX reports_open ON discussions.reports (course_id, id) WHERE resolution IS NULL;
-- The foreign keys, and the reports of a person.
CREATE INDEX reports_thread_id ON discussions.reports (thread_id);
CREATE INDEX reports_post_id ON discussions.reports (post_id);
CREATE INDEX reports_reporter_id ON discussions.reports (reporter_id);
"""

ANNOUNCEMENTS = """
CREATE TABLE discussions.announcements (
    id uuid PRIMARY KEY,
    course_id uuid NOT NULL,
    author_id uuid NOT NULL,
    title text NOT NULL CONSTRAINT announcements_title CHECK (length(title) BETWEEN 3 AND 200),
    body text NOT NULL CONSTRAINT announcements_body CHECK (length(body) <= 40000),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- The announcements of a course, the newest first.
CREATE INDEX announcements_course_id ON discussions.announcements
    (course_id, created_at DESC, id DESC);
-- The announcements of a person.
CREATE INDEX announcements_author_id ON discussions.announcements (author_id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(TALK)
    op.execute(ANNOUNCEMENTS)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP SCHEMA discussions CASCADE")
