"""House rules of the design that ruff and import-linter cannot express; exit 1 on any finding.

Run from the root of the repository, or with another root as the argument.
"""

import ast
import re
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

MAX_FILE, MAX_PLATFORM_FILE, MAX_FUNCTION = 500, 300, 60
MEDIAN_FILE, P95_FUNCTION = 120, 45
NAMELESS = {"util", "utils", "helper", "helpers", "common", "core", "misc"}
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E)\b")
CLASS_OF_FUNCTIONS = re.compile(r"(Service|Repository|Manager)$")
SOURCES = ("src/lyceum", "tests", "tools", "migrations", "benchmarks")

Finding = tuple[int, str]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file: where it lies in the repository, and what it says."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """What it says, parsed."""
        return ast.parse(self.text)

    @cached_property
    def length(self) -> int:
        """Its lines."""
        return self.text.count("\n")

    @cached_property
    def functions(self) -> list[Function]:
        """Its functions, methods and inner functions."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    @property
    def in_source(self) -> bool:
        """Whether it belongs to the program."""
        return self.path.parts[0] == "src"

    @property
    def in_tests(self) -> bool:
        """Whether it belongs to the tests."""
        return self.path.parts[0] == "tests"

    @property
    def in_platform(self) -> bool:
        """Whether it belongs to the part that means nothing."""
        return self.path.parts[:3] == ("src", "lyceum", "platform")

    @property
    def in_domain(self) -> bool:
        """Whether it belongs to a package that means something."""
        return self.in_source and self.path.parts[2] not in {"app", "platform"}

    @property
    def is_service(self) -> bool:
        """Whether it holds use cases."""
        inside = self.path.parts[3:] if self.in_domain else ()
        return inside == ("service.py",) or (len(inside) > 1 and inside[0] == "service")


def lines_of(function: Function) -> int:
    """Count a function's lines, its decorators left out."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def check_size(module: Module) -> Iterator[Finding]:
    """Files and functions stay small enough to be read in one go."""
    limit = MAX_PLATFORM_FILE - 1 if module.in_platform else MAX_FILE
    if module.in_source and module.length > limit:
        yield 1, f"{module.length} lines (max {limit}): split it by use case"
    for function in module.functions:
        if lines_of(function) > MAX_FUNCTION:
            yield (
                function.lineno,
                f"{function.name} is {lines_of(function)} lines (max {MAX_FUNCTION})",
            )


def check_name(module: Module) -> Iterator[Finding]:
    """A module is named after what it holds."""
    for part in {*module.path.parts[:-1], module.path.stem} & NAMELESS:
        yield 1, f"a module called {part} says nothing: name it after what it holds"
    if UNFINISHED.search(module.text):
        for number, line in enumerate(module.text.splitlines(), start=1):
            if UNFINISHED.search(line):
                yield number, "unfinished work is finished, or is an issue"


def check_package(module: Module) -> Iterator[Finding]:
    """`__init__` holds at most a docstring."""
    if module.path.name != "__init__.py":
        return
    for node in module.tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_docstring:
            yield node.lineno, "__init__ has no code: import the module that has it"
            return


def check_service(module: Module) -> Iterator[Finding]:
    """A use case is a function on a transaction, done by somebody."""
    if module.in_domain:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and CLASS_OF_FUNCTIONS.search(node.name):
                yield node.lineno, f"{node.name}: use cases and queries are plain functions"
    if not module.is_service:
        return
    for node in module.tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            first = [argument.arg for argument in node.args.posonlyargs + node.args.args][:2]
            if first != ["tx", "actor"]:
                yield node.lineno, f"{node.name} must start with (tx, actor, …)"


def check_transactions(module: Module) -> Iterator[Finding]:
    """Only the platform ends a transaction."""
    if not module.in_source or module.in_platform:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in {"commit", "rollback"}:
            yield node.lineno, "only the platform ends a transaction"


def check_tests(module: Module) -> Iterator[Finding]:
    """Every test is collected, and a test class stands for itself."""
    if not module.in_tests:
        return
    collected = module.path.name.startswith("test_")
    for node in module.tree.body:
        if isinstance(node, Function) and node.name.startswith("test_") and not collected:
            yield node.lineno, f"{node.name} is in a file that pytest does not collect"
        if not isinstance(node, ast.ClassDef):
            continue
        holds_tests = any(
            isinstance(inner, Function) and inner.name.startswith("test_") for inner in node.body
        )
        if holds_tests and not (collected and node.name.startswith("Test")):
            yield node.lineno, f"{node.name} holds tests but pytest will not collect it"
        if holds_tests and node.bases:
            yield node.lineno, f"{node.name} inherits: a test has no base class, use a fixture"


CHECKS = (
    check_size,
    check_name,
    check_package,
    check_service,
    check_transactions,
    check_tests,
)


def check_budget(modules: list[Module]) -> Iterator[str]:
    """The program as a whole stays made of small pieces."""
    source = [module for module in modules if module.in_source and module.length > 1]
    lengths = [module.length for module in source]
    functions = [lines_of(function) for module in source for function in module.functions]
    if lengths and (median := statistics.median(lengths)) > MEDIAN_FILE:
        yield f"src: the median file is {median:.0f} lines (budget {MEDIAN_FILE})"
    if len(functions) > 1 and (p95 := statistics.quantiles(functions, n=20)[-1]) > P95_FUNCTION:
        yield f"src: 5 % of the functions are longer than {p95:.0f} lines (budget {P95_FUNCTION})"


def check_folders(root: Path, modules: list[Module]) -> Iterator[str]:
    """A folder without `__init__` is invisible to the import contracts."""
    for folder in sorted({module.path.parent for module in modules if module.in_source}):
        if not (root / folder / "__init__.py").exists():
            yield f"{folder}: has no __init__.py"


def findings(root: Path) -> Iterator[str]:
    """Yield a line for each rule that something under `root` breaks."""
    modules = [
        Module(path.relative_to(root), path.read_text())
        for source in SOURCES
        for path in sorted((root / source).rglob("*.py"))
        if "node_modules" not in path.parts
    ]
    for module in modules:
        for check in CHECKS:
            for line, message in check(module):
                yield f"{module.path}:{line}: {message}"
    yield from check_folders(root, modules)
    yield from check_budget(modules)


def main(root: Path) -> int:
    """Print the findings and answer the exit code."""
    found = list(findings(root))
    print("\n".join(found) or "shape: nothing to complain about")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
