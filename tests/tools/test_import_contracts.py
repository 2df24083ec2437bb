"""The import contracts, tried on small programs that keep and break each of them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

IN_ORDER = {
    "app/http.py": "from lyceum.users import http\nfrom lyceum.courses.service import enrol",
    "courses/__init__.py": "",
    "courses/http.py": "import litestar\nfrom lyceum.courses import api",
    "courses/api.py": "from lyceum.courses.service import enrol",
    "courses/service/__init__.py": "",
    "courses/service/enrol.py": "from lyceum.courses import queries\nfrom lyceum.users import api",
    "courses/queries.py": "from lyceum.courses import permissions",
    "courses/permissions.py": "",
    "courses/adapters/__init__.py": "",
    "courses/adapters/olx.py": "from lyceum.courses import records",
    "courses/records.py": "",
    "courses/events.py": "",
    "packages/jobs.py": "from lyceum.courses import api",
    "users/jobs.py": "from lyceum.courses import events",
    "users/graphql.py": "import strawberry",
    "courses/graphql.py": "from lyceum.users import graphql",
    "users/http.py": "from lyceum.users import service",
    "users/service.py": "from lyceum.platform import errors",
    "users/api.py": "",
    "platform/errors.py": "import litestar",
}
ORDER = "app > domains > platform, and the order among domains"
SHAPE = "the fixed vocabulary of modules inside a domain, and their order"
PRIVACY = "another domain sees only api and events"
FRAMEWORKS = "use cases do not know the transport"
BROKEN = [
    (ORDER, "users/service.py", "from lyceum.courses import api"),
    (ORDER, "audit/jobs.py", "from lyceum.packages import jobs"),
    (ORDER, "users/http.py", "from lyceum.app import http"),
    (ORDER, "platform/errors.py", "from lyceum.users import api"),
    (ORDER, "astrology/records.py", ""),
    (SHAPE, "users/controllers.py", ""),
    (SHAPE, "courses/service/enrol.py", "from lyceum.courses import http"),
    (SHAPE, "users/queries.py", "from lyceum.users import service"),
    (SHAPE, "courses/records.py", "from lyceum.courses.adapters import olx"),
    (SHAPE, "courses/realtime.py", "from lyceum.courses import http"),
    (PRIVACY, "packages/service/imports.py", "from lyceum.courses import queries"),
    (PRIVACY, "packages/service/imports.py", "from lyceum.courses.service import enrol"),
    (FRAMEWORKS, "courses/service/enrol.py", "import litestar"),
    (FRAMEWORKS, "users/records.py", "import saq"),
]


def lint(folder: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        path = folder / "lyceum" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    (folder / "lyceum" / "__init__.py").touch()
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_program_in_order_keeps_all_contracts(tmp_path: Path) -> None:
    done = lint(tmp_path, IN_ORDER)
    assert "4 kept, 0 broken" in done.stdout, done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(("contract", "path", "text"), BROKEN)
def test_a_broken_contract_is_found(contract: str, path: str, text: str, tmp_path: Path) -> None:
    done = lint(tmp_path, IN_ORDER | {path: text})
    assert f"{contract} BROKEN" in " ".join(done.stdout.split()), done.stdout
    assert done.returncode == 1
