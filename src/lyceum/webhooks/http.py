"""The HTTP door of webhooks."""

from typing import Any
from uuid import UUID

import msgspec

from lyceum.platform import errors, paging
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.outbound import AddressRefused
from lyceum.platform.paging import CursorQuery
from lyceum.platform.routing import Routes
from lyceum.platform.wire import Answer, PageInfo
from lyceum.webhooks import jobs, service
from lyceum.webhooks.adapters import signing
from lyceum.webhooks.errors import TooManyWebhooks, WebhookDisabled
from lyceum.webhooks.permissions import MANAGE_WEBHOOKS, SUBSCRIBABLE
from lyceum.webhooks.records import Delivery, Endpoint
from lyceum.webhooks.schemas import (
    DeliveryDetail,
    DeliveryView,
    NewWebhook,
    TryView,
    WebhookSettings,
    WebhookView,
    WebhookWithSecret,
)

routes = Routes("webhooks")


@routes.get("/webhooks/event-types", access=MANAGE_WEBHOOKS, summary="What can be subscribed to")
async def list_event_types(actor: Actor) -> Answer[list[str]]:
    """The fields of each are in `/asyncapi.json`."""
    actor.require(MANAGE_WEBHOOKS)
    return Answer(data=list(SUBSCRIBABLE))


@routes.post(
    "/webhooks",
    access=MANAGE_WEBHOOKS,
    summary="Have events sent to an address",
    status=201,
    facts=(TooManyWebhooks, AddressRefused),
)
async def create_webhook(
    tx: Writer, actor: Actor, engines: Engines, data: NewWebhook
) -> Answer[WebhookWithSecret]:
    """The secret is shown here and never again; messages are signed as Standard Webhooks says."""
    made = await service.create_webhook(
        tx, actor, data, allows_private=engines.settings.outbound_private == "on"
    )
    return Answer(
        data=_with_secret(engines, made),
        location=f"/api/v1/webhooks/{made.id}",
        version=made.version,
    )


@routes.get("/webhooks", access=MANAGE_WEBHOOKS, summary="One's webhooks")
async def list_webhooks(tx: Reader, actor: Actor) -> Answer[list[WebhookView]]:
    """Those of the one who asks alone; 20 at most."""
    return Answer(data=[_view(each) for each in await service.list_webhooks(tx, actor)])


@routes.get(
    "/webhooks/{webhook_id}", access=MANAGE_WEBHOOKS, summary="A webhook", facts=(errors.NotFound,)
)
async def get_webhook(tx: Reader, actor: Actor, webhook_id: UUID) -> Answer[WebhookView]:
    """With why it was switched off, if it was."""
    found = await service.get_webhook(tx, actor, webhook_id)
    return Answer(data=_view(found), version=found.version)


@routes.put(
    "/webhooks/{webhook_id}",
    access=MANAGE_WEBHOOKS,
    summary="Change a webhook",
    facts=(errors.NotFound, AddressRefused, errors.PreconditionFailed),
)
async def change_webhook(
    tx: Writer,
    actor: Actor,
    engines: Engines,
    webhook_id: UUID,
    data: WebhookSettings,
    if_match: int | None,
) -> Answer[WebhookView]:
    """Replaces all of it."""
    changed = await service.change_webhook(
        tx, actor, webhook_id, data, expected=if_match,
        allows_private=engines.settings.outbound_private == "on",
    )  # fmt: skip
    return Answer(data=_view(changed), version=changed.version)


@routes.delete(
    "/webhooks/{webhook_id}",
    access=MANAGE_WEBHOOKS,
    summary="Remove a webhook",
    facts=(errors.NotFound, errors.PreconditionFailed),
)
async def delete_webhook(tx: Writer, actor: Actor, webhook_id: UUID, if_match: int | None) -> None:
    """With its log."""
    await service.delete_webhook(tx, actor, webhook_id, expected=if_match)


@routes.post(
    "/webhooks/{webhook_id}/rotate-secret",
    access=MANAGE_WEBHOOKS,
    summary="Sign with a new secret",
    facts=(errors.NotFound,),
)
async def rotate_secret(
    tx: Writer, actor: Actor, engines: Engines, webhook_id: UUID
) -> Answer[WebhookWithSecret]:
    """For a day each message carries a signature by the old one too."""
    rotated = await service.rotate_secret(tx, actor, webhook_id)
    return Answer(data=_with_secret(engines, rotated), version=rotated.version)


@routes.post(
    "/webhooks/{webhook_id}/test",
    access=MANAGE_WEBHOOKS,
    summary="Send a test message",
    status=202,
    facts=(errors.NotFound, WebhookDisabled),
)
async def send_test(tx: Writer, actor: Actor, webhook_id: UUID) -> Answer[DeliveryDetail]:
    """Of type `webhook.test`; what comes of it is in the log."""
    delivery_id = await service.add_test_delivery(tx, actor, webhook_id)
    await jobs.enqueue_sending(tx, delivery_id)
    detail = await _detail(tx, actor, webhook_id, delivery_id)
    place = f"/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}"
    return Answer(data=detail, location=place)


@routes.get(
    "/webhooks/{webhook_id}/deliveries",
    access=MANAGE_WEBHOOKS,
    summary="The log of a webhook",
    facts=(errors.NotFound,),
)
async def list_deliveries(
    tx: Reader, actor: Actor, webhook_id: UUID, query: CursorQuery
) -> Answer[list[DeliveryView]]:
    """The newest first; what is over is kept for 30 days."""
    before = paging.decode_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None
    found = await service.list_deliveries(
        tx, actor, webhook_id, before=before, limit=query.per_page + 1
    )
    shown = found[: query.per_page]
    more = paging.encode_cursor(shown[-1].id) if len(found) > query.per_page else None
    return Answer(
        data=[DeliveryView(**_fields(each)) for each in shown],
        page=PageInfo(per_page=query.per_page, next_cursor=more),
    )


@routes.get(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}",
    access=MANAGE_WEBHOOKS,
    summary="A delivery and its tries",
    facts=(errors.NotFound,),
)
async def get_delivery(
    tx: Reader, actor: Actor, webhook_id: UUID, delivery_id: UUID
) -> DeliveryDetail:
    """What was sent, and what came back."""
    return await _detail(tx, actor, webhook_id, delivery_id)


@routes.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    access=MANAGE_WEBHOOKS,
    summary="Send a message again",
    facts=(errors.NotFound, WebhookDisabled),
)
async def replay_delivery(tx: Writer, actor: Actor, webhook_id: UUID, delivery_id: UUID) -> None:
    """Under the same id, with all its tries."""
    await service.replay_delivery(tx, actor, webhook_id, delivery_id)
    await jobs.enqueue_sending(tx, delivery_id)


async def _detail(tx: Reader, actor: Actor, webhook_id: UUID, delivery_id: UUID) -> DeliveryDetail:
    delivery, tries = await service.get_delivery(tx, actor, webhook_id, delivery_id)
    return DeliveryDetail(
        **_fields(delivery),
        body=msgspec.json.decode(delivery.body),
        tries=[
            TryView(**{field: getattr(each, field) for field in TryView.__struct_fields__})
            for each in tries
        ],
    )


def _fields(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "message_id": f"msg_{delivery.message_id}",
        "event_type": delivery.event_type,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_try_at": delivery.next_try_at if delivery.state == "waiting" else None,
        "created_at": delivery.created_at,
        "finished_at": delivery.finished_at,
    }


def _view(endpoint: Endpoint) -> WebhookView:
    return WebhookView(
        **{field: getattr(endpoint, field) for field in WebhookView.__struct_fields__}
    )


def _with_secret(engines: Engines, endpoint: Endpoint) -> WebhookWithSecret:
    secret = signing.derive_secret(engines.settings.secret_key, endpoint.id, endpoint.generation)
    fields = {field: getattr(endpoint, field) for field in WebhookView.__struct_fields__}
    return WebhookWithSecret(**fields, secret=secret)
