"""Files that came with content packages, and the lectures that show them."""

from alembic import op

revision = "0009_package_files"
down_revision = "0008_custom_roles"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE packages.files (
    id uuid PRIMARY KEY,
    -- The courses domain answers for it.
    course_id uuid NOT NULL,
    -- Its name in the package: what a second import finds it by. Never a path of the store.
    path text NOT NULL CONSTRAINT files_path CHECK (length(path) BETWEEN 1 AND 1024),
    file_key text NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL CONSTRAINT files_size CHECK (size_bytes >= 0),
    sha256 bytea NOT NULL CONSTRAINT files_sha256 CHECK (length(sha256) = 32),
    -- Whether the description of the course shows it, and so everybody who sees the course.
    is_in_description boolean NOT NULL DEFAULT false,
    -- Whether it is kept from learners, whatever points at it.
    is_for_staff boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- A course has a file once; and the files of a course.
    CONSTRAINT files_once UNIQUE (course_id, path),
    -- Two rows never share what one of them may remove; and the purge of what no row needs.
    CONSTRAINT files_key UNIQUE (file_key)
);

CREATE TABLE packages.file_uses (
    file_id uuid NOT NULL REFERENCES packages.files (id) ON DELETE CASCADE,
    -- Whoever may open one of these lectures may open the file.
    lecture_id uuid NOT NULL,
    CONSTRAINT file_uses_once PRIMARY KEY (file_id, lecture_id)
);
-- A second import writes the uses of a lecture anew.
CREATE INDEX file_uses_lecture_id ON packages.file_uses (lecture_id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TABLE packages.file_uses, packages.files")
