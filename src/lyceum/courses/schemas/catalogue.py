"""Query parameters of the lists of courses."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from lyceum.courses.schemas.courses import Difficulty, Language, Status
from lyceum.platform.paging import PageQuery
from lyceum.platform.wire import Input

Order = Literal["new", "popular", "rating", "price", "-price"]
Amount = Annotated[int, Meta(ge=0, le=1_000_000_000, description="In minor units")]


class CatalogueQuery(PageQuery, frozen=True, kw_only=True):
    """Which courses of the catalogue; a search without `sort` puts the best match first."""

    category: (
        Annotated[str, Meta(min_length=2, max_length=100, description="Id, slug or name")] | None
    ) = None
    difficulty: Difficulty | None = None
    language: Language | None = None
    instructor: UUID | None = None
    min_rating: Annotated[float, Meta(ge=0, le=5)] | None = None
    min_price: Amount | None = None
    max_price: Amount | None = None
    search: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    sort: Order | None = None


class PopularQuery(Input, frozen=True, kw_only=True):
    """How many popular courses."""

    limit: Annotated[int, Meta(ge=1, le=50)] = 10


class TaughtQuery(PageQuery, frozen=True, kw_only=True):
    """Which of the courses that I teach."""

    status: Status | None = None
