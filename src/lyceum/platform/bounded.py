"""A table of at most so many entries, the least recently added forgotten first.

For what strangers can add to. Not here: what ends by time (`value_cache`) or by use (`cache`).
"""

from collections import OrderedDict
from typing import TypeVar

T = TypeVar("T")


class Bounded(OrderedDict[bytes, T]):
    """Entries by keys of at most `longest` bytes; `keep` is how to add one."""

    def __init__(self, most: int, longest: int) -> None:
        super().__init__()
        self._most = most
        self._longest = longest

    def keep(self, key: bytes, value: T) -> None:
        """Add an entry, or change it in its place; nothing under a key that is too long."""
        if len(key) > self._longest:
            return
        self[key] = value
        if len(self) > self._most:
            self.popitem(last=False)
