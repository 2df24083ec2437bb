"""What is kept of a failure in the background: when to try again, and a text without secrets."""

import random
import traceback
from typing import Final

from lyceum.platform import errors, redaction

PAUSES_SECONDS: Final = (5.0, 15.0, 45.0)
"""Before the second, third and fourth try; later ones wait as long as the last."""

_JITTER = 0.2
_LONGEST = 500


def pause_after(attempts: int) -> float:
    """Return how many seconds to wait when try number `attempts` (from 1) has failed.

    The jitter of a fifth keeps what failed together from coming back together.
    """
    base = PAUSES_SECONDS[min(attempts, len(PAUSES_SECONDS)) - 1]
    return base * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret depends on it


def describe(problem: BaseException) -> str:
    """Return one line for operators: kind, message (redacted), and where in our code."""
    message = problem.detail if isinstance(problem, errors.Fact) else str(problem)
    first = message.strip().splitlines()[0] if message.strip() else ""
    kind = type(problem).__name__
    text = f"{kind}: {redaction.clean_text(first, longest=_LONGEST)}" if first else kind
    ours = [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if "/lyceum/" in frame.filename and "/platform/" not in frame.filename
    ]
    if not ours:
        return text
    place = ours[-1].filename.rsplit("/lyceum/", 1)[1]
    return f"{text} ({place}:{ours[-1].lineno})"


def tell(problem: BaseException) -> str:
    """Return what the person who asked may read: the detail of a fact, nothing of a bug."""
    if isinstance(problem, errors.Fact):
        return redaction.clean_text(problem.detail, longest=_LONGEST)
    return errors.InternalError.title


def is_final(problem: BaseException) -> bool:
    """Whether trying again cannot help: a fact about the input or the state, told once."""
    return isinstance(problem, errors.Fact) and problem.status < 500 and problem.status != 429
