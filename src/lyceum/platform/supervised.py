"""What a child of the supervisor does for it: ends when it is gone, begins when it says so.

Not here: the supervisor (`processes`).
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Final

LIFELINE: Final = 0


def wait_at_gate(gate: int) -> None:
    """Return when everything that an early child needs is there; at once if it was before."""
    while os.read(gate, 64):
        pass


def _end_yourself() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def watch_lifeline(
    fd: int = LIFELINE, on_lost: Callable[[], None] = _end_yourself, *, grace_seconds: float = 20.0
) -> None:
    """Watch, in a thread, for the end of the supervisor: call `on_lost`, then exit after the grace.

    `on_lost` is called in that thread; unless given, it sends this process the SIGTERM on which it
    stops anyway. For children of `run_supervised` only: elsewhere standard input may end at once.
    """

    def watch() -> None:
        while os.read(fd, 64):
            pass
        on_lost()
        time.sleep(grace_seconds)
        os._exit(os.EX_TEMPFAIL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
