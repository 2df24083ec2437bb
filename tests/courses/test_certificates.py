"""Certificates: from the completion to the document, its verification, its revocation."""

import asyncio
import io

import httpx
import msgspec
import pypdf
import pytest

from lyceum.courses import errors as facts
from lyceum.courses import jobs
from lyceum.courses.events import CourseCompleted
from lyceum.courses.queries import certificates as queries
from lyceum.courses.records import Certificate
from lyceum.courses.schemas.progress import ProgressUpdate
from lyceum.courses.service import certificates, progress
from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.job_runs import JobRunner
from lyceum.users import api as users
from tests.courses.conftest import SignIn
from tests.courses.learning import SYSTEM, Taught, drop, enrol, events_of, learn, rows, teach
from tests.users.factories import actor_of, store_user

ADMIN = Actor(user_id=ids.new_id(), permissions=frozenset({"certificates:revoke"}))


async def complete(database: Database, learner: Actor, course: Taught) -> None:
    """Complete every lecture, and handle the completion as the worker would."""
    for lecture in course.lectures:
        update = ProgressUpdate(lecture_id=lecture, completed=True)
        await progress.record_progress(database.sole_writer(), learner, course.id, update)
    await handle_completions(database, course)


async def handle_completions(database: Database, course: Taught) -> None:
    for (payload,) in await rows(database, _COMPLETIONS, str(course.id)):
        async with database.transaction() as tx:
            await jobs.issue_certificate(tx, msgspec.json.decode(payload, type=CourseCompleted))


async def certify(database: Database, course: Taught) -> tuple[Actor, Certificate]:
    """Return somebody who completed the course, and the certificate of it."""
    learner = await learn(database, course)
    await complete(database, learner, course)
    (found,) = await database.reader().all(queries.LIST_MINE, learner.user_id, 10, 0)
    return learner, found


async def run_jobs(engines: Engines, certificate: Certificate) -> int:
    """Run the jobs that were asked for a certificate; return how many there were."""
    asked = await rows(engines.database, _JOBS, str(certificate.id))
    runner = JobRunner(engines, users.actor_for)
    for (job_id,) in asked:
        assert await runner.run(job_id)
    return len(asked)


async def revoke(database: Database, actor: Actor, code: str) -> Certificate:
    async with database.transaction() as tx:
        return await certificates.revoke_certificate(tx, actor, code, "Awarded by mistake")


async def test_completing_a_course_earns_a_certificate_with_what_was_true_then(
    database: Database,
) -> None:
    course = await teach(database)
    learner, certificate = await certify(database, course)
    assert (certificate.course_id, certificate.user_id) == (course.id, learner.user_id)
    assert certificate.learner_name == "Ada Lovelace"
    assert certificate.course_title == "Rivers and tides"
    assert certificate.instructor_names == ["Grace Lovelace"]
    assert len(certificate.code) == 32
    assert await events_of(database, "certificate.issued", course.id) == 1
    await rows(database, "UPDATE users.users SET first_name = 'X' WHERE id = $1", learner.user_id)
    await rows(
        database, "UPDATE courses.courses SET title = 'Other title' WHERE id = $1", course.id
    )
    kept = await certificates.get_certificate(database.reader(), ANONYMOUS, certificate.code)
    assert kept == certificate


async def test_a_course_without_certificates_gives_none(database: Database) -> None:
    course = await teach(database, has_certificate=False)
    learner = await learn(database, course)
    await complete(database, learner, course)
    assert await database.reader().all(queries.LIST_MINE, learner.user_id, 10, 0) == []
    assert await events_of(database, "certificate.issued", course.id) == 0


async def test_nothing_is_issued_for_what_is_not_completed(database: Database) -> None:
    course = await teach(database)
    learner = actor_of(await store_user(database))
    enrolment = await enrol(database, learner, course.id)
    async with database.transaction() as tx:
        assert await certificates.issue_certificate(tx, SYSTEM, enrolment.id) is None
        assert await certificates.issue_certificate(tx, SYSTEM, ids.new_id()) is None


async def test_100_completions_at_once_earn_one_certificate(
    database: Database, engines: Engines
) -> None:
    course = await teach(database, *["text"] * 5)
    learner = await learn(database, course)
    await asyncio.gather(
        *(
            progress.record_progress(
                database.sole_writer(),
                learner,
                course.id,
                ProgressUpdate(lecture_id=course.lectures[number % 5], completed=True),
            )
            for number in range(100)
        )
    )
    assert await events_of(database, "course.completed", course.id) == 1
    # Delivered again and again at the same time, as a worker that was killed would.
    await asyncio.gather(*(handle_completions(database, course) for _ in range(8)))
    (certificate,) = await database.reader().all(queries.LIST_MINE, learner.user_id, 10, 0)
    assert await events_of(database, "certificate.issued", course.id) == 1
    assert await run_jobs(engines, certificate) == 1


async def test_leaving_and_coming_back_earns_no_second_one(database: Database) -> None:
    course = await teach(database, "text")
    learner, certificate = await certify(database, course)
    await drop(database, learner, course.id)
    await enrol(database, learner, course.id)
    await complete(database, learner, course)
    assert await database.reader().all(queries.LIST_MINE, learner.user_id, 10, 0) == [certificate]


async def test_the_job_stores_the_document_and_both_ways_give_the_same_bytes(
    database: Database, engines: Engines
) -> None:
    _, certificate = await certify(database, await teach(database))
    reader = database.reader()
    on_the_spot = await certificates.get_document(reader, ANONYMOUS, engines, certificate.code)
    assert await run_jobs(engines, certificate) == 1
    stored = await certificates.get_certificate(reader, ANONYMOUS, certificate.code)
    assert stored.pdf_key is not None
    assert await engines.storage.get(stored.pdf_key) == on_the_spot
    assert await certificates.get_document(reader, ANONYMOUS, engines, stored.code) == on_the_spot
    await engines.storage.delete(stored.pdf_key)
    assert await certificates.get_document(reader, ANONYMOUS, engines, stored.code) == on_the_spot
    text = pypdf.PdfReader(io.BytesIO(on_the_spot)).pages[0].extract_text()
    for shown in ("Ada Lovelace", "Rivers and tides", "Grace Lovelace", certificate.code):
        assert shown in text


async def test_only_the_program_finds_a_certificate_by_its_id(database: Database) -> None:
    learner, certificate = await certify(database, await teach(database))
    reader = database.reader()
    for actor in (learner, ADMIN, ANONYMOUS):
        with pytest.raises(errors.NotFound):
            await certificates.get_certificate_to_print(reader, actor, certificate.id)
    found = await certificates.get_certificate_to_print(reader, SYSTEM, certificate.id)
    assert found == certificate


async def test_a_certificate_is_revoked_once_and_for_good(
    database: Database, engines: Engines
) -> None:
    learner, certificate = await certify(database, await teach(database))
    with pytest.raises(errors.Forbidden):
        await revoke(database, learner, certificate.code)
    outcomes = await asyncio.gather(
        *(revoke(database, ADMIN, certificate.code) for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Certificate",
        *["RevokedAlready"] * 4,
    ]
    assert await events_of(database, "certificate.revoked", certificate.course_id) == 1
    with pytest.raises(facts.CertificateRevoked):
        await certificates.get_document(database.reader(), ANONYMOUS, engines, certificate.code)


async def test_anybody_verifies_a_certificate_by_its_code(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    learner, certificate = await certify(database, course)
    address = f"http://academy.test/certificates/{certificate.code}"
    answer = await client.get(f"/api/v1/certificates/{certificate.code}")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data.pop("issuedAt")
    assert data == {
        "code": certificate.code,
        "isValid": True,
        "learnerName": "Ada Lovelace",
        "courseId": str(course.id),
        "courseTitle": "Rivers and tides",
        "instructorNames": ["Grace Lovelace"],
        "academyName": "Lyceum Academy",
        "revokedAt": None,
        "verifyUrl": address,
        "pdfUrl": f"http://academy.test/api/v1/certificates/{certificate.code}.pdf",
    }
    mine = await client.get("/api/v1/me/certificates", headers=await sign_in(learner))
    assert mine.json()["meta"]["total"] == 1
    assert [shown["code"] for shown in mine.json()["data"]] == [certificate.code]
    # Somebody else's token, good or bad, changes nothing about a public address.
    forged = {"authorization": "Bearer forged"}
    for path in (f"/api/v1/certificates/{certificate.code}", data["pdfUrl"], data["verifyUrl"]):
        assert (await client.get(path, headers=forged)).status_code == 200


async def test_the_documents_of_a_certificate(
    client: httpx.AsyncClient, database: Database
) -> None:
    _, certificate = await certify(database, await teach(database))
    pdf = await client.get(f"/api/v1/certificates/{certificate.code}.pdf")
    assert pdf.status_code == 200
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"].endswith(f'"certificate-{certificate.code}.pdf"')
    assert pdf.content.startswith(b"%PDF-")
    known = {"if-none-match": pdf.headers["etag"]}
    again = await client.get(f"/api/v1/certificates/{certificate.code}.pdf", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    page = await client.get(f"/certificates/{certificate.code}")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'unsafe-inline'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "This certificate is valid" in page.text


async def test_unknown_codes_are_all_the_same(client: httpx.AsyncClient) -> None:
    codes = ("0" * 32, "x", "%00", "é" * 32, "0" * 33, "a" * 500, str(ids.new_id()))
    for path in ("/api/v1/certificates/{}", "/api/v1/certificates/{}.pdf", "/certificates/{}"):
        problems = []
        for code in codes:
            answer = await client.get(path.format(code))
            assert answer.status_code == 404
            problem = answer.json()
            problems.append((problem["type"], problem["detail"], problem["code"]))
        assert set(problems) == {("/problems/not-found", "Not found", 3001)}


async def test_the_door_of_revoking(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    learner, certificate = await certify(database, await teach(database))
    path = f"/api/v1/certificates/{certificate.code}/revoke"
    body = {"reason": "Awarded by mistake"}
    people = {
        role: await sign_in(actor_of(await store_user(database, roles=(role,))))
        for role in ("instructor", "manager", "admin")
    }
    assert (await client.post(path, json=body)).status_code == 401
    for outsider in (await sign_in(learner), people["instructor"], people["manager"]):
        refused = await client.post(path, json=body, headers=outsider)
        assert (refused.status_code, refused.json()["permission"]) == (403, "certificates:revoke")
    unknown = f"/api/v1/certificates/{'0' * 32}/revoke"
    admin = people["admin"]
    assert (await client.post(unknown, json=body, headers=admin)).status_code == 404
    for wrong in ({}, {"reason": ""}, {"reason": "x" * 1001}, body | {"code": "1"}):
        assert (await client.post(path, json=wrong, headers=admin)).status_code == 422
    assert (await client.get(path.removesuffix("/revoke"))).json()["data"]["isValid"]
    done = await client.post(path, json=body, headers=admin)
    assert (done.status_code, done.json()["data"]["isValid"]) == (200, False)
    again = await client.post(path, json=body, headers=admin)
    assert (again.status_code, again.json()["code"]) == (409, 6141)


async def test_a_revoked_certificate_says_so_everywhere(
    client: httpx.AsyncClient, database: Database
) -> None:
    _, certificate = await certify(database, await teach(database))
    await revoke(database, ADMIN, certificate.code)
    shown = (await client.get(f"/api/v1/certificates/{certificate.code}")).json()["data"]
    assert (shown["isValid"], shown["revokedAt"] is None) == (False, False)
    assert "mistake" not in str(shown)
    page = await client.get(f"/certificates/{certificate.code}")
    assert (page.status_code, "has been revoked" in page.text) == (200, True)
    assert "mistake" not in page.text
    pdf = await client.get(f"/api/v1/certificates/{certificate.code}.pdf")
    assert (pdf.status_code, pdf.json()["code"]) == (410, 6140)


async def test_my_certificates_are_mine(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    learner = await learn(database, await teach(database))
    for _ in range(3):
        course = await teach(database, "text")
        await enrol(database, learner, course.id)
        await complete(database, learner, course)
    await certify(database, await teach(database))
    path = "/api/v1/me/certificates"
    assert (await client.get(path)).status_code == 401
    headers = await sign_in(learner)
    assert (await client.get(f"{path}?perPage=101", headers=headers)).status_code == 422
    first = (await client.get(f"{path}?perPage=2", headers=headers)).json()
    rest = (await client.get(f"{path}?perPage=2&page=2", headers=headers)).json()
    assert (first["meta"]["total"], len(first["data"]), len(rest["data"])) == (3, 2, 1)
    codes = [shown["code"] for shown in first["data"] + rest["data"]]
    owners = await rows(database, _OWNERS, codes)
    assert owners == [(learner.user_id,)]


_COMPLETIONS = """
    SELECT payload FROM platform.outbox
    WHERE name = 'course.completed' AND payload->>'course_id' = $1
"""
_JOBS = """
    SELECT id FROM platform.jobs
    WHERE name = 'courses.render_certificate' AND arguments->>'certificate_id' = $1
"""
_OWNERS = "SELECT DISTINCT user_id FROM courses.certificates WHERE code = ANY($1)"
