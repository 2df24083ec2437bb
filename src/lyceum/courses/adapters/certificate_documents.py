"""The documents of a stored certificate: its PDF, its public page, their addresses.

Not here: what they look like (`certificate_pdf`).
"""

import asyncio

from lyceum.courses.adapters.certificate_pdf import (
    CertificateFacts,
    render_certificate,
    verification_html,
)
from lyceum.courses.records import Certificate
from lyceum.platform.routing import API
from lyceum.platform.settings import Settings


def verify_url(settings: Settings, code: str) -> str:
    """Return the address of the public page of a certificate."""
    return f"{settings.base_url}/certificates/{code}"


def pdf_url(settings: Settings, code: str) -> str:
    """Return the address of the PDF of a certificate."""
    return f"{settings.base_url}{API}/certificates/{code}.pdf"


async def make_pdf(settings: Settings, certificate: Certificate) -> bytes:
    """Return the PDF, made in a thread; equal certificates give equal bytes."""
    return await asyncio.to_thread(render_certificate, _printed(settings, certificate))


def make_page(settings: Settings, certificate: Certificate) -> bytes:
    """Return the HTML page that says whether the certificate holds."""
    is_revoked = certificate.revoked_at is not None
    return verification_html(_printed(settings, certificate), is_revoked).encode()


def _printed(settings: Settings, certificate: Certificate) -> CertificateFacts:
    return CertificateFacts(
        learner_name=certificate.learner_name,
        course_title=certificate.course_title,
        academy_name=settings.academy_name,
        instructor_names=tuple(certificate.instructor_names),
        issued_on=certificate.issued_at.date(),
        code=certificate.code,
        verify_url=verify_url(settings, certificate.code),
    )
