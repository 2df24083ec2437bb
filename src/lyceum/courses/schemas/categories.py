"""Categories over the wire."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.wire import Input, Output, Patch

Name = Annotated[str, Meta(min_length=2, max_length=100)]
Position = Annotated[int, Meta(ge=0, le=1_000_000)]


class NewCategory(Input, frozen=True, kw_only=True):
    """A category to add, at the top or below another."""

    name: Name
    parent_id: UUID | None = None
    position: Position = 0


class CategoryChanges(Patch, frozen=True, kw_only=True):
    """What to change of a category; its slug stays."""

    name: Name | UnsetType = UNSET
    parent_id: UUID | UnsetType | None = UNSET
    position: Position | UnsetType = UNSET


class CategoryView(Output, frozen=True, kw_only=True):
    """A category; `courseCount` is of courses in the catalogue, without subcategories."""

    id: UUID
    parent_id: UUID | None
    name: str
    slug: str
    position: int
    version: int
    course_count: int


class CategoryTree(CategoryView, frozen=True, kw_only=True):
    """A category with those below it, each level by position and name."""

    children: "tuple[CategoryTree, ...]"
