"""Certificates over the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from lyceum.platform.wire import Input, Output


class Revocation(Input, frozen=True, kw_only=True):
    """Why a certificate is revoked; for the academy's own records."""

    reason: Annotated[str, Meta(min_length=3, max_length=1000)]


class CertificateView(Output, frozen=True, kw_only=True):
    """A certificate, as it was issued, and whether it holds; whoever has the code may see it."""

    code: str
    is_valid: bool
    learner_name: str
    course_id: UUID
    course_title: str
    instructor_names: tuple[str, ...]
    academy_name: str
    issued_at: datetime
    revoked_at: datetime | None
    verify_url: str
    pdf_url: str
