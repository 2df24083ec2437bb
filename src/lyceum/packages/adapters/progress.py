"""How a long reading tells how far it is.

Not here: showing it to anybody.
"""

from collections.abc import Callable

# Told the share done, from 0 to 1.
Progress = Callable[[float], None]


def untold(share: float) -> None:
    """Tell nobody."""
