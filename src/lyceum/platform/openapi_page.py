"""The documentation page: the OpenAPI document as one HTML page, without scripts or outside files.

Not here: the document (`openapi`).
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec

from lyceum.platform.mailbox import MailLine

Json = dict[str, Any]
DEPTH = 4

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #2f6f4f; }
body { font: 15px/1.55 system-ui, sans-serif; margin: 0; display: grid;
  grid-template-columns: 15rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 1rem;
  box-sizing: border-box; border-right: 1px solid var(--line); }
nav a { display: block; padding: .2rem 0; color: inherit; text-decoration: none; }
nav a:hover, summary:hover { text-decoration: underline; }
main { padding: 1.5rem 2rem 6rem; max-width: 62rem; }
h1 { margin: 0 0 .25rem; } h2 { margin: 2.5rem 0 .75rem; text-transform: capitalize; }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; }
summary { cursor: pointer; padding: .6rem .9rem; display: flex; gap: .8rem; align-items: baseline;
  flex-wrap: wrap; }
details > div { padding: 0 .9rem .9rem; }
.method { font: 700 12px ui-monospace, monospace; min-width: 3.6rem; }
.GET { color: #2b6cb0; } .POST { color: #2f855a; } .PUT, .PATCH { color: #b7791f; }
.DELETE { color: #c53030; }
code, pre { font-family: ui-monospace, monospace; font-size: 13px; }
pre { background: var(--soft); padding: .7rem; border-radius: 6px; overflow: auto; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .6rem
  .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.lock { margin-left: auto; opacity: .7; font-size: 13px; }
@media (max-width: 50rem) { body { display: block; } nav { display: none; }
  main { padding: 1rem; } }
"""


def render(document: bytes) -> bytes:
    """Return the page for an encoded OpenAPI document."""
    found = msgspec.json.decode(document)
    schemas: Json = found["components"]["schemas"]
    by_tag: dict[str, list[str]] = {}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            shown = _operation(path, method.upper(), operation, schemas)
            by_tag.setdefault(operation["tags"][0], []).append(shown)
    links = "".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in by_tag)
    sections = "".join(
        f'<section id="{escape(tag)}"><h2>{escape(tag)}</h2>{"".join(operations)}</section>'
        for tag, operations in by_tag.items()
    )
    title = escape(found["info"]["title"])
    return page(
        title,
        f"<nav><strong>{title}</strong>{links}<p><a href='/openapi.json'>openapi.json</a></p></nav>"
        f"<main><h1>{title}</h1><p>Version {escape(found['info']['version'])}."
        " Sign in with <code>POST /api/v1/auth/login</code> and send"
        " <code>Authorization: Bearer &lt;accessToken&gt;</code>. Lists are wrapped as"
        " <code>{data, meta}</code>; errors are <code>application/problem+json</code>.</p>"
        f"{sections}</main>",
    )


def page(title: str, body: str) -> bytes:
    """Return a whole HTML document with the house style; `body` is HTML already."""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{title}</title><style>{STYLE}</style></head><body>{body}</body></html>"
    ).encode()


def _operation(path: str, method: str, operation: Json, schemas: Json) -> str:
    security = operation.get("security")
    lock = "" if security is None else "optional sign-in" if {} in security else "sign-in"
    parts = [f"<p>{escape(operation['description']).replace(chr(10), '<br>')}</p>"]
    if operation["parameters"]:
        rows = "".join(_parameter(parameter) for parameter in operation["parameters"])
        parts.append(f"<table><tr><th>parameter<th>in<th>type<th>{rows}</table>")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body, {escape(kind)}</h4>{_example(content['schema'], schemas)}")
    for status, response in operation["responses"].items():
        parts.append(f"<h4>{status} {escape(response['description'])}</h4>")
        content = response.get("content", {}).get("application/json")
        if content:
            parts.append(_example(content["schema"], schemas))
    return (
        f"<details id='{escape(operation['operationId'])}'><summary>"
        f"<span class='method {method}'>{method}</span><code>{escape(path)}</code>"
        f"<span>{escape(operation['summary'])}</span><span class='lock'>{lock}</span></summary>"
        f"<div>{''.join(parts)}</div></details>"
    )


def _parameter(parameter: Json) -> str:
    schema = parameter["schema"]
    note = parameter.get("description") or schema.get("description", "")
    needed = " (required)" if parameter.get("required") else ""
    return (
        f"<tr><td><code>{escape(parameter['name'])}</code>{needed}<td>{parameter['in']}"
        f"<td>{escape(_brief(schema))}<td>{escape(note)}"
    )


def _brief(schema: Json) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_brief(part) for part in schema["anyOf"])
    kind = str(schema.get("type", "any"))
    limits = [
        f"{sign}{schema[name]}"
        for name, sign in (("minimum", "≥ "), ("maximum", "≤ "), ("minLength", "length ≥ "),
                           ("maxLength", "length ≤ "))
        if name in schema
    ]  # fmt: skip
    return ", ".join([schema.get("format", kind), *limits])


def _example(schema: Json, schemas: Json) -> str:
    shown = msgspec.json.format(msgspec.json.encode(_shape(schema, schemas, DEPTH)), indent=2)
    return f"<pre>{escape(shown.decode())}</pre>"


def _shape(schema: Json, schemas: Json, depth: int) -> Any:
    """Return a value that shows the schema: objects and lists by structure, the rest by type."""
    if "$ref" in schema:
        schema = schemas.get(schema["$ref"].rpartition("/")[2], {})
    if "allOf" in schema:
        return _shape(schema["allOf"][0], schemas, depth)
    if "properties" in schema:
        if depth == 0:
            return "…"
        return {
            name: _shape(part, schemas, depth - 1) for name, part in schema["properties"].items()
        }
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        return [_shape(schema["items"], schemas, depth)]
    if "anyOf" in schema and not all("type" in part for part in schema["anyOf"]):
        return _shape(schema["anyOf"][0], schemas, depth)
    return _brief(schema)


def render_mailbox(mails: Sequence[MailLine]) -> bytes:
    """Return the page that lists mails of the development mailbox, newest first."""
    rows = "".join(
        f"<tr><td>{escape(str(mail.sent_at))}<td>{escape(mail.to)}"
        f"<td><a href='/dev/mail/{escape(mail.id)}'>{escape(mail.subject)}</a>"
        for mail in mails
    )
    empty = "<p>No mail yet.</p>" if not mails else ""
    return page(
        "Development mailbox",
        f"<nav></nav><main><h1>Development mailbox</h1>{empty}"
        f"<table><tr><th>sent<th>to<th>subject{rows}</table></main>",
    )
