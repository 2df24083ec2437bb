"""Each house rule, broken once in a repository of one file; and the same repository in order."""

from pathlib import Path

import pytest

from tools import check_shape

LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 61
BROKEN = {
    "src/lyceum/users/queries.py": ("x = 1\n" * 501, "501 lines (max 500)"),
    "src/lyceum/platform/pool.py": ("x = 1\n" * 300, "300 lines (max 299)"),
    "src/lyceum/users/schemas.py": (LONG_FUNCTION, "f is 62 lines (max 60)"),
    "src/lyceum/users/utils.py": ("", "a module called utils says nothing"),
    "src/lyceum/common/records.py": ("", "a module called common says nothing"),
    "src/lyceum/users/errors.py": ("# TO" + "DO later\n", "unfinished work is finished"),
    "src/lyceum/users/__init__.py": ("import os\n", "__init__ has no code"),
    "src/lyceum/users/service.py": ("async def f(tx, user): ...", "f must start with (tx, actor"),
    "src/lyceum/users/service/login.py": ("def f(actor, tx): ...", "f must start with (tx, actor"),
    "src/lyceum/users/api.py": ("class UserService: ...", "UserService: use cases and queries"),
    "src/lyceum/users/jobs.py": ("def f(tx): tx.commit()", "only the platform ends a transaction"),
    "tests/users/test_http.py": ("class Login:\n def test_it(self): ...", "Login holds tests but"),
    "tests/users/test_jobs.py": ("class TestIt(B):\n def test_it(self): ...", "TestIt inherits"),
    "tests/users/http.py": ("def test_it(): ...", "in a file that pytest does not collect"),
}
IN_ORDER = {
    "src/lyceum/users/__init__.py": '"""Users."""\n',
    "src/lyceum/users/service/__init__.py": "",
    "src/lyceum/users/service/login.py": "async def log_in(tx, actor, *, by): ...\ndef _f(): ...",
    "src/lyceum/platform/database.py": "def end(tx): tx.commit()\n",
    "tests/users/test_service.py": "class TestLogin:\n def test_it(self, tx): tx.rollback()\n",
}


def repository(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        if name.startswith("src/"):
            (root / name).parent.joinpath("__init__.py").touch()
    return root


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found(name: str, tmp_path: Path) -> None:
    text, message = BROKEN[name]
    found = list(check_shape.findings(repository(tmp_path, {name: text})))
    assert any(line.startswith(f"{name}:") and message in line for line in found), found


def test_a_repository_in_order_has_no_findings(tmp_path: Path) -> None:
    assert list(check_shape.findings(repository(tmp_path, IN_ORDER))) == []


def test_a_folder_that_import_contracts_cannot_see_is_found(tmp_path: Path) -> None:
    repository(tmp_path, {"src/lyceum/users/records.py": "x = 1\n"})
    (tmp_path / "src/lyceum/users/__init__.py").unlink()
    assert list(check_shape.findings(tmp_path)) == ["src/lyceum/users: has no __init__.py"]


def test_the_program_as_a_whole_stays_within_the_budget(tmp_path: Path) -> None:
    functions = "".join(f"def f{n}():\n" + "    x = 1\n" * 49 for n in range(4))
    found = list(check_shape.findings(repository(tmp_path, {"src/lyceum/app/cli.py": functions})))
    assert [line.split(":")[1].split(" are ")[0] for line in found] == [
        " the median file is 200 lines (budget 120)",
        " 5 % of the functions",
    ], found


@pytest.mark.parametrize(("files", "code"), [(IN_ORDER, 0), ({"tests/misc/test_x.py": ""}, 1)])
def test_findings_decide_the_exit_code(files: dict[str, str], code: int, tmp_path: Path) -> None:
    assert check_shape.main(repository(tmp_path, files)) == code
