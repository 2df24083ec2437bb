"""The HTTP door of groups of customers."""

from uuid import UUID

from lyceum.customers import errors as facts
from lyceum.customers import permissions
from lyceum.customers.http.answers import summary_of
from lyceum.customers.records import Group
from lyceum.customers.schemas import groups as schemas
from lyceum.customers.schemas.customers import CustomerSummary
from lyceum.customers.service import groups, listing
from lyceum.platform import errors, paging
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, Routes
from lyceum.platform.wire import Answer, PageInfo

routes = Routes("customers")


@routes.post(
    "/customers/groups",
    access=permissions.CREATE_GROUPS,
    summary="Make a group of customers",
    status=201,
    facts=(facts.GroupNameTaken, facts.FilterInvalid),
)
async def create_customer_group(
    tx: Writer, actor: Actor, data: schemas.NewCustomerGroup
) -> Answer[schemas.CustomerGroupView]:
    """With a `rule`, its members are whoever fits it at the moment; without, they are listed."""
    made = await groups.create_group(tx, actor, data)
    return Answer(
        data=_view(made, None), version=made.version, location=f"{API}/customers/groups/{made.id}"
    )


@routes.get("/customers/groups", access=permissions.READ_GROUPS, summary="List groups of customers")
async def list_customer_groups(
    tx: Reader, actor: Actor, query: schemas.CustomerGroupQuery
) -> Answer[list[schemas.CustomerGroupView]]:
    """By name."""
    rows, total = await groups.list_groups(tx, actor, query)
    page = PageInfo(page=query.page, per_page=query.per_page, total=total)
    views = [
        _view(row, await groups.count_members(tx, actor, row) if row.rule is None else None)
        for row in rows
    ]
    return Answer(data=views, page=page)


@routes.get(
    "/customers/groups/{group_id}",
    access=permissions.READ_GROUPS,
    summary="A group of customers",
    facts=(errors.NotFound,),
)
async def get_customer_group(
    tx: Reader, actor: Actor, group_id: UUID
) -> Answer[schemas.CustomerGroupView]:
    """With how many members it has at the moment."""
    row = await groups.get_group(tx, actor, group_id)
    members = await groups.count_members(tx, actor, row)
    return Answer(data=_view(row, members), etag=f'"v{row.version}-{members}"')


@routes.put(
    "/customers/groups/{group_id}",
    access=permissions.UPDATE_GROUPS,
    summary="Replace a group of customers",
    facts=(
        errors.NotFound, errors.PreconditionFailed, facts.GroupNameTaken, facts.FilterInvalid,
    ),
)  # fmt: skip
async def update_customer_group(
    tx: Writer, actor: Actor, group_id: UUID, data: schemas.NewCustomerGroup, if_match: int | None
) -> Answer[schemas.CustomerGroupView]:
    """A static group that gets a rule loses its list of members."""
    row = await groups.update_group(tx, actor, group_id, data, if_match)
    return Answer(data=_view(row, None), version=row.version)


@routes.delete(
    "/customers/groups/{group_id}",
    access=permissions.DELETE_GROUPS,
    summary="Delete a group of customers",
    facts=(errors.NotFound, errors.PreconditionFailed),
)
async def delete_customer_group(
    tx: Writer, actor: Actor, group_id: UUID, if_match: int | None
) -> None:
    """Its members stay customers."""
    await groups.delete_group(tx, actor, group_id, if_match)


@routes.get(
    "/customers/groups/{group_id}/customers",
    access=permissions.READ_GROUPS,
    summary="Members of a group",
    facts=(errors.NotFound,),
    shows=Record("customer", people="id", names="customer"),
)
async def list_group_members(
    tx: Reader, actor: Actor, group_id: UUID, query: paging.CursorQuery
) -> Answer[list[CustomerSummary]]:
    """The newest customer first."""
    rows, cursor = await listing.list_members(tx, actor, group_id, query)
    page = PageInfo(per_page=query.per_page, next_cursor=cursor)
    return Answer(data=[summary_of(row) for row in rows], page=page)


@routes.post(
    "/customers/groups/{group_id}/customers",
    access=permissions.MANAGE_MEMBERS,
    summary="Add customers to a group",
    facts=(errors.NotFound, facts.GroupByRule),
)
async def add_group_members(
    tx: Writer, actor: Actor, group_id: UUID, data: schemas.MembersChange
) -> schemas.MembersChanged:
    """All of them or, where one does not exist, none."""
    return await groups.add_members(tx, actor, group_id, data.customer_ids)


@routes.delete(
    "/customers/groups/{group_id}/customers",
    access=permissions.MANAGE_MEMBERS,
    summary="Take customers out of a group",
    facts=(errors.NotFound, facts.GroupByRule),
)
async def remove_group_members(
    tx: Writer, actor: Actor, group_id: UUID, data: schemas.MembersChange
) -> schemas.MembersChanged:
    """Those that are not in it are no fault."""
    return await groups.remove_members(tx, actor, group_id, data.customer_ids)


def _view(row: Group, members: int | None) -> schemas.CustomerGroupView:
    return schemas.CustomerGroupView(
        id=row.id,
        name=row.name,
        description=row.description,
        kind=row.kind,
        rule=row.rule,
        members=members,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
