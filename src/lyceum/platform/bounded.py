"""A table of at most so many entries, the least recently added forgotten first.

For what strangers can add to. Not here: what ends by time (`value_cache`) or by use (`cache`).
"""

from collections import OrderedDict
from typing import TypeVar

T = TypeVar("T")


class Bounded(OrderedDict[bytes, T]):
    """Entries by bytes; `keep` is how to add one."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def keep(self, key: bytes, value: T) -> None:
        """Add an entry, or change it in its place."""
        self[key] = value
        if len(self) > self._most:
            self.popitem(last=False)
