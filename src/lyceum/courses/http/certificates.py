"""Certificates over HTTP: JSON and PDF in the interface, and the public page."""

from typing import Final

from lyceum.courses import errors as facts
from lyceum.courses import jobs, permissions
from lyceum.courses.adapters import certificate_documents as documents
from lyceum.courses.records import Certificate
from lyceum.courses.schemas.certificates import CertificateView, Revocation
from lyceum.courses.service import certificates
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.digests import content_etag
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import enqueue
from lyceum.platform.paging import PageQuery
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import PUBLIC, SIGNED_IN, Routes
from lyceum.platform.settings import Settings
from lyceum.platform.wire import Answer, Content

routes = Routes("courses")
pages = Routes("courses", prefix="")

PDF: Final = "application/pdf"
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)


@routes.get(
    "/me/certificates",
    access=SIGNED_IN,
    summary="List one's certificates",
    returns=list[CertificateView],
    shows=Record("certificate", is_own=True),
)
async def list_own_certificates(
    tx: Reader, actor: Actor, engines: Engines, query: PageQuery
) -> Answer[list[CertificateView]]:
    """The caller's certificates, newest first."""
    found, total = await certificates.list_own_certificates(tx, actor, query)
    views = [_view(engines.settings, certificate) for certificate in found]
    return Answer(data=views, page=query.info(total))


@routes.get("/certificates/{code}", access=PUBLIC, summary="Verify a certificate")
async def get_certificate(tx: Reader, engines: Engines, code: str) -> CertificateView:
    """What the certificate of a code says and whether it holds; the code is all it takes."""
    return _view(engines.settings, await certificates.get_certificate(tx, ANONYMOUS, code))


@routes.get(
    "/certificates/{code}.pdf",
    access=PUBLIC,
    summary="Download a certificate",
    media_type=PDF,
    facts=(facts.CertificateRevoked,),
)
async def get_certificate_document(tx: Reader, engines: Engines, code: str) -> Content:
    """The document of a certificate; a revoked one has none."""
    document = await certificates.get_document(tx, ANONYMOUS, engines, code)
    return Content(
        body=document,
        media_type=PDF,
        headers=(("content-disposition", f'inline; filename="certificate-{code}.pdf"'),),
        is_public=True,
        etag=content_etag(document),
    )


@routes.post(
    "/certificates/{code}/revoke",
    access=permissions.REVOKE_CERTIFICATE,
    summary="Revoke a certificate",
    status=200,
    facts=(facts.RevokedAlready,),
)
async def revoke_certificate(
    tx: Writer, actor: Actor, engines: Engines, code: str, data: Revocation
) -> CertificateView:
    """Withdraw a certificate for good: it stays verifiable, as revoked."""
    revoked = await certificates.revoke_certificate(tx, actor, code, data.reason)
    return _view(engines.settings, revoked)


@routes.post(
    "/certificates/{code}/reissue",
    access=permissions.REVOKE_CERTIFICATE,
    summary="Issue a certificate anew",
    status=200,
    facts=(facts.RevokedAlready,),
)
async def reissue_certificate(
    tx: Writer, actor: Actor, engines: Engines, code: str, data: Revocation
) -> CertificateView:
    """With the names and the title as they are now, under another code, also after it was revoked;
    the code until now stays verifiable, as revoked."""
    issued = await certificates.reissue_certificate(tx, actor, code, data.reason)
    await enqueue(tx, actor, jobs.render_certificate, certificate_id=issued.id)
    return _view(engines.settings, issued)


@pages.get(
    "/certificates/{code}",
    access=PUBLIC,
    summary="Show whether a certificate holds",
    media_type="text/html",
)
async def show_certificate(tx: Reader, engines: Engines, code: str) -> Content:
    """The page that the QR code of a certificate leads to."""
    certificate = await certificates.get_certificate(tx, ANONYMOUS, code)
    page = documents.make_page(engines.settings, certificate)
    return Content(
        body=page,
        media_type="text/html; charset=utf-8",
        headers=(("content-security-policy", PAGE_POLICY), ("referrer-policy", "no-referrer")),
        is_public=True,
        etag=content_etag(page),
    )


def _view(settings: Settings, certificate: Certificate) -> CertificateView:
    return CertificateView(
        code=certificate.code,
        is_valid=certificate.revoked_at is None,
        learner_name=certificate.learner_name,
        course_id=certificate.course_id,
        course_title=certificate.course_title,
        instructor_names=tuple(certificate.instructor_names),
        academy_name=settings.academy_name,
        issued_at=certificate.issued_at,
        revoked_at=certificate.revoked_at,
        verify_url=documents.verify_url(settings, certificate.code),
        pdf_url=documents.pdf_url(settings, certificate.code),
    )
