"""Lint the SQL of the migrations with squawk: each revision as Alembic would send it.

Rules and PostgreSQL version are in `.squawk.toml`. Exit 1 on any finding.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from lyceum.platform import migrations

ROOT = Path(__file__).parents[1]
VERSIONS = ROOT / "migrations" / "versions"
ALEMBICS_OWN = "    version_num VARCHAR(32)"
IGNORED = f"    -- squawk-ignore prefer-text-field\n{ALEMBICS_OWN}"


def render(folder: Path) -> list[Path]:
    """Write one SQL file a revision into `folder` and answer them, oldest first."""
    names = sorted(path.stem for path in VERSIONS.glob("[0-9]*.py"))
    files = []
    for before, name in zip(["", *names], names, strict=False):
        path = folder / f"{name}.sql"
        text = migrations.render_sql(f"{before}:{name}" if before else name)
        path.write_text(text.replace(ALEMBICS_OWN, IGNORED))
        files.append(path)
    return files


def main() -> int:
    """Render all revisions, lint them, and answer the exit code."""
    squawk = Path(sys.executable).with_name("squawk")
    with tempfile.TemporaryDirectory() as folder:
        files = render(Path(folder))
        if not files:
            print(f"no migrations in {VERSIONS}")
            return 1
        done = subprocess.run([squawk, "--config", ROOT / ".squawk.toml", *files], check=False)
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
