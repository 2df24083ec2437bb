"""Every route against everybody who may knock: the table of docs/permissions.md, tried."""

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

import lyceum
from lyceum.app import services
from lyceum.platform import ids
from lyceum.platform.access import ROLES, Permission
from lyceum.platform.engines import Engines
from lyceum.platform.routing import IN_PERSON, PUBLIC, SERVICE, Access, Route, Routes
from lyceum.users.errors import CodeInvalid, StepUpRequired
from lyceum.users.records import Account
from lyceum.users.schemas.api_keys import NewApiKey
from lyceum.users.service import api_keys
from tests.app import samples
from tests.app.academy import Academy, make_academy, make_people
from tests.users import factories
from tools import write_docs

ROUTES = sorted(services.routes_of("all"), key=lambda route: (route.path, route.method))
ROLE_OF = {**{role: role for role in ROLES}, "owner": "instructor", "learner": "student"}
# Whoever is suspended was a super admin, and the key is an admin's with all of their permissions.
ACTORS = ("anonymous", *ROLE_OF, "api key", "suspended")
# Bodies that need more than the right types.
BODIES: dict[str, Callable[[Academy], Any]] = {
    # Not all: some that other tests left behind cannot but fail again.
    "retryFailedJobs": lambda _: {"name": "tests.nothing"},
    "discardFailedJobs": lambda _: {"name": "tests.nothing"},
    "replayDeadEvents": lambda _: {"name": "tests.nothing"},
    # As it is: the rules of other tests of this database stay.
    "setRetention": lambda _: {"days": 1095},
    "placeHold": lambda _: {"reason": "a sample", "personId": samples.SOME_ID},
    "createWebhook": lambda _: {"url": WEBHOOK, "eventTypes": ["course.published"]},
    "changeWebhook": lambda _: {
        "url": WEBHOOK,
        "eventTypes": ["course.published"],
        "isEnabled": True,
    },
    "login": lambda academy: credentials(academy),
    "openSession": lambda academy: credentials(academy),
    "createApiKey": lambda _: {"name": "Script", "scopes": ["self:read"]},
    "createRole": lambda _: {"name": f"role-{ids.new_id().hex}", "permissions": []},
    "verifyMfa": lambda academy: second_factor(academy),
    "verifySession": lambda academy: second_factor(academy),
    "enrolLearner": lambda academy: {"userId": academy.in_body["user_id"]},
    "addStaff": lambda academy: {"userId": academy.in_body["user_id"], "role": "assistant"},
    "changeStaff": lambda academy: {"role": "assistant"},
    "placeLecture": lambda academy: {},
    "acceptInvitation": lambda academy: {"code": academy.in_body["invitation_code"]},
    "createInvitation": lambda academy: {},
    "updateCustomers": lambda academy: {
        "items": [{"id": academy.in_path["customer_id"], "changes": {"tags": ["tied"]}}]
    },
    "enrolPeople": lambda academy: {"people": [{"userId": academy.in_body["user_id"]}]},
}
WEBHOOK = "https://receiver.example.org/in"
STREAM = "text/event-stream"
NOTHING = {"user_id": samples.SOME_ID}
ENDS_WHO_KNOCKS = ("deactivateMe", "eraseMe")
NOBODY_SUCCEEDS = {
    "fetchAuditExport": "the signature is in the link alone",
    "fetchCourseExport": "the signature is in the link alone",
    "introspectToken": "services sign their requests",
    "checkPermissionsOf": "services sign their requests",
    "takeUpInvitation": "the token is in a mail alone",
    "inviteUserAgain": "everybody in the academy has a password",
    "verifyEmail": "the token is in a mail alone",
    "confirmTotp": "the code is in an app alone",
    "startOidc": "there is no provider in these settings",
    "finishOidc": "there is no provider in these settings",
    "finishOidcByForm": "there is no provider in these settings",
    "exchangeOidcCode": "the code is in a browser's address alone",
    "beginLink": "there is no provider in these settings",
    "linkIdentity": "the code is in a browser's address alone",
    "addPasskey": "the key is in an authenticator alone",
    "signInWithPasskey": "the key is in an authenticator alone",
    "askForSecondFactor": "nobody has a passkey here",
    "askForStepUp": "nobody has a passkey here",
    "resetPassword": "the token is in a mail alone",
    "confirmEmailChange": "the token is in a mail alone",
}


def credentials(academy: Academy) -> Any:
    return {"email": academy.people["learner"].email, "password": factories.PASSWORD}


def second_factor(academy: Academy) -> Any:
    return {
        "mfaToken": academy.in_body["mfa_token"],
        "recoveryCode": academy.in_body["code_to_recover_with"],
    }


@pytest.fixture(scope="session")
async def strangers(engines: Engines) -> dict[str, Account]:
    """Somebody of each role who has nothing to do with what is tried."""
    return await make_people(engines.database)


async def knock(
    client: httpx.AsyncClient, engines: Engines, route: Route, actor: str, academy: Academy
) -> httpx.Response:
    """Send the least valid request of the route as the actor, freshly signed in."""
    headers = {"if-match": "*"}
    if actor == "api key":
        headers["x-api-key"] = await key_of(engines, academy.people["admin"])
    elif actor != "anonymous":
        person = academy.people[actor]
        opened = await factories.open_session(engines.database, engines.settings, person)
        headers["authorization"] = f"Bearer {opened.access_token}"
    options: dict[str, Any] = {}
    if route.body_type is not None:
        known = BODIES.get(route.operation_id)
        body = known(academy) if known else samples.minimal(route.body_type, academy.in_body)
        assert samples.fits(route.body_type, body), body
        options["json"] = body
    elif route.upload_media_types:
        options["content"] = b"not a package"
        headers["content-type"] = route.upload_media_types[0]
    if route.media_type == STREAM:
        options["params"] = {"seconds": 0}  # otherwise it goes on
    path = route.path.format(**academy.in_path)
    return await client.request(route.method, path, headers=headers, **options)


_keys: dict[UUID, str] = {}


async def key_of(engines: Engines, account: Account) -> str:
    """Return a key of a person that may do whatever they may; one is made for each person."""
    if account.id not in _keys:
        async with engines.database.transaction() as tx:
            owner = await factories.fresh_actor(tx, account)
            scopes = tuple(sorted(owner.permissions))
            made = await api_keys.create_key(tx, owner, NewApiKey(name="All", scopes=scopes))
        _keys[account.id] = made.secret
    return _keys[account.id]


def judge(route: Route, actor: str, response: httpx.Response) -> None:
    """Complain about an answer that the route's access does not allow."""
    said = f"{actor}: {response.status_code} {response.text[:300]}"
    assert response.status_code < 500, said
    if actor in ("anonymous", "suspended") or route.access is SERVICE:
        assert response.status_code == 401 or route.access is PUBLIC, said
        return
    if actor == "api key":
        assert response.status_code == 403 or route.access is not IN_PERSON, said
        if response.status_code == 403 and response.json()["code"] == StepUpRequired.code:
            return  # it takes somebody who proves who they are, which a key never can
        actor = "admin"
    # A proof in the body may be refused; who knocks is known.
    assert response.status_code != 401 or response.json()["code"] == CodeInvalid.code, said
    if response.is_success:
        assert is_granted(route, actor), said
    if response.status_code != 403 or not isinstance(route.access, Permission):
        assert is_granted(route, actor) or response.status_code in (403, 404), said
    elif is_granted(route, actor):
        assert response.json().get("permission") != route.access.name, said
        # What learners may do is about themselves; of the rest nothing is too high for an admin.
        is_personal = route.access.role == "student"
        assert is_personal or actor not in ("owner", "admin", "super_admin"), said


def is_granted(route: Route, actor: str) -> bool:
    """Tell whether the actor's role has what the route declares."""
    if not isinstance(route.access, Permission):
        return True
    return ROLES.index(ROLE_OF[actor]) >= ROLES.index(route.access.role)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
async def test_who_may_knock(
    route: Route, client: httpx.AsyncClient, engines: Engines, strangers: dict[str, Account]
) -> None:
    succeeded = []
    if route.operation_id in ENDS_WHO_KNOCKS:
        strangers = await make_people(engines.database)
    academy, is_fresh = await make_academy(engines, strangers, route.operation_id), True
    for actor in ACTORS:
        response = await knock(client, engines, route, actor, academy)
        if not (is_fresh or response.is_success or actor == "suspended"):
            # It may be refused because of what somebody did before, and is asked anew.
            academy = await make_academy(engines, strangers, route.operation_id)
            response, is_fresh = await knock(client, engines, route, actor, academy), True
        judge(route, actor, response)
        if response.is_success:
            succeeded.append(actor)
            is_fresh = route.method == "GET"
        if response.is_success and route.operation_id in ENDS_WHO_KNOCKS:
            strangers = await make_people(engines.database)
            academy = await make_academy(engines, strangers, route.operation_id)
    # Otherwise the refusals would prove nothing.
    assert succeeded or route.operation_id in NOBODY_SUCCEEDS


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.path_names], ids=lambda route: route.operation_id
)
async def test_what_does_not_exist(
    route: Route, client: httpx.AsyncClient, engines: Engines, strangers: dict[str, Account]
) -> None:
    academy = Academy(strangers, samples.nowhere(route), NOTHING)
    for actor in ("anonymous", *ROLES):
        response = await knock(client, engines, route, actor, academy)
        judge(route, actor, response)
        if actor != "anonymous" or route.access is PUBLIC:
            wanted = (404,) if is_granted(route, actor) else (403, 404)
            assert response.status_code in wanted, f"{actor}: {response.text}"


def test_the_page_has_a_row_for_every_route(every_route: list[Route]) -> None:
    page = (write_docs.DOCS / "permissions.md").read_text()
    rows = page.splitlines()
    for route in ROUTES:
        assert write_docs.permission_row(route) in rows
    for route in every_route:
        if route.domain == "operations":
            assert route.access is PUBLIC
            assert f"`{route.path.partition('/{')[0]}`" in page


def test_the_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, "-m", "tools.write_docs", "--check"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_every_declared_route_is_served() -> None:
    served = {id(group) for groups in services.ROUTES.values() for group in groups}
    for module in pkgutil.walk_packages(lyceum.__path__, "lyceum."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Routes):
                assert id(value) in served, f"{module.name}.{name} is not in app/services.py"


def test_every_route_says_who_may_knock() -> None:
    for route in ROUTES:
        assert isinstance(route.access, Access | Permission)
        assert route.access is not PUBLIC or "actor" in route.wants or is_for_everybody(route)


def is_for_everybody(route: Route) -> bool:
    """Tell whether a public route may do without knowing who asks: it shows the same to all, or
    it is how one becomes somebody."""
    return route.method == "GET" or "/auth/" in route.path
