"""One course in detail: the public part from the cache, the caller's own part beside it."""

from typing import Any

import httpx
import msgspec
import pytest

from lyceum.courses.schemas.courses import CourseChanges, CourseDetail, ViewerView
from lyceum.courses.schemas.structure import NewLecture
from lyceum.courses.service import courses, structure
from lyceum.platform import ids
from lyceum.platform.database import Database
from tests.courses import factories
from tests.courses.conftest import SignIn

COURSES = "/api/v1/courses"


async def detail(
    client: httpx.AsyncClient, reference: object, headers: dict[str, str] | None = None
) -> CourseDetail:
    response = await client.get(f"{COURSES}/{reference}", headers=headers)
    assert response.status_code == 200, response.text
    data = msgspec.json.encode(response.json()["data"])
    shown = msgspec.json.decode(data, type=CourseDetail)
    known = {field.encode_name for field in msgspec.structs.fields(CourseDetail)}
    assert set(response.json()["data"]) <= known
    return shown


def viewer_of(shown: CourseDetail) -> ViewerView:
    assert isinstance(shown.viewer, ViewerView)
    return shown.viewer


async def test_by_id_and_by_slug_for_nobody(client: httpx.AsyncClient, database: Database) -> None:
    outline = await factories.store_published(database, category="Seamanship")
    shown = await detail(client, outline.course_id)
    assert shown.viewer is msgspec.UNSET
    assert shown.description == factories.DESCRIPTION
    assert (shown.chapter_count, shown.lecture_count, shown.duration_seconds) == (2, 4, 240)
    assert [c.id for c in shown.outline] == [c.id for c in outline.chapters]
    parts = [part for chapter in shown.outline for part in chapter.lectures]
    assert [part.id for part in parts] == [lecture.id for lecture in outline.lectures]
    assert [part.is_preview for part in parts] == [True, False, False, False]
    assert "Light the lantern" not in str(parts)
    for reference in (shown.slug, str(outline.course_id).upper()):
        assert await detail(client, reference) == shown
        assert await detail(client, reference) == shown


async def test_the_callers_part(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    outline = await factories.store_published(database)
    learner = await factories.store_person(database)
    headers = await sign_in(learner)
    stranger = viewer_of(await detail(client, outline.course_id, headers))
    assert stranger == ViewerView(
        role=None, enrolment=None, completed_lecture_ids=(), next_lecture_id=None
    )
    lectures = [lecture.id for lecture in outline.lectures]
    async with database.transaction() as tx:
        enrolment_id = await factories.enrol(tx, outline.course_id, learner, percent=50)
        for lecture_id in (lectures[2], lectures[0]):
            await factories.complete(tx, enrolment_id, lecture_id)
    shown = await detail(client, outline.course_id, headers)
    assert shown.enrolment_count == 1
    viewer = viewer_of(shown)
    assert viewer.role == "learner"
    assert viewer.enrolment is not None
    assert (viewer.enrolment.id, viewer.enrolment.status) == (enrolment_id, "active")
    assert viewer.enrolment.progress_percent == 50
    assert viewer.completed_lecture_ids == (str(lectures[0]), str(lectures[2]))
    assert viewer.next_lecture_id == str(lectures[1])
    async with database.transaction() as tx:
        await factories.complete(tx, enrolment_id, lectures[1])
        await factories.complete(tx, enrolment_id, lectures[3])
        await structure.delete_lecture(tx, outline.owner, lectures[0], None)
    viewer = viewer_of(await detail(client, outline.course_id, headers))
    assert viewer.completed_lecture_ids == tuple(map(str, lectures[1:]))
    assert viewer.next_lecture_id is None
    owner = viewer_of(await detail(client, outline.course_id, await sign_in(outline.owner)))
    assert (owner.role, owner.enrolment, owner.next_lecture_id) == ("owner", None, None)


async def test_who_may_cache_what(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    outline = await factories.store_published(database)
    path = f"{COURSES}/{outline.course_id}"
    nobody = await client.get(path)
    assert nobody.headers["cache-control"].startswith("public")
    learner = await factories.store_person(database)
    headers = await sign_in(learner)
    mine = await client.get(path, headers=headers)
    assert mine.headers["cache-control"] == "private, no-store"
    assert mine.headers["etag"] != nobody.headers["etag"]
    for etag, more in ((nobody.headers["etag"], {}), (mine.headers["etag"], headers)):
        same = await client.get(path, headers={"if-none-match": etag, **more})
        assert same.status_code == 304
    async with database.transaction() as tx:
        await factories.enrol(tx, outline.course_id, learner)
    changed = {"if-none-match": mine.headers["etag"], **headers}
    assert (await client.get(path, headers=changed)).status_code == 200
    assert (
        await client.get(path, headers={"if-none-match": nobody.headers["etag"]})
    ).status_code == 200


async def test_the_etag_serves_as_if_match(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    outline = await factories.store_published(database)
    path, headers = f"{COURSES}/{outline.course_id}", await sign_in(outline.owner)
    etag = (await client.get(path, headers=headers)).headers["etag"]
    body: dict[str, Any] = {"price": {"amount": 900, "currency": "EUR"}}
    assert (await client.patch(path, json=body, headers=headers)).status_code == 428
    changed = await client.patch(path, json=body, headers={"if-match": etag, **headers})
    assert changed.status_code == 200, changed.text
    assert changed.json()["data"]["price"]["amount"] == 900
    stale = await client.patch(path, json={"tags": []}, headers={"if-match": etag, **headers})
    assert stale.status_code == 412
    fresh = {"if-match": changed.headers["etag"], **headers}
    assert (await client.patch(path, json={"tags": ["a"]}, headers=fresh)).status_code == 200


async def test_nothing_stale_is_shown(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    outline = await factories.store_published(database)
    course_id, owner = outline.course_id, outline.owner
    await detail(client, course_id)
    async with database.transaction() as tx:
        await courses.update_course(tx, owner, str(course_id), CourseChanges(subtitle="New"), None)
    assert (await detail(client, course_id)).subtitle == "New"
    async with database.transaction() as tx:
        new = NewLecture(title="One more", type="text", duration_seconds=30)
        await structure.add_lecture(tx, owner, outline.chapters[0].id, new)
    shown = await detail(client, course_id)
    assert (shown.lecture_count, shown.duration_seconds) == (5, 270)
    assert shown.outline[0].lectures[-1].title == "One more"
    async with database.transaction() as tx:
        await courses.archive_course(tx, owner, course_id)
    assert (await client.get(f"{COURSES}/{course_id}")).status_code == 404
    headers = await sign_in(owner)
    assert (await detail(client, course_id, headers)).status == "archived"
    async with database.transaction() as tx:
        await courses.delete_course(tx, owner, str(course_id), None)
    assert (await client.get(f"{COURSES}/{course_id}", headers=headers)).status_code == 410


@pytest.mark.parametrize("kind", ["draft", "invited", "archived", "deleted"])
async def test_what_is_not_visible_is_not_there(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn, kind: str
) -> None:
    """The answer is, but for the address, that of a course that never was."""
    async with database.transaction() as tx:
        owner = await factories.make_person(tx, "instructor")
        if kind == "draft":
            course_id = await factories.make_course(tx, owner)
        else:
            visibility = "invited" if kind == "invited" else "public"
            outline = await factories.make_published(tx, owner, visibility=visibility)
            course_id = outline.course_id
        if kind == "archived":
            await courses.archive_course(tx, owner, course_id)
        if kind == "deleted":
            await courses.delete_course(tx, owner, str(course_id), None)
    headers = await sign_in(await factories.store_person(database, "instructor"))
    await client.get(f"{COURSES}/{course_id}", headers=await sign_in(owner))
    for more in ({}, headers):
        for path in ("", "/chapters", "/reviews"):
            hidden = await client.get(f"{COURSES}/{course_id}{path}", headers=more)
            missing = await client.get(f"{COURSES}/{ids.new_id()}{path}", headers=more)
            assert hidden.status_code == missing.status_code == 404
            for body in (one := hidden.json(), other := missing.json()):
                del body["requestId"], body["instance"]
            assert one == other


async def test_an_unknown_slug_is_404(client: httpx.AsyncClient) -> None:
    for slug in ("no-such-course", "%00", "..", "a" * 3000, "%ff", "🛶"):
        response = await client.get(f"{COURSES}/{slug}")
        assert response.status_code in (404, 422), slug
