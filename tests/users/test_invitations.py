"""Inviting people and making accounts from a file: who may, once, and what becomes of each line."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from lyceum.app.services import routes_of
from lyceum.platform import csv_cells, errors, ids
from lyceum.platform.access import ANONYMOUS, system_actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.statements import sql
from lyceum.users import jobs
from lyceum.users.adapters import people_csv
from lyceum.users.errors import EmailTaken, LinkInvalid, PasswordRefused, RankTooLow
from lyceum.users.queries import accounts
from lyceum.users.records import Account
from lyceum.users.schemas.invitations import NewUserInvitation
from lyceum.users.service import invitations
from tests.doors import open_door
from tests.users import factories
from tests.users.test_cli import command as run_command

SYSTEM = system_actor("test")
PASSWORD = "seven-brass-kettles"
_EVENTS_OF = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY position", str)


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    async with open_door(engines, routes_of("all")) as client:
        yield client


async def invited(database: Database) -> Account:
    async with database.transaction() as tx:
        new = NewUserInvitation(email=factories.unique_email(), first_name="Ines")
        return await invitations.invite(tx, SYSTEM, new)


async def link_of(database: Database, account: Account) -> str:
    async with database.transaction() as tx:
        letter = await invitations.prepare_invitation(tx, SYSTEM, account.id)
    assert letter is not None
    assert (letter.kind, letter.to) == ("invite", account.email)
    return letter.token


async def accept(database: Database, token: str, password: str = PASSWORD) -> None:
    async with database.transaction() as tx:
        await invitations.accept_invitation(tx, ANONYMOUS, token=token, password=password)


async def test_an_invited_person_sets_a_password(
    client: httpx.AsyncClient, database: Database
) -> None:
    account = await invited(database)
    token = await link_of(database, account)
    body = {"token": token, "password": PASSWORD}
    answer = await client.post("/api/v1/auth/accept-invitation", json=body)
    assert answer.status_code == 204
    signed = await client.post(
        "/api/v1/auth/login", json={"email": account.email, "password": PASSWORD}
    )
    assert signed.json()["data"]["user"]["emailVerified"] is True
    again = await client.post("/api/v1/auth/accept-invitation", json=body)
    assert again.json()["code"] == 6001
    seen = await database.reader().all(_EVENTS_OF, str(account.id))
    assert [name for name in seen if "invit" in name] == [
        "user.invited", "user.invitation_accepted"
    ]  # fmt: skip
    async with database.transaction() as tx:
        with pytest.raises(errors.Conflict):
            await invitations.invite_again(tx, SYSTEM, account.id)
        assert await invitations.prepare_invitation(tx, SYSTEM, account.id) is None


async def test_of_many_at_once_one_accepts(database: Database) -> None:
    token = await link_of(database, await invited(database))
    done = await asyncio.gather(
        *(accept(database, token, f"{PASSWORD}-{n}") for n in range(5)), return_exceptions=True
    )
    assert done.count(None) == 1
    assert all(isinstance(one, LinkInvalid) for one in done if one is not None)


async def test_a_newer_link_voids_the_one_before(database: Database) -> None:
    account = await invited(database)
    first = await link_of(database, account)
    async with database.transaction() as tx:
        await invitations.invite_again(tx, SYSTEM, account.id)
    with pytest.raises(LinkInvalid):
        await accept(database, first)
    second = await link_of(database, account)
    with pytest.raises(PasswordRefused):
        await accept(database, second, "password123")
    await accept(database, second)
    for wrong in ("", "x" * 43):
        with pytest.raises(LinkInvalid):
            await accept(database, wrong)


async def test_nobody_invites_above_themselves(database: Database) -> None:
    async with database.transaction() as tx:
        admin = factories.actor_of(await factories.make_user(tx, roles=("admin",)))
        student = factories.actor_of(await factories.make_user(tx))
        new = NewUserInvitation(
            email=factories.unique_email(), first_name="x", roles=("super_admin",)
        )
        with pytest.raises(RankTooLow):
            await invitations.invite(tx, admin, new)
        with pytest.raises(errors.Forbidden):
            await invitations.invite(tx, student, new)
    taken = await factories.store_user(database)
    with pytest.raises(EmailTaken):
        async with database.transaction() as tx:
            await invitations.invite(
                tx, SYSTEM, NewUserInvitation(email=taken.email, first_name="x")
            )


def file_of(*rows: str) -> str:
    return "email,firstName,lastName,roles\n" + "\n".join(rows) + "\n"


async def import_file(
    client: httpx.AsyncClient, engines: Engines, content: str, options: str = ""
) -> dict[str, Any]:
    """As an administrator does it, and as the worker then does."""
    admin = await factories.store_user(engines.database, roles=("admin",))
    opened = await factories.open_session(engines.database, engines.settings, admin)
    headers = {"authorization": f"Bearer {opened.access_token}", "content-type": "text/csv"}
    asked = await client.post(
        f"/api/v1/users/import{options}", content=content.encode(), headers=headers
    )
    assert asked.status_code == 202, asked.text
    import_id = asked.json()["data"]["id"]
    actor = factories.actor_of(admin)
    context = JobContext(engines, ids.new_id(), 1, actor)
    for _ in range(2):  # safe to run again
        await jobs.import_people(context, import_id=UUID(import_id))
    url = f"/api/v1/user-imports/{import_id}"
    found: dict[str, Any] = (await client.get(url, headers=headers)).json()["data"]
    found["csv"] = (await client.get(f"{url}.csv", headers=headers)).text
    return found


async def test_a_file_of_people(client: httpx.AsyncClient, engines: Engines) -> None:
    reader = engines.database.reader()
    there = await factories.store_user(engines.database)
    one, two = factories.unique_email(), factories.unique_email()
    content = file_of(
        f"{one},Ada,Lovelace,instructor", f"{two},=cmd(),,", f"{one},Twice,,",
        f"{there.email},There,,", "nonsense,No,,", f"{factories.unique_email()},,,",
        f"{factories.unique_email()},Top,,super_admin", "=1+1,Formula,,",
    )  # fmt: skip
    dry = await import_file(client, engines, content, "?dryRun=true")
    sums = [dry["report"][name] for name in ("created", "existing", "refused")]
    assert (sums, dry["report"]["isDryRun"]) == ([2, 2, 4], True)
    assert await reader.one_or_none(accounts.FIND_ACCOUNT_BY_EMAIL, one) is None
    real = await import_file(client, engines, content)
    assert [row["outcome"] for row in real["report"]["rows"]] == [
        "created", "created", "exists", "exists", "refused", "refused", "refused", "refused"
    ]  # fmt: skip
    made = await reader.one(accounts.FIND_ACCOUNT_BY_EMAIL, one)
    assert (made.roles, made.display_name) == (["instructor"], "Ada Lovelace")
    assert (await reader.one(accounts.FIND_ACCOUNT, there.id)) == there
    assert "'=1+1" in real["csv"]
    assert "\r\n" in real["csv"]
    again = await import_file(client, engines, content)
    assert again["report"]["created"] == 0


async def test_people_of_a_file_are_invited(client: httpx.AsyncClient, engines: Engines) -> None:
    email = factories.unique_email()
    await import_file(client, engines, file_of(f"{email},Ada,,"), "?invite=true")
    reader = engines.database.reader()
    made = await reader.one(accounts.FIND_ACCOUNT_BY_EMAIL, email)
    assert "user.invited" in await reader.all(_EVENTS_OF, str(made.id))
    await accept(engines.database, await link_of(engines.database, made))


async def test_what_is_no_file_of_people(client: httpx.AsyncClient, engines: Engines) -> None:
    admin = await factories.store_user(engines.database, roles=("admin",))
    opened = await factories.open_session(engines.database, engines.settings, admin)
    headers = {"authorization": f"Bearer {opened.access_token}", "content-type": "text/csv"}
    for content in (b"", b"\xff\xfe", b"a\0b"):
        answer = await client.post("/api/v1/users/import", content=content, headers=headers)
        assert answer.status_code == 422
    wrong = {**headers, "content-type": "application/json"}
    assert (
        await client.post("/api/v1/users/import", content=b"{}", headers=wrong)
    ).status_code == 415
    for text in ("name\nx\n", "email\nx\n", 'email,firstName\n"x'):
        with pytest.raises(errors.InvalidInput):
            people_csv.read_people(text)
    semicolons = people_csv.read_people("\ufeffE-Mail;First name;roles\nx@y.test;Ada;a b\n\n")
    assert (semicolons[0].line, semicolons[0].roles) == (2, ("a", "b"))


async def test_from_the_command_line(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    email = factories.unique_email()
    path.write_text(file_of(f"{email},Ada,Lovelace,instructor", "x,y,,"))
    dry = await run_command(dsn, "import", str(path), "--dry-run", "--json")
    assert '"created":1' in dry.output
    done = await run_command(dsn, "import", str(path))
    assert (done.exit_code, "1 made, 0 there, 1 not" in done.output) == (0, True), done.output


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\0x"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert csv_cells.safe_cell(text) == f"'{text}"
    assert csv_cells.write_rows(("a",), [('say "hi", all',)]) == b'a\r\n"say ""hi"", all"\r\n'
