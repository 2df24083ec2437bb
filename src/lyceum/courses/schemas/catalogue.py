"""Query parameters of the lists of courses, and what a search answers."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from lyceum.courses.schemas.courses import CourseCard, Difficulty, Language, Status
from lyceum.platform.paging import PageQuery
from lyceum.platform.wire import Input, Output

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


class SimilarQuery(Input, frozen=True, kw_only=True):
    """How many similar courses."""

    limit: Annotated[int, Meta(ge=1, le=20)] = 6


class Highlight(Output, frozen=True, kw_only=True):
    """Where a course matches, as HTML that is safe to show: what matched is in `mark` elements."""

    title: str
    text: str


class CourseMatch(CourseCard, frozen=True, kw_only=True):
    """A course that matches; without words to search for there is nothing to highlight."""

    highlight: Highlight | None


class CategoryCount(Output, frozen=True, kw_only=True):
    """How many match in a category itself."""

    id: UUID
    name: str
    slug: str
    count: int


class ValueCount(Output, frozen=True, kw_only=True):
    """How many match with a value; ratings are rounded to whole stars, 0 for none."""

    value: str
    count: int


class Facets(Output, frozen=True, kw_only=True):
    """Counts of what would match with another choice: each leaves its own filter out."""

    categories: tuple[CategoryCount, ...]
    difficulties: tuple[ValueCount, ...]
    languages: tuple[ValueCount, ...]
    prices: tuple[ValueCount, ...]
    ratings: tuple[ValueCount, ...]


class SearchResult(Output, frozen=True, kw_only=True):
    """A page of matches and the counts of all."""

    items: tuple[CourseMatch, ...]
    facets: Facets
