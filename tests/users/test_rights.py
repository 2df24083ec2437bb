"""What somebody may do, by role and with one object, and the reasons given."""

from uuid import UUID

import httpx
import pytest

from lyceum.app.services import routes_of
from lyceum.courses.service import courses, enrolment
from lyceum.platform import errors, policies
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from lyceum.users.schemas.permissions import PermissionAnswer, PermissionQuestion, ResourceRef
from lyceum.users.service import rights
from tests.courses.factories import make_course, make_outline
from tests.users import factories

routes_of("all")  # as a web process does: it knows every policy


async def test_questions_are_answered_with_the_reason(tx: Writer) -> None:
    actor = factories.actor_of(await factories.make_user(tx, roles=("admin",)))
    names = ["users:read", "users:rule-the-world", "users:change-roles"]
    asked = [PermissionQuestion(permission=name) for name in names]
    answers = await rights.check_permissions(tx, actor, asked)
    assert [answer.allowed for answer in answers] == [True, False, True]
    assert all(answer.reason for answer in answers)
    student = factories.actor_of(await factories.make_user(tx))
    [refused, *_] = await rights.check_permissions(tx, student, asked)
    assert not refused.allowed
    assert "admin" in refused.reason
    with pytest.raises(errors.Unauthorized):
        await rights.check_permissions(tx, Actor(), asked)


async def test_own_permissions_follow_the_role(tx: Writer) -> None:
    student = factories.actor_of(await factories.make_user(tx))
    admin = factories.actor_of(await factories.make_user(tx, roles=("admin",)))
    top = factories.actor_of(await factories.make_user(tx, roles=("super_admin",)))
    few, more, all_of_them = [
        set(await rights.list_own_permissions(tx, actor)) for actor in (student, admin, top)
    ]
    assert few < more <= all_of_them
    assert "users:suspend" in more
    with pytest.raises(errors.Unauthorized):
        await rights.list_own_permissions(tx, Actor())


async def ask(
    tx: Writer, actor: Actor, permission: str, kind: str, name: object
) -> PermissionAnswer:
    question = PermissionQuestion(
        permission=permission, resource=ResourceRef(type=kind, id=str(name))
    )
    [answer] = await rights.check_permissions(tx, actor, [question])
    return answer


async def somebody(tx: Writer, role: str = "student") -> Actor:
    return factories.actor_of(await factories.make_user(tx, roles=(role,)))


async def published(tx: Writer, owner: Actor) -> UUID:
    course_id = await make_course(tx, owner)
    await make_outline(tx, owner, course_id)
    await courses.publish_course(tx, owner, course_id)
    return course_id


async def test_who_may_change_a_course_and_why(tx: Writer) -> None:
    owner, other = await somebody(tx, "instructor"), await somebody(tx, "instructor")
    manager, student = await somebody(tx, "manager"), await somebody(tx)
    course_id = await published(tx, owner)
    wanted = {owner: "You own", manager: "manage every course"}
    for actor, reason in wanted.items():
        answer = await ask(tx, actor, "courses:update", "course", course_id)
        assert answer.allowed, answer
        assert reason in answer.reason
    refused = await ask(tx, other, "courses:update", "course", course_id)
    assert not refused.allowed
    assert "owner and co-instructors" in refused.reason
    refused = await ask(tx, student, "courses:delete", "course", course_id)
    assert not refused.allowed
    assert "role instructor" in refused.reason


async def test_who_may_review_is_who_learns(tx: Writer) -> None:
    course_id = await published(tx, await somebody(tx, "instructor"))
    student = await somebody(tx)
    assert not (await ask(tx, student, "reviews:create", "course", course_id)).allowed
    await enrolment.enrol(tx, student, course_id)
    allowed = await ask(tx, student, "reviews:create", "course", course_id)
    assert (allowed.allowed, allowed.reason) == (True, "You learn the course.")


async def test_what_is_hidden_answers_like_what_is_missing(tx: Writer) -> None:
    draft = await make_course(tx, await somebody(tx, "instructor"))
    private = await factories.make_user(tx)
    await tx.execute(factories.SET_VISIBILITY, private.id, "private")
    student = await somebody(tx)
    unknown = "01890000-0000-7000-8000-000000000001"
    for kind, hidden, permission in (
        ("course", draft, "courses:update"),
        ("user", private.id, "users:suspend"),
    ):
        answers = [
            await ask(tx, student, permission, kind, name) for name in (hidden, unknown, "no-such")
        ]
        assert {(answer.allowed, answer.reason) for answer in answers} == {
            (False, f"There is no such {kind}.")
        }


async def test_who_may_be_suspended(tx: Writer) -> None:
    admin, top = await somebody(tx, "admin"), await somebody(tx, "super_admin")
    student = await somebody(tx)
    assert (await ask(tx, admin, "users:suspend", "user", student.user_id)).allowed
    refused = await ask(tx, admin, "users:suspend", "user", top.user_id)
    assert not refused.allowed
    assert "as high" in refused.reason
    assert not (await ask(tx, student, "users:suspend", "user", student.user_id)).allowed


async def test_a_type_that_nobody_registered(tx: Writer) -> None:
    answer = await ask(tx, await somebody(tx, "super_admin"), "users:read", "castle", "1")
    assert not answer.allowed
    assert "course, user" in answer.reason
    with pytest.raises(ValueError, match="policy already"):
        policies.policy("course")(policies._policies["user"])  # noqa: SLF001


async def test_over_http(
    client: httpx.AsyncClient, database: Database, headers_of: factories.SignIn
) -> None:
    account = await factories.store_user(database)
    checks = [
        {"permission": "users:suspend", "resource": {"type": "user", "id": str(account.id)}},
        {"permission": "reviews:create"},
    ]
    headers = await headers_of(account)
    found = await client.post("/api/v1/permissions/check", json={"checks": checks}, headers=headers)
    refused, granted = found.json()["data"]
    assert (refused["allowed"], refused["resource"]["type"]) == (False, "user")
    assert (granted["allowed"], granted["resource"]) == (True, None)
    for wrong in ({"type": "course"}, {"type": "", "id": "x"}, {"type": "course", "id": 1}, "x"):
        body = {"checks": [{"permission": "users:read", "resource": wrong}]}
        answer = await client.post("/api/v1/permissions/check", json=body, headers=headers)
        assert answer.status_code == 422
