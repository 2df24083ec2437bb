"""The migrations as SQL: every revision is rendered, and squawk finds what it should find."""

import subprocess
import sys
from pathlib import Path

from tools import lint_migrations


def test_every_revision_is_rendered_by_itself(tmp_path: Path) -> None:
    files = lint_migrations.render(tmp_path)
    assert [path.stem for path in files] == sorted(
        path.stem for path in lint_migrations.VERSIONS.glob("[0-9]*.py")
    )
    for path in files:
        assert path.read_text().count("alembic_version SET version_num") <= 1
        assert path.read_text().startswith("BEGIN;")


def test_a_migration_that_would_lock_a_table_is_found(tmp_path: Path) -> None:
    dangerous = tmp_path / "0002.sql"
    dangerous.write_text("BEGIN;\nCREATE INDEX people_email ON users.users (email);\nCOMMIT;\n")
    done = subprocess.run(
        [
            Path(sys.executable).with_name("squawk"),
            "--config",
            lint_migrations.ROOT / ".squawk.toml",
            dangerous,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "require-concurrent-index-creation" in done.stdout
