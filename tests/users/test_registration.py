"""Getting an account, in both modes."""

import asyncio
from uuid import UUID

import pytest

from lyceum.platform import events
from lyceum.platform.access import ANONYMOUS, system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.errors import ValidationFailed
from lyceum.platform.statements import Json, command, sql
from lyceum.users.errors import EmailTaken, LinkInvalid, PasswordRefused
from lyceum.users.queries import accounts as account_queries
from lyceum.users.records import Account, Device
from lyceum.users.schemas.registration import NewRegistration
from lyceum.users.service import registration
from tests.users import factories

SYSTEM = system_actor("test")
HERE = Device("192.0.2.9", "Tester")
_EVENTS_OF = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY id", str)
_PENDING = sql("SELECT id FROM users.registrations WHERE email = $1 ORDER BY id", UUID)
_REQUESTED = sql(
    "SELECT payload FROM platform.outbox WHERE name = 'registration.requested' AND key = $1", Json
)
_AGE_LINKS = command(
    "UPDATE users.link_tokens SET expires_at = now() - interval '1 second' WHERE email = $1"
)


def newcomer(**changes: str) -> NewRegistration:
    facts = {
        "email": factories.unique_email(),
        "password": factories.PASSWORD,
        "first_name": "Grace",
        "last_name": "Hopper",
    }
    return NewRegistration(**{**facts, **changes})


async def request(tx: Writer, new: NewRegistration) -> UUID:
    await registration.request_registration(tx, ANONYMOUS, new, HERE)
    return (await tx.all(_PENDING, new.email))[-1]


async def request_link(tx: Writer, new: NewRegistration) -> str:
    letter = await registration.prepare_answer(tx, SYSTEM, await request(tx, new))
    assert letter is not None
    assert letter.kind == "prove"
    return letter.token


async def test_an_open_registration_is_an_account(tx: Writer) -> None:
    new = newcomer(first_name="  Gra\u0301ce ")
    account = await registration.register(tx, ANONYMOUS, new, HERE)
    assert account.email == new.email
    assert account.first_name == "Gr\u00e1ce"
    assert account.roles == ["student"]
    assert account.status == "active"
    assert account.email_verified_at is None
    assert await tx.all(_EVENTS_OF, str(account.id)) == [
        "user.registered",
        "verification.requested",
    ]


async def test_an_address_is_taken_however_it_is_written(tx: Writer) -> None:
    new = newcomer()
    await registration.register(tx, ANONYMOUS, new, HERE)
    with pytest.raises(EmailTaken):
        await registration.register(tx, ANONYMOUS, newcomer(email=new.email.upper()), HERE)


@pytest.mark.parametrize("name", ["   ", "\ufeff", "\u2003\u2003"])
async def test_a_name_has_something_to_see(tx: Writer, name: str) -> None:
    with pytest.raises(ValidationFailed):
        await registration.register(tx, ANONYMOUS, newcomer(first_name=name), HERE)


async def test_a_guessable_password_makes_no_account(tx: Writer) -> None:
    new = newcomer(password="password123")
    for register in (registration.register, registration.request_registration):
        with pytest.raises(PasswordRefused):
            await register(tx, ANONYMOUS, new, HERE)
    assert await tx.one_or_none(account_queries.FIND_ACCOUNT_BY_EMAIL, new.email) is None


async def test_of_many_at_once_one_gets_the_address(database: Database) -> None:
    new = newcomer()

    async def register() -> Account | EmailTaken:
        try:
            async with database.transaction() as tx:
                return await registration.register(tx, ANONYMOUS, new, HERE)
        except EmailTaken as taken:
            return taken

    outcomes = await asyncio.gather(*(register() for _ in range(8)))
    assert sum(isinstance(outcome, Account) for outcome in outcomes) == 1


async def test_nothing_is_an_account_before_the_address_is_proved(tx: Writer) -> None:
    new = newcomer()
    token = await request_link(tx, new)
    assert await tx.one_or_none(account_queries.FIND_ACCOUNT_BY_EMAIL, new.email) is None
    account = await registration.verify_email(tx, ANONYMOUS, token)
    assert account.email == new.email
    assert account.email_verified_at is not None
    assert await tx.all(_EVENTS_OF, str(account.id)) == ["user.registered", "user.verified"]
    assert await tx.all(_PENDING, new.email) == []


async def test_a_link_works_once(tx: Writer) -> None:
    token = await request_link(tx, newcomer())
    await registration.verify_email(tx, ANONYMOUS, token)
    with pytest.raises(LinkInvalid) as refused:
        await registration.verify_email(tx, ANONYMOUS, token)
    assert refused.value.status == 400


async def test_a_link_works_for_a_day(tx: Writer) -> None:
    new = newcomer()
    token = await request_link(tx, new)
    await tx.execute(_AGE_LINKS, new.email)
    with pytest.raises(LinkInvalid):
        await registration.verify_email(tx, ANONYMOUS, token)


@pytest.mark.parametrize("token", ["x", "a" * 43, "' OR 1=1 --"])
async def test_a_link_that_nobody_sent(tx: Writer, token: str) -> None:
    with pytest.raises(LinkInvalid):
        await registration.verify_email(tx, ANONYMOUS, token)


async def test_whoever_proves_the_address_gets_it_with_the_password_of_that_request(
    tx: Writer,
) -> None:
    victim = newcomer()
    stranger = newcomer(email=victim.email, password="a-strangers-own-words")
    strangers_link = await request_link(tx, stranger)
    token = await request_link(tx, victim)
    account = await registration.verify_email(tx, ANONYMOUS, token)
    assert account.email == victim.email
    with pytest.raises(LinkInvalid):
        await registration.verify_email(tx, ANONYMOUS, strangers_link)


async def test_of_two_links_at_once_one_makes_the_account(database: Database) -> None:
    new = newcomer()
    async with database.transaction() as tx:
        links = [await request_link(tx, new) for _ in range(3)]

    async def verify(token: str) -> Account | LinkInvalid:
        try:
            async with database.transaction() as tx:
                return await registration.verify_email(tx, ANONYMOUS, token)
        except LinkInvalid as invalid:
            return invalid

    outcomes = await asyncio.gather(*(verify(token) for token in [*links, *links]))
    assert sum(isinstance(outcome, Account) for outcome in outcomes) == 1
    async with database.transaction() as tx:
        assert len(await tx.all(_PENDING, new.email)) == 2


async def test_a_known_address_gets_another_mail(tx: Writer) -> None:
    account = await factories.make_user(tx)
    pending = await request(tx, newcomer(email=account.email))
    letter = await registration.prepare_answer(tx, SYSTEM, pending)
    assert letter is not None
    assert (letter.kind, letter.to, letter.token) == ("exists", account.email, "")


async def test_known_and_unknown_addresses_cost_the_same_statements(
    engines: Engines, database: Database
) -> None:
    known = await factories.store_user(database)
    ran: list[list[str]] = []
    for email in (known.email, factories.unique_email()):
        names: list[str] = []
        database.observe = lambda name, _seconds, names=names: names.append(name)
        try:
            async with database.transaction() as tx:
                await registration.request_registration(tx, ANONYMOUS, newcomer(email=email), HERE)
        finally:
            database.observe = None
        ran.append(names)
    assert ran[0] == ran[1]
    assert len(ran[0]) >= 2


async def test_an_address_gets_three_mails_an_hour(tx: Writer) -> None:
    new = newcomer()
    pending = {await request(tx, new) for _ in range(5)}
    assert len(pending) == 3, "of the others nothing is left behind"
    for one in pending:
        assert await registration.prepare_answer(tx, SYSTEM, one) is not None


async def test_events_and_outbox_hold_no_secret(tx: Writer) -> None:
    new = newcomer()
    pending = await request(tx, new)
    [payload] = await tx.all(_REQUESTED, str(pending))
    told = payload.decode()
    assert new.password not in told
    assert new.email not in told
    assert new.password not in repr(new)
    assert {"user.registered", "user.verified"} <= {event.name for event in events.all_events()}


async def test_the_owner_of_an_open_account_proves_it_later(tx: Writer) -> None:
    account = await registration.register(tx, ANONYMOUS, newcomer(), HERE)
    letter = await registration.prepare_verification(tx, SYSTEM, account.id)
    assert letter is not None
    verified = await registration.verify_email(tx, ANONYMOUS, letter.token)
    assert verified.id == account.id
    assert verified.email_verified_at is not None
    assert await registration.prepare_verification(tx, SYSTEM, account.id) is None
