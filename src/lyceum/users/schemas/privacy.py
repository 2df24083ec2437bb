"""What goes over the wire about exports of personal data and consents."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.fields import LINE, Secretive


class DataExportView(Output, frozen=True, kw_only=True):
    """An archive of what is held on its owner; ready once it has a size."""

    id: UUID
    requested_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    size_bytes: int | None


class ExportLink(Secretive, Output, frozen=True, kw_only=True):
    """Where the archive is, for whoever has the address."""

    url: str
    expires_in: int


class ConsentGiven(Input, frozen=True, kw_only=True):
    """What a person says; `document_version` names the wording that they saw."""

    is_given: bool
    document_version: Annotated[str, Meta(max_length=50, pattern=LINE)] = ""


class ConsentView(Output, frozen=True, kw_only=True):
    """What a person last said to one purpose."""

    purpose: str
    is_given: bool
    document_version: str
    decided_at: datetime
