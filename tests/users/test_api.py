"""What other domains ask about people."""

import pytest

from lyceum.platform import errors, ids
from lyceum.platform.access import permissions_of, system_actor
from lyceum.platform.database import Writer
from lyceum.platform.statements import sql
from lyceum.users import api
from lyceum.users.service import administration
from tests.users import factories

SYSTEM = system_actor("test")
_PROFILE = sql("SELECT display_name FROM users.public_profiles WHERE user_id = $1", str)


async def test_people_are_found(tx: Writer) -> None:
    account = await factories.make_user(tx, roles=("instructor",))
    person = await api.find_person(tx, account.id)
    assert person == api.Person(
        account.id, account.email, "Ada Lovelace", ("instructor",), "active"
    )
    assert await api.find_person_by_email(tx, account.email.upper()) == person
    assert await api.find_person(tx, ids.new_id()) is None
    for email in ("nobody@people.test", "no address", ""):
        assert await api.find_person_by_email(tx, email) is None
    assert await tx.one(_PROFILE, account.id) == account.display_name


async def test_a_person_acts_with_present_rights(tx: Writer) -> None:
    account = await factories.make_user(tx, roles=("manager",))
    actor = await api.actor_for(tx, account.id)
    assert actor.user_id == account.id
    assert actor.permissions == permissions_of(("manager",))
    await administration.suspend(tx, SYSTEM, account.id)
    for user_id in (account.id, ids.new_id()):
        with pytest.raises(errors.NotFound):
            await api.actor_for(tx, user_id)


async def test_an_account_is_ensured_once(tx: Writer) -> None:
    email = factories.unique_email()

    async def ensure(role: str) -> object:
        return await api.ensure_account(
            tx, SYSTEM, email=email, password=factories.PASSWORD, first_name="Demo",
            last_name="Admin", roles=(role,),
        )  # fmt: skip

    made = await ensure("admin")
    assert await ensure("student") == made
    person = await api.find_person_by_email(tx, email)
    assert person is not None
    assert person.roles == ("admin",)
