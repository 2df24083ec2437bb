"""Modules that are loaded when they are first used.

For libraries that most processes never need and that would cost each of them memory and time at its
start. The type checker and the import contracts see an ordinary import:

    if TYPE_CHECKING:
        import typst
    else:
        typst = later("typst")
"""

import importlib
from typing import Any


class _Later:
    """Stands for a module until one of its names is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


def later(name: str) -> Any:
    """Return what stands for the module `name`; a missing one is found out by who first uses it."""
    return _Later(name)
