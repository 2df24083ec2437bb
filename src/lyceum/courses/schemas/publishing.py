"""On the way to learners, over the wire: readiness, review, copies."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from lyceum.courses.schemas.courses import Status, Title
from lyceum.platform.wire import Input, Output


class ReviewNote(Input, frozen=True, kw_only=True):
    """Why a course goes back to its authors; empty when they take it back themselves."""

    note: Annotated[str, Meta(max_length=2000)] = ""


class NewCopy(Input, frozen=True, kw_only=True):
    """How the copy of a course is called; without it, as the course, with a word before."""

    title: Title | UnsetType = UNSET


class Shortcoming(Output, frozen=True, kw_only=True):
    """One field of a course, and what it needs."""

    field: str
    message: str


class ReadinessView(Output, frozen=True, kw_only=True):
    """`missing` keeps the course from being published; `advice` does not."""

    is_ready: bool
    status: Status
    missing: tuple[Shortcoming, ...]
    advice: tuple[Shortcoming, ...]
    review_note: str
