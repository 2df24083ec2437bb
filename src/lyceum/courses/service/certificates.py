"""Certificates: issuing, showing and revoking them.

What a certificate says is frozen when it is issued. Not here: its documents
(`adapters.certificate_documents`), the event that starts it all and the job that makes the PDF
(`jobs`).
"""

import secrets
from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.adapters import certificate_documents as documents
from lyceum.courses.queries import certificates as queries
from lyceum.courses.records import Certificate
from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.events import emit
from lyceum.platform.paging import PageQuery
from lyceum.platform.storage import StorageFault


async def issue_certificate(tx: Writer, actor: Actor, enrolment_id: UUID) -> UUID | None:
    """Issue the certificate of a completed enrolment and return its id; None if there is one
    already, or the course gives none."""
    found = await tx.one_or_none(queries.FIND_COMPLETION, enrolment_id)
    if found is None or not found.has_certificate or found.completed_at is None:
        return None
    certificate = await tx.one_or_none(
        queries.INSERT_CERTIFICATE, ids.new_id(), secrets.token_hex(16), enrolment_id,
        found.course_id, found.user_id, found.learner_name or "Former member", found.course_title,
        found.instructor_names, clock.utc_now(),
    )  # fmt: skip
    if certificate is None:
        return None
    issued = events.CertificateIssued(
        certificate_id=certificate.id,
        enrolment_id=enrolment_id,
        course_id=certificate.course_id,
        user_id=certificate.user_id,
    )
    await emit(tx, actor, issued)
    return certificate.id


async def get_certificate(tx: Reader, actor: Actor, code: str) -> Certificate:
    """Return the certificate of a code, which is all it takes: anybody may be the actor."""
    found = None
    if len(code) == 32 and code.isascii():
        found = await tx.one_or_none(queries.FIND_BY_CODE, code)
    if found is None:
        raise errors.NotFound
    return found


async def get_document(tx: Reader, actor: Actor, engines: Engines, code: str) -> bytes:
    """Return the PDF of a certificate: the stored one, or the same bytes made on the spot."""
    certificate = await get_certificate(tx, actor, code)
    if certificate.revoked_at is not None:
        raise facts.CertificateRevoked(revoked_at=certificate.revoked_at)
    if certificate.pdf_key is not None:
        try:
            return await engines.storage.get(certificate.pdf_key)
        except StorageFault:
            # Lost or out of reach: it can be made again at any time.
            pass
    return await documents.make_pdf(engines.settings, certificate)


async def get_certificate_to_print(tx: Reader, actor: Actor, certificate_id: UUID) -> Certificate:
    """Return a certificate by its id, which only the program itself may use as a key."""
    found = await tx.one_or_none(queries.FIND_CERTIFICATE, certificate_id)
    if found is None or actor.system is None:
        raise errors.NotFound
    return found


async def keep_document(tx: Writer, actor: Actor, certificate_id: UUID, pdf_key: str) -> None:
    """Note under which key the PDF of a certificate is stored."""
    certificate = await get_certificate_to_print(tx, actor, certificate_id)
    await tx.execute(queries.SET_PDF, certificate.id, pdf_key)


async def list_own_certificates(
    tx: Reader, actor: Actor, page: PageQuery
) -> tuple[list[Certificate], int]:
    """Return a page of the actor's certificates, newest first, and how many there are."""
    user_id = actor.require_user()
    total = await tx.one(queries.COUNT_MINE, user_id)
    return await tx.all(queries.LIST_MINE, user_id, page.per_page, page.offset), total


async def reissue_certificate(tx: Writer, actor: Actor, code: str, reason: str) -> Certificate:
    """Issue a certificate anew, with the names and the title as they are now and another code; the
    code until now leads to the old one, which holds no longer."""
    actor.require(permissions.REVOKE_CERTIFICATE)
    found = await get_certificate(tx, actor, code)
    enrolment_id = await tx.one_or_none(queries.LOCK_BY_CODE, found.code)
    if enrolment_id is None:
        raise facts.RevokedAlready("It was issued anew before.", revoked_at=found.revoked_at)
    now = clock.utc_now()
    says = await tx.one(queries.FIND_COMPLETION, enrolment_id)
    await tx.execute(queries.KEEP_FORMER, found.code, now, reason)
    issued = await tx.one(
        queries.REISSUE, found.code, secrets.token_hex(16), says.learner_name or "Former member",
        says.course_title, says.instructor_names, now,
    )  # fmt: skip
    anew = events.CertificateReissued(
        certificate_id=issued.id, course_id=issued.course_id, user_id=issued.user_id
    )
    await emit(tx, actor, anew)
    return issued


async def revoke_certificate(tx: Writer, actor: Actor, code: str, reason: str) -> Certificate:
    """Withdraw a certificate for good; its page and JSON say so, its PDF is gone."""
    actor.require(permissions.REVOKE_CERTIFICATE)
    found = await get_certificate(tx, actor, code)
    revoked = await tx.one_or_none(queries.REVOKE, found.code, clock.utc_now(), reason)
    if revoked is None:
        raise facts.RevokedAlready(revoked_at=found.revoked_at)
    withdrawn = events.CertificateRevoked(
        certificate_id=revoked.id, course_id=revoked.course_id, user_id=revoked.user_id
    )
    await emit(tx, actor, withdrawn)
    return revoked
