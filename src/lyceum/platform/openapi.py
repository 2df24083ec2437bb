"""The OpenAPI 3.1 document, made from the routes: their types say what they take and give.

Not here: the page that shows it (`openapi_page`).
"""

import re
from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import Permission
from lyceum.platform.admission import ways_in
from lyceum.platform.paging import CursorQuery, PageQuery
from lyceum.platform.route_facts import facts_of
from lyceum.platform.routing import Route
from lyceum.platform.wire import Content

REF = "#/components/schemas/{name}"
Json = dict[str, Any]

PROBLEM: Json = {
    "type": "object",
    "description": "An RFC 9457 problem; `type` and `code` are stable, `detail` is for people.",
    "required": ["type", "title", "status", "detail", "instance", "code", "requestId"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "integer"},
        "requestId": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": {"pointer": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
BINARY: Json = {"type": "string", "format": "binary"}
FORM: Json = {"type": "object", "required": ["file"], "properties": {"file": BINARY}}
TEXT: Json = {"type": "string"}
CONTENT = {
    "text/plain": TEXT, "text/html": TEXT, "text/css": TEXT, "text/javascript": TEXT,
    "text/event-stream": TEXT, "application/json": {"type": "object"},
}  # fmt: skip
_META: Json = {
    "type": "object",
    "required": ["timestamp", "requestId"],
    "properties": {
        "timestamp": {"type": "string", "format": "date-time"},
        "requestId": {"type": "string"},
    },
}
_NUMBER: Json = {"type": "integer", "minimum": 0}
_PAGE_META: Json = {
    **_META,
    "required": ["timestamp", "requestId", "page", "perPage", "total"],
    "properties": {**_META["properties"], "page": _NUMBER, "perPage": _NUMBER, "total": _NUMBER},
}
_CURSOR_META: Json = {
    **_META,
    "required": ["timestamp", "requestId", "perPage", "nextCursor"],
    "properties": {
        **_META["properties"],
        "perPage": _NUMBER,
        "nextCursor": {"type": ["string", "null"]},
    },
}
_IDEMPOTENCY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Repeating the request with the same key and body has no second effect (24 h).",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag you have; 304 when it is still the present one.",
    "schema": {"type": "string"},
}


def build_document(routes: Sequence[Route], *, title: str, server: str) -> Json:
    """Return the document of `routes`, ready to be encoded as JSON."""
    schemas = _Schemas(routes)
    paths: dict[str, Json] = {}
    for route in sorted(routes, key=lambda r: (r.path, r.method)):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version("lyceum"),
            "description": "Lyceum, a learning-platform backend. Errors are RFC 9457 problems."
            " With a cookie, whatever changes something takes X-CSRF-Token (GET /auth/session).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "tags": [{"name": name} for name in sorted({route.domain for route in routes})],
        "paths": paths,
        "components": {
            "schemas": {
                **schemas.components,
                "Problem": PROBLEM,
                "Meta": _META,
                "PageMeta": _PAGE_META,
                "CursorMeta": _CURSOR_META,
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "signed": {"type": "http", "scheme": "HMAC-SHA256"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-lyceum_session"},
            },
        },
    }


class _Schemas:
    """JSON schemas of every type that a route names; a name is used once."""

    def __init__(self, routes: Sequence[Route]) -> None:
        wanted: list[Any] = []
        for route in routes:
            wanted += [t for t in (route.path_type, route.query_type, route.body_type) if t]
            if _is_json(route):
                wanted.append(route.result_type)
        found, self.components = msgspec.json.schema_components(wanted, ref_template=REF)
        # Two classes of one name get names of modules, which clients would see.
        twice = [name for name in self.components if "." in name]
        if twice:
            raise TypeError(f"a client needs another name for each of these: {', '.join(twice)}")
        self._by_type = [(kind, schema) for kind, schema in zip(wanted, found, strict=True)]
        self._hide_parameters(routes)

    def of(self, kind: Any) -> Json:
        return next(schema for known, schema in self._by_type if known == kind)

    def fields(self, kind: Any) -> tuple[dict[str, Json], list[str]]:
        """Return the properties of a struct, and which of them are required."""
        name = self.of(kind)["$ref"].rpartition("/")[2]
        schema = self._hidden.get(name) or self.components[name]
        return schema.get("properties", {}), schema.get("required", [])

    def _hide_parameters(self, routes: Sequence[Route]) -> None:
        """Path and query structs are shown as parameters, not as components."""
        self._hidden: dict[str, Json] = {}
        for route in routes:
            for kind in (route.path_type, route.query_type):
                name = self.of(kind)["$ref"].rpartition("/")[2] if kind else ""
                if name in self.components:
                    self._hidden[name] = self.components.pop(name)


def _is_json(route: Route) -> bool:
    return route.result_type not in (None, type(None), Content)


def _operation(route: Route, schemas: _Schemas) -> Json:
    operation: Json = {
        "operationId": route.operation_id,
        "summary": route.summary,
        "description": _description(route),
        "tags": [route.domain],
        "parameters": _parameters(route, schemas),
        "responses": _responses(route, schemas),
    }
    if route.body_type is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.of(route.body_type)}},
        }
    elif route.upload_media_types:
        operation["requestBody"] = {
            "required": True,
            "content": {
                kind: {"schema": FORM if kind == "multipart/form-data" else BINARY}
                for kind in route.upload_media_types
            },
        }
    ways = ways_in(route)
    if ways:
        operation["security"] = [{way: []} if way else {} for way in ways]
    return operation


def _description(route: Route) -> str:
    if isinstance(route.access, Permission):
        return f"{route.description}\n\nPermission: `{route.access.name}`."
    return route.description


def _parameters(route: Route, schemas: _Schemas) -> list[Json]:
    found: list[Json] = []
    if route.path_type is not None:
        properties, _ = schemas.fields(route.path_type)
        found += [
            {"name": name, "in": "path", "required": True, "schema": properties[name]}
            for name in route.path_names
        ]
    if route.query_type is not None:
        properties, required = schemas.fields(route.query_type)
        found += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in properties.items()
        ]
    if route.is_idempotent_post:
        found.append(_IDEMPOTENCY)
    if "if_match" in route.wants:
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": route.needs_if_match,
                "description": "The ETag you read; 412 when it is no longer the present one.",
                "schema": {"type": "string"},
            }
        )
    if route.method == "GET" and _is_json(route):
        found.append(_IF_NONE_MATCH)
    return found


def _responses(route: Route, schemas: _Schemas) -> Json:
    success: Json = {"description": HTTPStatus(route.status).phrase}
    if route.result_type is Content:
        success["content"] = {route.media_type: {"schema": CONTENT.get(route.media_type, BINARY)}}
    elif _is_json(route):
        success["content"] = {route.media_type: {"schema": _success_schema(route, schemas)}}
    responses: Json = {str(route.status): success}
    if route.found_status:
        responses[str(route.found_status)] = {**success, "description": "Found: it was there"}
    if route.method == "GET" and _is_json(route):
        responses["304"] = {"description": "Not Modified"}
    by_status: dict[int, list[type[errors.Fact]]] = {}
    for fact in facts_of(route):
        by_status.setdefault(fact.status, []).append(fact)
    for status in sorted(by_status):
        lines = [f"{fact.code} {fact.title}" for fact in by_status[status]]
        responses[str(status)] = {
            "description": "; ".join(dict.fromkeys(lines)),
            "content": {
                "application/problem+json": {"schema": {"$ref": REF.format(name="Problem")}}
            },
        }
    return responses


def _success_schema(route: Route, schemas: _Schemas) -> Json:
    """Return the schema of a body: the envelope, but for formats that are not ours."""
    data = schemas.of(route.result_type)
    if route.media_type != "application/json":
        return data
    return {
        "type": "object",
        "required": ["data", "meta"],
        "properties": {"data": data, "meta": _meta_of(route)},
    }


def _meta_of(route: Route) -> Json:
    query = route.query_type
    name = "Meta"
    if isinstance(query, type) and re.match(r"(list|tuple)\[", str(route.result_type)):
        if issubclass(query, PageQuery):
            name = "PageMeta"
        elif issubclass(query, CursorQuery):
            name = "CursorMeta"
    return {"$ref": REF.format(name=name)}
