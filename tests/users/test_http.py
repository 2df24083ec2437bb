"""The door: who may knock where, what comes back, and what is refused before anything happens."""

from typing import Any

import httpx
import msgspec
import pytest

from lyceum.platform import ids
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.users.records import Account
from tests.users import factories
from tests.users.conftest import SignIn, make_client

PROBLEM = "application/problem+json"


def newcomer(**changes: Any) -> dict[str, Any]:
    facts = {
        "email": factories.unique_email(),
        "password": factories.PASSWORD,
        "firstName": "Grace",
        "lastName": "Hopper",
    }
    return {**facts, **changes}


def problem_of(response: httpx.Response) -> tuple[int, int]:
    assert response.headers["content-type"] == PROBLEM, response.text
    body = response.json()
    assert body["status"] == response.status_code
    return response.status_code, body["code"]


async def person(database: Database, role: str = "student") -> Account:
    return await factories.store_user(database, roles=(role,))


async def test_from_registering_to_signing_out(client: httpx.AsyncClient) -> None:
    new = newcomer()
    made = await client.post("/api/v1/auth/register", json=new)
    assert made.status_code == 201
    user = made.json()["data"]
    assert user["email"] == new["email"]
    assert (user["firstName"], user["lastName"]) == ("Grace", "Hopper")
    assert user["roles"] == ["student"]
    assert user["status"] == "active"
    assert user["emailVerified"] is False
    assert "password" not in made.text.lower()
    assert made.headers["location"] == f"/api/v1/users/{user['id']}"
    assert made.headers["cache-control"] == "private, no-store"

    credentials = {"email": new["email"], "password": new["password"]}
    signed_in = await client.post("/api/v1/auth/login", json=credentials)
    assert signed_in.status_code == 200
    data = signed_in.json()["data"]
    shown = {"user", "accessToken", "refreshToken", "tokenType", "expiresIn", "deviceToken"}
    assert set(data) == shown
    assert data["user"] == user
    assert (data["tokenType"], data["expiresIn"]) == ("Bearer", 900)

    refreshed = await client.post(
        "/api/v1/auth/refresh-token", json={"refreshToken": data["refreshToken"]}
    )
    assert refreshed.status_code == 200
    headers = {"authorization": f"Bearer {refreshed.json()['data']['accessToken']}"}
    me = await client.get("/api/v1/me", headers=headers)
    assert me.json()["data"] == user
    assert me.headers["etag"] == '"v1"'

    out = await client.post("/api/v1/auth/logout", headers=headers)
    assert out.status_code == 204
    again = await client.post(
        "/api/v1/auth/refresh-token",
        json={"refreshToken": refreshed.json()["data"]["refreshToken"]},
    )
    assert problem_of(again) == (401, 1004)


async def test_a_taken_address(client: httpx.AsyncClient, database: Database) -> None:
    taken = await person(database)
    response = await client.post("/api/v1/auth/register", json=newcomer(email=taken.email))
    assert problem_of(response) == (409, 6000)


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "no address"}, {"email": " a@b.example"}, {"email": ""}, {"email": None},
        {"email": ["a@b.example"]}, {"email": {"$ne": ""}}, {"email": "a" * 400 + "@b.example"},
        {"password": "short"}, {"password": "password123"}, {"password": "x" * 129},
        {"password": 12345678}, {"firstName": ""}, {"firstName": " "}, {"firstName": "x" * 101},
        {"firstName": "a\u0007b"}, {"firstName": True}, {"lastName": "\u202egnp.exe"},
        {"lastName": None}, {"roles": ["admin"]}, {"status": "active"}, {"id": str(ids.new_id())},
        {"emailVerified": True},
    ],
)  # fmt: skip
async def test_what_no_account_is_made_of(
    client: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    response = await client.post("/api/v1/auth/register", json=newcomer(**changes))
    assert problem_of(response)[0] == 422
    assert response.json()["errors"]
    assert factories.PASSWORD not in response.text


@pytest.mark.parametrize("path", ["register", "login", "refresh-token", "verify-email"])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b"{", b'"x"', b"NaN", b'{"email": NaN}', b"\xff",
        b'{"email": "a@b.example", "email": "c@d.example", "password": "x"}',
        b'{"email": 1e400}', b'{"email": "\\ud800"}', b'{"email": "a\\u0000@b.example"}',
        b'{"refreshToken": "x", "refreshToken": "y"}', b'{"token": "x", "token": "y"}',
        b'{"token": -0}', b'{"refreshToken": true}', b"[" * 100_000,
    ],
)  # fmt: skip
async def test_bodies_that_are_none(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = await client.post(f"/api/v1/auth/{path}", content=body, headers=headers)
    assert problem_of(response)[0] == 422


async def test_a_form_is_no_body(client: httpx.AsyncClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        response = await client.post(
            "/api/v1/auth/login", content=b'{"email":"a","password":"b"}',
            headers={"content-type": kind},
        )  # fmt: skip
        assert problem_of(response)[0] == 415


async def test_a_changed_spelling_of_the_password(client: httpx.AsyncClient) -> None:
    """N2: what was registered is the password, and nothing that looks like it."""
    password = "tide-\u00e9-over-9 \U0001f98a "
    new = newcomer(password=password)
    assert (await client.post("/api/v1/auth/register", json=new)).status_code == 201
    for other in (password.strip(), password.replace("\u00e9", "e\u0301"), password[:-3]):
        response = await client.post(
            "/api/v1/auth/login", json={"email": new["email"], "password": other}
        )
        assert problem_of(response) == (401, 1002)
    spaced = {"email": f" {new['email']} ", "password": password}
    assert problem_of(await client.post("/api/v1/auth/login", json=spaced)) == (401, 1002)
    right = {"email": new["email"], "password": password}
    assert (await client.post("/api/v1/auth/login", json=right)).status_code == 200


async def test_the_seventy_third_byte_matters(client: httpx.AsyncClient) -> None:
    long = "abcdefgh-" * 10
    new = newcomer(password=long + "1")
    assert (await client.post("/api/v1/auth/register", json=new)).status_code == 201
    wrong = {"email": new["email"], "password": long + "2"}
    assert problem_of(await client.post("/api/v1/auth/login", json=wrong)) == (401, 1002)


async def test_too_many_failures(client: httpx.AsyncClient, database: Database) -> None:
    account = await person(database)
    wrong = {"email": account.email, "password": "wrong"}
    answers = [await client.post("/api/v1/auth/login", json=wrong) for _ in range(6)]
    assert [problem_of(answer) for answer in answers] == [(401, 1002)] * 5 + [(429, 1006)]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900


async def test_an_old_token_in_the_header_does_not_stop_signing_in(
    client: httpx.AsyncClient, database: Database
) -> None:
    account = await person(database)
    headers = {"authorization": "Bearer stale"}
    body = {"email": account.email, "password": factories.PASSWORD}
    signed_in = await client.post("/api/v1/auth/login", json=body, headers=headers)
    assert signed_in.status_code == 200
    token = {"refreshToken": signed_in.json()["data"]["refreshToken"]}
    again = await client.post("/api/v1/auth/refresh-token", json=token, headers=headers)
    assert again.status_code == 200
    made = await client.post("/api/v1/auth/register", json=newcomer(), headers=headers)
    assert made.status_code == 201


async def test_where_addresses_are_proved_first(engines: Engines, database: Database) -> None:
    strict = msgspec.structs.replace(
        engines, settings=engines.settings.model_copy(update={"registration": "verified"})
    )
    taken = await person(database)
    async with make_client(strict) as client:
        answers = [
            await client.post("/api/v1/auth/register", json=newcomer(**changes))
            for changes in ({}, {"email": taken.email})
        ]
        assert [answer.status_code for answer in answers] == [202, 202]
        told = [answer.json()["data"] for answer in answers]
        assert told[0] == told[1]
        assert told[0]["status"] == "pending"
        wrong = await client.post("/api/v1/auth/verify-email", json={"token": "x" * 43})
        assert problem_of(wrong) == (400, 6001)


# The same in every process, so that the tests have the same names.
UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
NEEDS_SOMEBODY = [
    ("POST", "/auth/logout", None), ("GET", "/me", None), ("PATCH", "/me", {}),
    ("POST", "/me/password", {"currentPassword": "x", "newPassword": "tide-over-8-lanterns"}),
    ("GET", "/me/permissions", None), ("GET", "/me/sessions", None),
    ("DELETE", f"/me/sessions/{UNKNOWN_ID}", None), ("GET", "/users", None),
    ("POST", "/users", {"email": "new@people.test", "password": "tide-over-8-lanterns",
                        "firstName": "Eve"}),
    ("PATCH", f"/users/{UNKNOWN_ID}/roles", {"roles": ["student"]}),
    ("POST", f"/users/{UNKNOWN_ID}/suspend", None),
    ("POST", f"/users/{UNKNOWN_ID}/reinstate", None), ("GET", "/permissions", None),
    ("POST", "/permissions/check", {"checks": [{"permission": "users:read"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), NEEDS_SOMEBODY)
async def test_nobody_is_sent_to_sign_in(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    url = f"/api/v1{path}"
    response = await client.request(method, url, json=body)
    assert problem_of(response) == (401, 1001)
    assert response.headers["www-authenticate"] == "Bearer"
    for header in ("Bearer nonsense", "Bearer a.b.c", "Basic YTpi", "Bearer "):
        response = await client.request(method, url, json=body, headers={"authorization": header})
        assert problem_of(response) == (401, 1004)


ADMINISTRATORS_ONLY = [case for case in NEEDS_SOMEBODY if case[1].startswith("/users")]


@pytest.mark.parametrize("role", ["student", "instructor", "manager"])
async def test_it_takes_an_administrator(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, role: str
) -> None:
    headers = await headers_of(await person(database, role))
    target = await person(database)
    for method, path, body in ADMINISTRATORS_ONLY:
        url = "/".join(str(target.id) if len(part) == 36 else part for part in path.split("/"))
        response = await client.request(method, f"/api/v1{url}", json=body, headers=headers)
        assert problem_of(response)[0] == 403, (method, path)
        assert "permission" in response.json()


async def test_missing_and_hidden_people_look_alike(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    headers = await headers_of(await person(database))
    hidden = await person(database)
    secretive = await client.patch(
        "/api/v1/me", json={"visibility": "private"}, headers=await headers_of(hidden)
    )
    assert secretive.status_code == 200
    answers = []
    for user_id in (hidden.id, ids.new_id()):
        for method, path, body in [
            ("GET", "", None), ("PATCH", "/roles", {"roles": ["student"]}),
            ("POST", "/suspend", None), ("POST", "/reinstate", None),
        ]:  # fmt: skip
            url = f"/api/v1/users/{user_id}{path}"
            response = await client.request(method, url, json=body, headers=headers)
            assert problem_of(response) == (404, 3001)
            known = ("instance", "requestId")
            answers.append({k: v for k, v in response.json().items() if k not in known})
    assert all(answer == answers[0] for answer in answers)
    response = await client.delete(f"/api/v1/me/sessions/{ids.new_id()}", headers=headers)
    assert problem_of(response) == (404, 3001)


async def test_a_profile_says_what_its_owner_shows(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    account = await person(database, "instructor")
    url = f"/api/v1/users/{account.id}"
    assert problem_of(await client.get(url)) == (404, 3001)
    student = await headers_of(await person(database))
    shown = (await client.get(url, headers=student)).json()["data"]
    assert shown == {
        "id": str(account.id), "displayName": "Ada Lovelace", "avatarUrl": None, "bio": "",
        "isInstructor": True, "followersCount": 0, "followingCount": 0, "isFollowed": False,
    }  # fmt: skip
    own = await headers_of(account)
    await client.patch("/api/v1/me", json={"visibility": "public"}, headers=own)
    assert (await client.get(url)).json()["data"] == shown
    admin = await headers_of(await person(database, "admin"))
    for headers in (own, admin):
        whole = (await client.get(url, headers=headers)).json()["data"]
        assert whole["email"] == account.email
        assert whole["roles"] == ["instructor"]
        mine = (await client.get("/api/v1/me", headers=own)).json()["data"]
        assert whole == {**shown, **mine}


@pytest.mark.parametrize("user_id", ["x", "1", "%00", "..%2f..", "9" * 400])
async def test_an_id_is_an_id(client: httpx.AsyncClient, user_id: str) -> None:
    response = await client.get(f"/api/v1/users/{user_id}")
    assert problem_of(response)[0] in (404, 422)


async def test_a_profile_is_changed_in_turn(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    headers = await headers_of(await person(database))
    fresh = {**headers, "if-match": '"v1"'}
    changed = await client.patch("/api/v1/me", json={"firstName": "Augusta"}, headers=fresh)
    assert changed.json()["data"]["firstName"] == "Augusta"
    assert changed.headers["etag"] == '"v2"'
    stale = await client.patch("/api/v1/me", json={"firstName": "Ada"}, headers=fresh)
    assert problem_of(stale)[0] == 412
    for body in ({"roles": ["admin"]}, {"email": "x@y.example"}, {"timeZone": "Mars"}):
        assert problem_of(await client.patch("/api/v1/me", json=body, headers=headers))[0] == 422


async def test_a_new_password(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    account = await person(database)
    headers = await headers_of(account)
    body = {"currentPassword": "wrong", "newPassword": "tide-over-8-lanterns"}
    response = await client.post("/api/v1/me/password", json=body, headers=headers)
    assert problem_of(response) == (401, 1002)
    body["currentPassword"] = factories.PASSWORD
    response = await client.post("/api/v1/me/password", json=body, headers=headers)
    assert response.status_code == 204
    credentials = {"email": account.email, "password": body["newPassword"]}
    assert (await client.post("/api/v1/auth/login", json=credentials)).status_code == 200
    body = {"currentPassword": body["newPassword"], "newPassword": "password123"}
    response = await client.post("/api/v1/me/password", json=body, headers=headers)
    assert problem_of(response) == (422, 6004)
    assert response.json()["errors"][0]["pointer"] == "/newPassword"


async def test_sessions_are_seen_and_ended(
    engines: Engines, client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    account = await person(database)
    here, there = await headers_of(account), await headers_of(account)
    listed = (await client.get("/api/v1/me/sessions", headers=here)).json()["data"]
    assert len(listed) == 2
    assert [one["isCurrent"] for one in listed].count(True) == 1
    other = next(one["id"] for one in listed if not one["isCurrent"])
    url = f"/api/v1/me/sessions/{other}"
    assert (await client.delete(url, headers=here)).status_code == 204
    assert problem_of(await client.delete(url, headers=here)) == (404, 3001)
    async with make_client(engines) as elsewhere:
        assert problem_of(await elsewhere.get("/api/v1/me", headers=there)) == (401, 1004)
        assert (await elsewhere.get("/api/v1/me", headers=here)).status_code == 200


async def test_an_administrator_at_work(
    engines: Engines, client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    admin = await headers_of(await person(database, "admin"))
    new = newcomer(roles=["teacher"])
    made = await client.post("/api/v1/users", json=new, headers=admin)
    assert made.status_code == 201
    user = made.json()["data"]
    assert user["roles"] == ["instructor"]
    assert user["emailVerified"] is True
    assert problem_of(await client.post("/api/v1/users", json=new, headers=admin)) == (409, 6000)
    above = newcomer(roles=["super_admin"])
    assert problem_of(await client.post("/api/v1/users", json=above, headers=admin)) == (403, 6005)

    found = await client.get("/api/v1/users", params={"search": new["email"]}, headers=admin)
    assert found.json()["data"] == [user]
    assert found.json()["meta"]["total"] == 1

    url = f"/api/v1/users/{user['id']}"
    roles = {"roles": ["manager"]}
    bad: list[dict[str, Any]] = [
        {"roles": []}, {"roles": ["root"]}, {"roles": "admin"}, {"roles": [1]}, {},
    ]  # fmt: skip
    for body in bad:
        refused = await client.patch(f"{url}/roles", json=body, headers=admin)
        assert problem_of(refused)[0] == 422
    stale = {**admin, "if-match": '"v9"'}
    assert problem_of(await client.patch(f"{url}/roles", json=roles, headers=stale))[0] == 412
    changed = await client.patch(f"{url}/roles", json=roles, headers=admin)
    assert changed.json()["data"]["roles"] == ["manager"]


async def test_a_suspended_person_is_out(
    engines: Engines, client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    admin = await headers_of(await person(database, "admin"))
    account = await person(database)
    url = f"/api/v1/users/{account.id}"
    credentials = {"email": account.email, "password": factories.PASSWORD}
    signed_in = await client.post("/api/v1/auth/login", json=credentials)
    theirs = {"authorization": f"Bearer {signed_in.json()['data']['accessToken']}"}
    suspended = await client.post(f"{url}/suspend", headers=admin)
    assert suspended.json()["data"]["status"] == "suspended"
    async with make_client(engines) as elsewhere:
        assert problem_of(await elsewhere.get("/api/v1/me", headers=theirs)) == (401, 1004)
    refused = await client.post("/api/v1/auth/login", json=credentials)
    assert problem_of(refused) == (403, 6003)
    refresh = {"refreshToken": signed_in.json()["data"]["refreshToken"]}
    refused = await client.post("/api/v1/auth/refresh-token", json=refresh)
    assert problem_of(refused) == (401, 1004)
    reinstated = await client.post(f"{url}/reinstate", headers=admin)
    assert reinstated.json()["data"]["status"] == "active"
    assert (await client.post("/api/v1/auth/login", json=credentials)).status_code == 200


async def test_a_lower_role_counts_on_tokens_already_issued(
    engines: Engines, client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    """N36: every write of an administrator is refused with the token of before."""
    top = await headers_of(await person(database, "super_admin"))
    account = await person(database, "admin")
    before = await headers_of(account)
    assert (await client.get("/api/v1/users", headers=before)).status_code == 200
    url = f"/api/v1/users/{account.id}/roles"
    lowered = await client.patch(url, json={"roles": ["student"]}, headers=top)
    assert lowered.status_code == 200
    target = await person(database)
    async with make_client(engines) as elsewhere:
        for method, path, body in ADMINISTRATORS_ONLY:
            changed = "/".join(
                str(target.id) if len(part) == 36 else part for part in path.split("/")
            )
            response = await elsewhere.request(
                method, f"/api/v1{changed}", json=body, headers=before
            )
            assert problem_of(response)[0] == 403, path


@pytest.mark.parametrize(
    "query",
    [
        "page=0", "perPage=101", "perPage=x", "page=1&page=2", "role=Root", "status=gone",
        "search=", "sort=x", "search=%00", "page=9999999999999999999", "page=true",
    ],
)  # fmt: skip
async def test_a_list_is_asked_for_properly(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, query: str
) -> None:
    admin = await headers_of(await person(database, "admin"))
    response = await client.get(f"/api/v1/users?{query}", headers=admin)
    assert problem_of(response)[0] == 422


async def test_permissions_are_listed_and_asked_for(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    admin = await headers_of(await person(database, "admin"))
    declared = (await client.get("/api/v1/permissions", headers=admin)).json()["data"]
    read = next(one for one in declared if one["name"] == "users:read")
    assert read["roles"] == ["admin", "super_admin"]
    assert read["description"]
    own = (await client.get("/api/v1/me/permissions", headers=admin)).json()["data"]
    assert own["roles"] == ["admin"]
    assert "users:read" in own["permissions"]
    asked = {"checks": [{"permission": "users:read"}, {"permission": "no:such"}]}
    response = await client.post("/api/v1/permissions/check", json=asked, headers=admin)
    answers = response.json()["data"]
    assert [(one["permission"], one["allowed"]) for one in answers] == [
        ("users:read", True), ("no:such", False),
    ]  # fmt: skip
    bad: list[dict[str, Any]] = [
        {"checks": []}, {"checks": [{}]}, {"checks": [{"permission": "x" * 101}]}, {},
    ]  # fmt: skip
    for body in bad:
        response = await client.post("/api/v1/permissions/check", json=body, headers=admin)
        assert problem_of(response)[0] == 422


async def test_public_keys(client: httpx.AsyncClient) -> None:
    response = await client.get("/.well-known/jwks.json")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/jwk-set+json"
    assert response.headers["cache-control"].startswith("public")
    keys = response.json()["keys"]
    assert keys
    for key in keys:
        assert set(key) == {"kty", "crv", "use", "alg", "kid", "x"}
    headers = {"if-none-match": response.headers["etag"]}
    assert (await client.get("/.well-known/jwks.json", headers=headers)).status_code == 304
