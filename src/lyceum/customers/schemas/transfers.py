"""Imports and exports of customers over the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from lyceum.customers.schemas.customers import FilterText
from lyceum.platform.wire import Input, Output


class CustomerImportQuery(Input, frozen=True, kw_only=True):
    """How to take a file: tried only, all rows or none, and what makes a row a known customer."""

    dry_run: bool = False
    mode: Literal["all-or-nothing", "row-by-row"] = "row-by-row"
    match: Literal["reference", "email", "none"] = "reference"


class NewCustomerExport(Input, frozen=True, kw_only=True):
    """Which customers to write to a file; all that are present without a filter."""

    filter: FilterText | None = None


class CustomerRowProblem(Output, frozen=True, kw_only=True):
    """What is wrong with a row; the row under the heading is 2, as spreadsheets count."""

    row: int
    column: str
    message: str


class CustomerImportReport(Output, frozen=True, kw_only=True):
    """What became of a file: `created` and `updated` are what would be, when it was tried only."""

    dry_run: bool
    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int
    problems: list[CustomerRowProblem]
    problem: str | None = None
    location: Annotated[str, Meta(description="Where the import is")] = ""


class CustomerExportReport(Output, frozen=True, kw_only=True):
    """What an export has written."""

    customers: int
    bytes: int
    location: Annotated[str, Meta(description="Where the file is")]


class CustomerTransferView(Output, frozen=True, kw_only=True):
    """An import or an export; its report is there when it has ended."""

    id: UUID
    job_id: UUID | None
    report: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None
