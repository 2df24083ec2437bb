"""Groups of customers: static ones whose members are listed, and those that a rule fills."""

from uuid import UUID

from msgspec import UNSET

from lyceum.customers import errors as facts
from lyceum.customers import events, permissions
from lyceum.customers.adapters import filter_language
from lyceum.customers.queries import groups as queries
from lyceum.customers.queries.selection import Selection
from lyceum.customers.records import Group
from lyceum.customers.schemas.groups import CustomerGroupQuery, MembersChanged, NewCustomerGroup
from lyceum.platform import errors, ids, richtext
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer, constraint_facts
from lyceum.platform.events import emit

TAKEN = {"groups_name_unique": facts.GroupNameTaken}


async def create_group(tx: Writer, actor: Actor, new: NewCustomerGroup) -> Group:
    """Make a group: by rule if there is one, otherwise static and empty."""
    actor.require(permissions.CREATE_GROUPS)
    name, kind = _checked(new)
    group_id = ids.new_id()
    with constraint_facts(TAKEN):
        await tx.execute(queries.INSERT, group_id, name, new.description, kind, new.rule)
    await emit(tx, actor, events.GroupCreated(group_id=group_id, kind=kind))
    return await tx.one(queries.FIND, group_id)


async def list_groups(
    tx: Reader, actor: Actor, query: CustomerGroupQuery
) -> tuple[list[Group], int]:
    """Return a page of groups by name, and how many there are."""
    actor.require(permissions.READ_GROUPS)
    search = "" if query.search is UNSET else query.search.lower()
    offset = (query.page - 1) * query.per_page
    rows = await tx.all(queries.LIST, search, query.per_page, offset)
    return rows, await tx.one(queries.COUNT, search)


async def get_group(tx: Reader, actor: Actor, group_id: UUID) -> Group:
    """Return a group."""
    actor.require(permissions.READ_GROUPS)
    found = await tx.one_or_none(queries.FIND, group_id)
    if found is None:
        raise errors.NotFound
    return found


async def count_members(tx: Reader, actor: Actor, group: Group) -> int:
    """Return how many customers are in a group at the moment."""
    actor.require(permissions.READ_GROUPS)
    if group.rule is None:
        return await tx.one(queries.COUNT_MEMBERS, group.id)
    selection = Selection()
    selection.require(filter_language.parse(group.rule, "/rule"))
    return await tx.one(selection.count(), *selection.values)


async def update_group(
    tx: Writer, actor: Actor, group_id: UUID, new: NewCustomerGroup, if_match: int | None
) -> Group:
    """Put a group in place of the one that is there; one that gets a rule loses its list."""
    actor.require(permissions.UPDATE_GROUPS)
    before = await _lock(tx, group_id, if_match)
    name, kind = _checked(new)
    wanted = {"name": name, "description": new.description, "rule": new.rule}
    changed = tuple(field for field, value in wanted.items() if getattr(before, field) != value)
    if not changed:
        return before
    with constraint_facts(TAKEN):
        await tx.execute(queries.UPDATE, group_id, name, new.description, kind, new.rule)
    if kind == "rule":
        await tx.execute(queries.EMPTY, group_id)
    await emit(tx, actor, events.GroupUpdated(group_id=group_id, changed=changed))
    return await tx.one(queries.FIND, group_id)


async def delete_group(tx: Writer, actor: Actor, group_id: UUID, if_match: int | None) -> None:
    """Delete a group; its members stay customers."""
    actor.require(permissions.DELETE_GROUPS)
    await _lock(tx, group_id, if_match)
    await tx.execute(queries.DELETE, group_id)
    await emit(tx, actor, events.GroupDeleted(group_id=group_id))


async def add_members(
    tx: Writer, actor: Actor, group_id: UUID, customer_ids: tuple[UUID, ...]
) -> MembersChanged:
    """Add customers to a static group; ValidationFailed names the first one that there is not."""
    actor.require(permissions.MANAGE_MEMBERS)
    await _lock_static(tx, group_id)
    present = set(await tx.all(queries.LIST_PRESENT, list(customer_ids)))
    for place, customer_id in enumerate(customer_ids):
        if customer_id not in present:
            raise facts.invalid(f"/customerIds/{place}", "There is no such customer")
    added = await tx.all(queries.ADD_MEMBERS, group_id, list(customer_ids))
    return await _changed(tx, actor, group_id, added=added, removed=[])


async def remove_members(
    tx: Writer, actor: Actor, group_id: UUID, customer_ids: tuple[UUID, ...]
) -> MembersChanged:
    """Take customers out of a static group; those that are not in it are no fault."""
    actor.require(permissions.MANAGE_MEMBERS)
    await _lock_static(tx, group_id)
    removed = await tx.all(queries.REMOVE_MEMBERS, group_id, list(customer_ids))
    return await _changed(tx, actor, group_id, added=[], removed=removed)


async def is_member(tx: Reader, actor: Actor, group_id: UUID, customer_id: UUID) -> bool:
    """Return whether a customer is in a group at the moment; False for a group that is gone."""
    actor.require(permissions.READ_GROUPS)
    group = await tx.one_or_none(queries.FIND, group_id)
    if group is None:
        return False
    if group.rule is None:
        return await tx.one(queries.IS_MEMBER, group_id, customer_id)
    selection = Selection()
    selection.require(filter_language.parse(group.rule, "/rule"))
    selection.require_id(customer_id)
    return await tx.one(selection.count(), *selection.values) > 0


async def _changed(
    tx: Writer, actor: Actor, group_id: UUID, *, added: list[UUID], removed: list[UUID]
) -> MembersChanged:
    if added or removed:
        changed = events.MembersChanged(
            group_id=group_id, added=tuple(added), removed=tuple(removed)
        )
        await emit(tx, actor, changed)
    members = await tx.one(queries.COUNT_MEMBERS, group_id)
    return MembersChanged(changed=len(added) + len(removed), members=members)


async def _lock(tx: Writer, group_id: UUID, if_match: int | None) -> Group:
    found = await tx.one_or_none(queries.LOCK, group_id)
    if found is None:
        raise errors.NotFound
    if if_match is not None and if_match != found.version:
        raise errors.PreconditionFailed
    return found


async def _lock_static(tx: Writer, group_id: UUID) -> None:
    if (await _lock(tx, group_id, None)).kind != "static":
        raise facts.GroupByRule


def _checked(new: NewCustomerGroup) -> tuple[str, str]:
    """Return the name as it is stored, and the kind of group."""
    name = richtext.clean_text(new.name)
    if not name:
        raise facts.invalid("/name", "A group has a name")
    if new.rule is None:
        return name, "static"
    filter_language.parse(new.rule, "/rule")
    return name, "rule"
