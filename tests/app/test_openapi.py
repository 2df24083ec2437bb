"""The OpenAPI document: valid, complete, and fit to generate a client from."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from schemathesis.specs.openapi import definitions

from lyceum.app import services
from lyceum.platform.openapi import build_document
from lyceum.platform.routing import PUBLIC, Route, Routes

Json = dict[str, Any]
METHODS = {"get", "post", "put", "patch", "delete"}


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def schemas(document: Json) -> Iterator[tuple[str, Json]]:
    """Every schema of the document that stands by itself, and where."""
    yield from document["components"]["schemas"].items()
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        for parameter in operation["parameters"]:
            yield f"{where} {parameter['name']}", parameter["schema"]
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for media_type in body.get("content", {}).values():
                yield where, media_type["schema"]


async def test_the_document_is_openapi_3_1(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    faults = [
        f"{'/'.join(map(str, fault.instance_path))}: {fault.message}"
        for fault in definitions.OPENAPI_31_VALIDATOR.iter_errors(document)
    ]
    assert not faults


async def test_every_schema_is_json_schema(document: Json) -> None:
    for where, schema in schemas(document):
        try:
            jsonschema_rs.meta.validate({"$schema": SCHEMA_2020_12, **schema})
        except jsonschema_rs.ValidationError as fault:
            pytest.fail(f"{where}: {fault}")


SCHEMA_2020_12 = "https://json-schema.org/draft/2020-12/schema"


async def test_every_reference_leads_somewhere(document: Json) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    named = set(references(document))
    assert named <= known
    assert known == named, "components that nothing names"


async def test_every_route_is_an_operation_of_its_own(
    document: Json, every_route: list[Route]
) -> None:
    named = {(method.upper(), path) for method, path, _ in operations(document)}
    assert named == {(route.method, route.path) for route in every_route}
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][A-Za-z0-9]*", name) for name in ids)


async def test_every_operation_says_what_a_client_needs(
    document: Json, every_route: list[Route]
) -> None:
    by_place = {(route.method, route.path): route for route in every_route}
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        route = by_place[method.upper(), path]
        in_path = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
        assert sorted(in_path) == sorted(re.findall(r"{(\w+)}", path)), where
        assert operation["summary"], where
        assert operation["description"], where
        assert str(route.status) in operation["responses"], where
        if route.access is not PUBLIC:
            assert operation["security"][0] in ({"bearer": []}, {"signed": []}), where
            assert {"401", "403"} <= set(operation["responses"]), where
        for status, response in operation["responses"].items():
            assert response["description"], where
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], where


async def test_text_that_comes_in_has_a_limit(document: Json) -> None:
    """A string of a request body without one could be a megabyte."""
    components = document["components"]["schemas"]
    unlimited = []
    for method, path, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body:
            unlimited += [f"{method} {path} {at}" for at in boundless(body["schema"], components)]
    assert not unlimited


def boundless(schema: Json, components: dict[str, Json], at: str = "") -> Iterator[str]:
    """Where a schema lets a string, a list or a number be of any size."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    for part in schema.get("anyOf", []):
        yield from boundless(part, components, at)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    is_fixed = bool({"enum", "const", "format"} & set(schema))
    is_fixed = is_fixed or bool(re.fullmatch(r"[^*+]+", schema.get("pattern", "")))
    if "string" in kinds and not is_fixed and "maxLength" not in schema:
        yield at
    if "integer" in kinds and not {"minimum", "maximum"} <= set(schema) and not is_fixed:
        yield at
    if "array" in kinds:
        if "maxItems" not in schema:
            yield at
        for part in (*schema.get("prefixItems", []), schema.get("items") or {}):
            yield from boundless(part, components, f"{at}/items")
    for name, part in schema.get("properties", {}).items():
        yield from boundless(part, components, f"{at}/{name}")


def test_two_schemas_of_one_name_are_no_document() -> None:
    twins = [
        msgspec.defstruct("Twin", [("field", kind)], module=module)
        for kind, module in ((int, "lyceum.one"), (str, "lyceum.other"))
    ]
    routes = Routes("sample")
    for number, twin in enumerate(twins):

        async def get_twin() -> None:
            """Answer."""

        get_twin.__name__ = f"get_twin_{number}"
        routes.get(f"/twins/{number}", access=PUBLIC, summary="A twin", returns=twin)(get_twin)
    with pytest.raises(TypeError, match=r"lyceum\.one\.Twin, lyceum\.other\.Twin"):
        build_document(routes.all, title="Twins", server="/")


def test_a_path_parameter_keeps_its_limits() -> None:
    document = build_document(services.routes_of("all"), title="Limits", server="/")
    operation = document["paths"]["/api/v1/customers/{customer_id}/consents/{purpose}"]["put"]
    [purpose] = [one for one in operation["parameters"] if one["name"] == "purpose"]
    assert purpose["schema"]["maxLength"] == 50
