"""Customers by filter, search and order; statistics; records that may be duplicates."""

import re
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import UNSET

from lyceum.customers import permissions
from lyceum.customers.adapters import filter_language
from lyceum.customers.queries import customers as queries
from lyceum.customers.queries import figures, groups
from lyceum.customers.queries.selection import SORTS, Selection
from lyceum.customers.records import Comparison, Customer, Operator
from lyceum.customers.schemas.customers import CustomerQuery, CustomerStatistics, DuplicatesQuery
from lyceum.customers.service import access
from lyceum.platform import errors, paging
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader

LARGEST: Final = 50
MONTHS: Final = 24


async def list_customers(
    tx: Reader, actor: Actor, query: CustomerQuery
) -> tuple[list[Customer], str | None]:
    """Return a page of the customers that fit, and the next cursor."""
    actor.require(permissions.READ)
    if query.state == "deleted":
        actor.require(permissions.DELETE)
    selection = Selection(is_deleted=query.state == "deleted")
    _narrow(selection, query)
    if query.group_id is not UNSET:
        await narrow_to_group(tx, actor, selection, query.group_id)
    return await _page(tx, selection, query.sort, query.cursor, query.per_page)


async def list_members(
    tx: Reader, actor: Actor, group_id: UUID, query: paging.CursorQuery
) -> tuple[list[Customer], str | None]:
    """Return a page of the members of a group, the newest customer first, and the next cursor."""
    actor.require(permissions.READ_GROUPS)
    selection = Selection()
    await narrow_to_group(tx, actor, selection, group_id)
    return await _page(tx, selection, "-createdAt", query.cursor, query.per_page)


async def narrow_to_group(tx: Reader, actor: Actor, selection: Selection, group_id: UUID) -> None:
    """Narrow a selection to the members of a group: those listed, or those that fit its rule."""
    group = await tx.one_or_none(groups.FIND, group_id)
    if group is None:
        raise errors.NotFound("There is no such group.")
    if group.rule is None:
        selection.require_member(group.id)
    else:
        selection.require(filter_language.parse(group.rule, "/rule"))


async def get_statistics(tx: Reader, actor: Actor) -> CustomerStatistics:
    """Return how many customers there are, from counters that triggers keep."""
    actor.require(permissions.STATISTICS)
    counted: dict[str, dict[str, int]] = {}
    for tally in await tx.all(figures.READ_TALLIES):
        counted.setdefault(tally.dimension, {})[tally.value] = tally.amount
    owners = counted.get("owner", {})
    months = sorted(counted.get("month", {}).items(), reverse=True)[:MONTHS]
    return CustomerStatistics(
        total=counted.get("total", {}).get("", 0),
        deleted=counted.get("deleted", {}).get("", 0),
        merged=counted.get("merged", {}).get("", 0),
        without_owner=owners.pop("", 0),
        by_lifecycle=counted.get("lifecycle", {}),
        by_kind=counted.get("kind", {}),
        by_country=_largest(counted.get("country", {})),
        by_tag=_largest(counted.get("tag", {})),
        by_owner=_largest(owners),
        by_consent=counted.get("consent", {}),
        created_by_month=dict(months),
    )


async def list_duplicates(
    tx: Reader, actor: Actor, query: DuplicatesQuery
) -> tuple[list[tuple[str, list[Customer]]], str | None]:
    """Return sets of customers that have a key in common, by key, and the next cursor."""
    actor.require(permissions.MERGE)
    after = ""
    if query.cursor is not None:
        after = paging.decode_cursor(query.cursor, tuple[str])[0]
        if "\0" in after:
            raise errors.InvalidInput
    sets = await tx.all(figures.LIST_DUPLICATES[query.by], after, query.per_page + 1)
    shown = sets[: query.per_page]
    wanted = [customer_id for found in shown for customer_id in found.customer_ids]
    by_id = {row.id: row for row in await tx.all(queries.FIND_MANY, wanted)}
    rows = [(s.key, [by_id[i] for i in s.customer_ids if i in by_id]) for s in shown]
    cursor = paging.encode_cursor(shown[-1].key) if len(sets) > len(shown) else None
    return rows, cursor


async def list_like(tx: Reader, actor: Actor, customer_id: UUID) -> list[Customer]:
    """Return the customers that may be the same as this one, the likeliest first."""
    actor.require(permissions.MERGE)
    await access.get_customer(tx, actor, customer_id)
    return await tx.all(figures.LIST_LIKE, customer_id)


def _narrow(selection: Selection, query: CustomerQuery) -> None:
    simple: tuple[tuple[str, Operator, Any], ...] = (
        ("lifecycle", "=", query.lifecycle),
        ("kind", "=", query.kind),
        ("tag", "=", query.tag if query.tag is UNSET else query.tag.lower()),
        ("country", "=", query.country if query.country is UNSET else query.country.upper()),
        ("owner", "=", query.owner_id),
    )
    for field, operator, value in simple:
        if value is not UNSET:
            selection.require(Comparison(field, operator, (value,)))
    if query.search is not UNSET:
        words = re.findall(r"[^\W_]+", query.search.lower())
        if words:
            selection.require_words(words[:10])
        else:
            selection.conditions.append("false")
    if query.filter is not UNSET:
        selection.require(filter_language.parse(query.filter, "/query/filter"))


async def _page(
    tx: Reader, selection: Selection, sort: str, cursor: str | None, per_page: int
) -> tuple[list[Customer], str | None]:
    is_by_name = SORTS[sort][1] == "text"
    after = None
    if cursor is not None:
        kind: Any = tuple[str, UUID] if is_by_name else tuple[datetime, UUID]
        after = paging.decode_cursor(cursor, kind)
        if is_by_name and "\0" in after[0]:
            raise errors.InvalidInput
    statement = selection.page(sort, after, per_page + 1)
    found = await tx.all(statement, *selection.values)
    if len(found) <= per_page:
        return found, None
    last = found[per_page - 1]
    key: object = last.name
    if not is_by_name:
        key = last.created_at if "created" in SORTS[sort][0] else last.updated_at
    return found[:per_page], paging.encode_cursor(key, last.id)


def _largest(counted: dict[str, int]) -> dict[str, int]:
    return dict(list(counted.items())[:LARGEST])
