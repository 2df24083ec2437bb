"""The AsyncAPI 3 document of every event, made from the declarations, and the snapshot that pins
each version. Not here: the HTTP interface (`openapi`)."""

from importlib.metadata import version
from typing import Any

import msgspec

from lyceum.platform import events

Json = dict[str, Any]
REF = "#/components/schemas/{name}"
ID: Json = {"type": "string", "format": "uuid"}
ID_OR_EMPTY: Json = {"type": "string", "description": "A UUID, or empty when there is none."}
HEADERS: Json = {
    "type": "object",
    "required": ["version", "key", "occurred-at", "request-id"],
    "properties": {
        "version": {"type": "integer", "description": "Of the event's fields."},
        "key": {"type": "string", "description": "Events of one key come in their order."},
        "occurred-at": {"type": "string", "format": "date-time"},
        "actor-id": ID_OR_EMPTY,
        "impersonator-id": ID_OR_EMPTY,
        "request-id": {"type": "string"},
        "traceparent": {
            "type": "string",
            "description": "The trace of the W3C that it belongs to, or empty.",
        },
        "origin": {"type": "string", "description": "The address of the client, or empty."},
    },
}


def build_document(*, title: str, prefix: str) -> Json:
    """Return the document of every declared event on the exchange that starts with `prefix`."""
    declared = events.all_events()
    schemas, components = msgspec.json.schema_components(declared, ref_template=REF)
    channels: Json = {}
    operations: Json = {}
    messages: Json = {}
    for cls, schema in zip(declared, schemas, strict=True):
        messages[cls.name] = {
            "name": cls.name,
            "title": cls.__name__,
            "summary": " ".join((cls.__doc__ or "").split()),
            "contentType": "application/json",
            "headers": {"$ref": "#/components/schemas/EventHeaders"},
            "payload": schema,
            "x-version": cls.version,
            "x-consumers": events.consumers_of(cls.name),
            "bindings": {"amqp": {"messageType": cls.name, "bindingVersion": "0.3.0"}},
        }
        channels[cls.name] = {
            "address": cls.name,
            "messages": {"event": {"$ref": f"#/components/messages/{cls.name}"}},
            "bindings": {
                "amqp": {
                    "is": "routingKey",
                    "exchange": {
                        "name": f"{prefix}.events",
                        "type": "topic",
                        "durable": True,
                        "autoDelete": False,
                    },
                    "bindingVersion": "0.3.0",
                }
            },
        }
        operations[f"publish.{cls.name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{cls.name}"},
            "messages": [{"$ref": f"#/channels/{cls.name}/messages/event"}],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{title}: events",
            "version": version("lyceum"),
            "description": (
                "Every event that Lyceum emits: at least once, in order for each key."
                " With RabbitMQ they are messages of a topic exchange, under their names."
            ),
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": {"EventHeaders": HEADERS, **components}},
    }


def snapshot() -> Json:
    """Return, for each event, its version and the schema of its fields, without the prose."""
    declared = events.all_events()
    pinned: Json = {}
    for cls in declared:
        (schema,), components = msgspec.json.schema_components([cls], ref_template=REF)
        pinned[cls.name] = {
            "version": cls.version,
            "schema": _without_prose(schema),
            "components": _without_prose(components),
        }
    return pinned


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_prose(inner)
            for key, inner in value.items()
            if not (key in {"description", "title"} and isinstance(inner, str))
        }
    return [_without_prose(inner) for inner in value] if isinstance(value, list) else value
