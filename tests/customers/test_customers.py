"""One customer: what is stored, who sees it, what is told, and what belongs to it."""

from typing import Any

import msgspec
import pytest

from lyceum.customers import api, events
from lyceum.customers import errors as facts
from lyceum.customers.schemas.customers import (
    CustomerChanges,
    CustomerQuery,
    NewCustomer,
    NewCustomerConsent,
)
from lyceum.customers.service import customers, listing, merging
from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS, Actor, permissions_of
from lyceum.platform.database import Writer
from lyceum.platform.paging import CursorQuery, PageQuery
from lyceum.platform.statements import Json, sql
from tests.customers import factories
from tests.users import factories as users

_PAYLOADS = sql("SELECT payload FROM platform.outbox WHERE key = $1 ORDER BY position", Json)
MANAGER = factories.manager()


async def test_what_is_written_is_cleaned(tx: Writer) -> None:
    made = await factories.make_customer(
        tx, name="  Ada \u202e Lovelace ", email="ADA@People.Test", phone=" +49  30 1 ",
        tags=("VIP", "vip ", " "), addresses=[{"country": "de", "city": " Berlin "}],
    )  # fmt: skip
    assert (made.name, made.email, made.phone) == ("Ada Lovelace", "ada@people.test", "+49 30 1")
    assert made.tags == ["vip"]
    assert msgspec.json.decode(made.addresses)[0]["country"] == "DE"
    with pytest.raises(errors.ValidationFailed):
        await factories.make_customer(tx, name=" \u202e ")
    with pytest.raises(errors.ValidationFailed):
        await factories.make_customer(tx, owner_id=ids.new_id())
    for contact in ({"name": " \u202e "}, {"name": "Ada", "email": "\u0084@people.test"}):
        with pytest.raises(errors.ValidationFailed):
            await factories.make_customer(tx, contacts=[contact])


async def test_a_change_tells_before_and_after_without_secrets(tx: Writer) -> None:
    made = await factories.make_customer(tx, email="ada@people.test", tax_id="DE123")
    changes = CustomerChanges(email="eda@people.test", tax_id="DE456", lifecycle="active")
    changed = await customers.update_customer(tx, MANAGER, made.id, changes, made.version)
    assert changed.version == made.version + 1
    again = await customers.update_customer(tx, MANAGER, made.id, changes, None)
    assert again.version == changed.version
    told = [msgspec.json.decode(row) for row in await tx.all(_PAYLOADS, str(made.id))][1:]
    assert len(told) == 1
    assert told[0]["before"]["lifecycle"] == "lead"
    assert told[0]["after"]["lifecycle"] == "active"
    assert told[0]["before"]["email"] == "a***@people.test"
    assert "DE123" not in str(told)
    assert "DE456" not in str(told)
    with pytest.raises(errors.PreconditionFailed):
        await customers.update_customer(tx, MANAGER, made.id, changes, made.version)


async def test_replacing_empties_what_is_not_sent(tx: Writer) -> None:
    made = await factories.make_customer(tx, tags=("vip",), phone="1")
    new = NewCustomer(name="Other")
    row = await customers.replace_customer(tx, MANAGER, made.id, new, None)
    assert (row.name, row.tags, row.phone) == ("Other", [], None)


async def test_deleted_and_restored(tx: Writer) -> None:
    reference = factories.word()
    made = await factories.make_customer(tx, reference=reference)
    await customers.delete_customer(tx, MANAGER, made.id, None)
    await customers.delete_customer(tx, MANAGER, made.id, None)
    reader = Actor(user_id=ids.new_id(), permissions=frozenset({"customers:read"}))
    with pytest.raises(errors.NotFound):
        await customers.get_customer(tx, reader, made.id)
    shown, _ = await customers.get_customer(tx, MANAGER, made.id)
    assert shown.deleted_at is not None
    query = CustomerQuery(search=reference)
    assert await listing.list_customers(tx, MANAGER, query) == ([], None)
    gone, _ = await listing.list_customers(
        tx, MANAGER, msgspec.structs.replace(query, state="deleted")
    )
    assert [row.id for row in gone] == [made.id]
    await factories.make_customer(tx, reference=reference)
    told = await factories.events_of(tx, made.id)
    assert told == ["customer.created", "customer.deleted"]


async def test_restored_as_it_was(tx: Writer) -> None:
    made = await factories.make_customer(tx, tags=("vip",))
    await customers.delete_customer(tx, MANAGER, made.id, None)
    back = await customers.restore_customer(tx, MANAGER, made.id)
    assert (back.deleted_at, back.tags) == (None, ["vip"])
    same = await customers.restore_customer(tx, MANAGER, made.id)
    assert same.version == back.version


async def test_who_may(tx: Writer) -> None:
    made = await factories.make_customer(tx)
    reader = Actor(user_id=ids.new_id(), permissions=frozenset({"customers:read"}))
    await customers.get_customer(tx, reader, made.id)
    with pytest.raises(errors.Forbidden):
        await customers.update_customer(tx, reader, made.id, CustomerChanges(name="x"), None)
    with pytest.raises(errors.Forbidden):
        await customers.delete_customer(tx, reader, made.id, None)
    with pytest.raises(errors.Forbidden):
        await listing.list_customers(tx, reader, CustomerQuery(state="deleted"))
    student = Actor(user_id=ids.new_id(), permissions=permissions_of(("student",)))
    with pytest.raises(errors.Forbidden):
        await customers.get_customer(tx, student, ids.new_id())
    with pytest.raises(errors.Unauthorized):
        await listing.get_statistics(tx, ANONYMOUS)


@pytest.mark.parametrize("sort", ["createdAt", "-createdAt", "updatedAt", "name", "-name"])
async def test_every_order_pages_to_its_end(tx: Writer, sort: Any) -> None:
    mark = factories.word()
    made = [
        await factories.make_customer(tx, name=name, tags=(mark,))
        for name in ("ada", "Ada", "Ärger", "İstanbul", "ẞ", "bob", "BOB")
    ]
    seen: list[Any] = []
    query = CustomerQuery(tag=mark, sort=sort, per_page=2)
    while True:
        rows, cursor = await listing.list_customers(tx, MANAGER, query)
        seen += [row.id for row in rows]
        if cursor is None:
            break
        query = msgspec.structs.replace(query, cursor=cursor)
    assert sorted(seen) == sorted(row.id for row in made)
    assert len(set(seen)) == len(made)


async def test_search_finds_beginnings_of_words(tx: Writer) -> None:
    mark = factories.word()
    made = await factories.make_customer(
        tx, name=f"Müller-{mark} Söhne", email=f"office@{mark}.test", reference=f"R-{mark}"
    )
    for text in (f"müller {mark[:-3]}", f"office {mark}", f"{mark} söh", f"r {mark}"):
        rows, _ = await listing.list_customers(tx, MANAGER, CustomerQuery(search=text))
        assert [row.id for row in rows] == [made.id], text
    for text in (f"{mark}x", "'", "& | ! :*", f"{mark} absent"):
        rows, _ = await listing.list_customers(tx, MANAGER, CustomerQuery(search=text))
        assert rows == [], text


async def test_accounts(tx: Writer) -> None:
    one, other = await factories.make_customer(tx), await factories.make_customer(tx)
    user_id = await factories.make_account(tx)
    await customers.link_account(tx, MANAGER, one.id, user_id)
    await customers.link_account(tx, MANAGER, one.id, user_id)
    with pytest.raises(facts.AccountLinkedElsewhere):
        await customers.link_account(tx, MANAGER, other.id, user_id)
    with pytest.raises(errors.NotFound):
        await customers.link_account(tx, MANAGER, other.id, ids.new_id())
    found = await api.find_customer_of_account(tx, user_id)
    assert found is not None
    assert found.customer_id == one.id
    await customers.unlink_account(tx, MANAGER, one.id, user_id)
    with pytest.raises(errors.NotFound):
        await customers.unlink_account(tx, MANAGER, one.id, user_id)
    assert await api.find_customer_of_account(tx, user_id) is None


async def test_a_proved_address_is_linked_if_one_record_has_it(tx: Writer) -> None:
    account = await users.make_user(tx)
    made = await factories.make_customer(tx, email=account.email)
    assert await customers.link_by_address(tx, MANAGER, account.id) == made.id
    assert await customers.link_by_address(tx, MANAGER, account.id) is None
    twice = await users.make_user(tx)
    for _ in range(2):
        await factories.make_customer(tx, email=twice.email)
    assert await customers.link_by_address(tx, MANAGER, twice.id) is None


async def test_consents_are_kept_one_after_the_other(tx: Writer) -> None:
    made = await factories.make_customer(tx)
    for is_given in (True, False, True):
        said = NewCustomerConsent(is_given=is_given, source="form")
        row = await customers.record_consent(tx, MANAGER, made.id, "newsletter", said)
        assert row.consents == (["newsletter"] if is_given else [])
    _, more = await customers.get_customer(tx, MANAGER, made.id)
    assert [consent.is_given for consent in more.consents] == [True, False, True]


async def test_notes(tx: Writer) -> None:
    made = await factories.make_customer(tx)
    note = await customers.add_note(tx, MANAGER, made.id, "  Wants\r\na lamp. ")
    assert note.body == "Wants\na lamp."
    notes, total = await customers.list_notes(tx, MANAGER, made.id, PageQuery())
    assert (total, notes[0].id) == (1, note.id)
    other = Actor(
        user_id=ids.new_id(), permissions=frozenset({"customers:read", "customers:update"})
    )
    with pytest.raises(errors.Forbidden):
        await customers.delete_note(tx, other, made.id, note.id)
    await customers.delete_note(tx, MANAGER, made.id, note.id)
    with pytest.raises(errors.ValidationFailed):
        await customers.add_note(tx, MANAGER, made.id, " \n ")


async def test_merging_keeps_what_both_have(tx: Writer) -> None:
    user_id = await factories.make_account(tx)
    one = await factories.make_customer(tx, email="a@one.test", tags=("x",))
    other = await factories.make_customer(
        tx, email="b@two.test", phone="123", tags=("y", "x"), lifecycle="active",
        custom_fields={"seats": 1},
    )  # fmt: skip
    await customers.link_account(tx, MANAGER, other.id, user_id)
    await customers.add_note(tx, MANAGER, other.id, "Note")
    for row, is_given in ((one, True), (other, False)):
        said = NewCustomerConsent(is_given=is_given, source="form")
        await customers.record_consent(tx, MANAGER, row.id, "newsletter", said)
    merged = await merging.merge_customers(tx, MANAGER, one.id, (other.id,), None)
    assert (merged.email, merged.phone, merged.lifecycle) == ("a@one.test", "123", "active")
    assert merged.tags == ["x", "y"]
    assert msgspec.json.decode(merged.contacts)[0]["email"] == "b@two.test"
    assert merged.consents == []
    notes, _ = await customers.list_notes(tx, MANAGER, one.id, PageQuery())
    assert len(notes) == 1
    _, more = await customers.get_customer(tx, MANAGER, one.id)
    assert [account.user_id for account in more.accounts] == [user_id]
    with pytest.raises(facts.CustomerMerged) as gone:
        await customers.get_customer(tx, MANAGER, other.id)
    assert gone.value.data["merged_into"] == one.id
    with pytest.raises(facts.CustomerMerged):
        await customers.restore_customer(tx, MANAGER, other.id)
    for wrong in (one.id, other.id, ids.new_id()):
        with pytest.raises(errors.ValidationFailed):
            await merging.merge_customers(tx, MANAGER, one.id, (wrong,), None)


async def test_the_reference_of_a_duplicate_comes_along(tx: Writer) -> None:
    reference = factories.word()
    one = await factories.make_customer(tx)
    other = await factories.make_customer(tx, reference=reference)
    merged = await merging.merge_customers(tx, MANAGER, one.id, (other.id,), one.version)
    assert merged.reference == reference


async def test_duplicates_are_found_however_they_are_written(tx: Writer) -> None:
    mark = ids.new_id().hex
    one = await factories.make_customer(tx, name=f"Lamp-{mark} GmbH", tax_id=f"DE {mark}")
    other = await factories.make_customer(tx, name=f"lamp {mark} gmbh", tax_id=f"de{mark}")
    like = await listing.list_like(tx, MANAGER, one.id)
    assert [row.id for row in like] == [other.id]


async def test_the_timeline_hears_of_what_happens(tx: Writer) -> None:
    made = await factories.make_customer(tx)
    await customers.remember(tx, MANAGER, made.id, "enrolled", {"courseId": "x"})
    await customers.remember(tx, MANAGER, ids.new_id(), "enrolled", {})
    rows, cursor = await customers.list_timeline(tx, MANAGER, made.id, CursorQuery(per_page=1))
    assert (rows[0].kind, cursor) == ("enrolled", None)


def test_events_of_customers_hold_no_more_than_their_key() -> None:
    event = events.CustomerDeleted(customer_id=ids.new_id())
    assert event.key() == str(event.customer_id)
