"""The manifest of a Common Cartridge (1.0 to 1.3, thin ones too): its resources and their order.

The versions differ in namespaces and in the last part of the resource types, so only local names
and the parts that stayed are looked at. Not here: what the resources hold (`cc`).
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from lyceum.packages.adapters import wording, xml
from lyceum.packages.adapters.faults import NotCommonCartridge, XmlMalformed
from lyceum.packages.adapters.package_folder import PackageFolder
from lyceum.packages.adapters.xml import Element

MANIFEST = "imsmanifest.xml"
LIMITS = xml.XmlLimits(16 * 1024 * 1024, 500_000)
MAX_DEPTH = 24
_CARTRIDGE = re.compile(r"imscc|common cartridge", re.IGNORECASE)
_SCORM = re.compile(r"adlcp|adl sco", re.IGNORECASE)
# The kinds of resource, by how their types begin or what they hold.
_KINDS = (
    (re.compile(r"imsqti_.*/assessment$"), "assessment"),
    (re.compile(r"imsqti_.*/question-bank$"), "bank"),
    (re.compile(r"imsdt_"), "discussion"),
    (re.compile(r"imswl_"), "weblink"),
    (re.compile(r"imsbasiclti_|imslti_"), "tool"),
    (re.compile(r"assignment_"), "assignment"),
    (re.compile(r"associatedcontent/"), "associated"),
    (re.compile(r"webcontent$"), "webcontent"),
)


class Resource(NamedTuple):
    """One resource; `kind` is a word of ours, or the type where it is not known.

    `preferred` names another resource that says the same better, for readers that can read it.
    """

    identifier: str
    kind: str
    href: str
    files: tuple[str, ...]
    dependencies: tuple[str, ...]
    is_for_staff: bool
    preferred: str


class Item(NamedTuple):
    """An entry of the organization: a heading, a folder of further entries, or a resource."""

    identifier: str
    title: str
    resource: str
    items: tuple["Item", ...]


class Manifest(NamedTuple):
    """What a manifest says; `items` are those below the root of the organization."""

    identifier: str
    version: str
    title: str
    description: str
    language: str
    resources: tuple[Resource, ...]
    items: tuple[Item, ...]


def read_manifest(folder: PackageFolder) -> Manifest:
    """Return the manifest; raises NotCommonCartridge, XmlMalformed or XmlEntities."""
    root = folder.read_xml(MANIFEST, LIMITS)
    said = " ".join([*map(str, root.nsmap.values()), *_schema_of(root)])
    xml.strip_namespaces(root)
    if root.tag != "manifest":
        raise NotCommonCartridge
    if not _CARTRIDGE.search(said):
        if _SCORM.search(said):
            raise NotCommonCartridge("The package is SCORM, which is not read")
        raise NotCommonCartridge("The package is IMS content of another profile, which is not read")
    if root.get("version") == "encrypted" or root.find(".//authorizations/cc") is not None:
        raise NotCommonCartridge("The content of the cartridge is protected")
    general = root.find("metadata//general")
    organization = root.find("organizations/organization")
    return Manifest(
        identifier=wording.one_line(root.get("identifier") or "", 120),
        version=wording.one_line(xml.text_at(root, "metadata/schemaversion"), 20),
        title=_said(general, "title") or _title(organization),
        description=_said(general, "description"),
        language=xml.text_at(general, "language") if general is not None else "",
        resources=tuple(_resource(each) for each in root.iterfind("resources/resource")),
        items=_items_of(organization),
    )


def _schema_of(root: Element) -> list[str]:
    return [(element.text or "")[:200] for element in root.iter("{*}schema", "{*}schemaversion")][
        :4
    ]


def _said(general: Element | None, name: str) -> str:
    """Return what the metadata says in whatever language comes first."""
    if general is None:
        return ""
    for place in (f"{name}/string", f"{name}/langstring", name):
        if text := xml.text_at(general, place):
            return text
    return ""


def _title(organization: Element | None) -> str:
    return "" if organization is None else xml.text_at(organization, "title")


def _resource(element: Element) -> Resource:
    kind = element.get("type") or ""
    known = next((name for pattern, name in _KINDS if pattern.match(kind)), "")
    roles = [
        xml.text_at(role, "value").lower()
        for role in element.iterfind("metadata//intendedEndUserRole")
    ]
    use = (element.get("intendeduse") or "").lower()
    variant = element.find("variant")
    base = _path(element.get("base") or element.get("{http://www.w3.org/XML/1998/namespace}base"))
    files = [_path(each.get("href"), base) for each in element.iterfind("file")]
    return Resource(
        identifier=element.get("identifier") or "",
        kind=known or f"unknown {wording.one_line(kind, 60)}".strip(),
        href=_path(element.get("href"), base),
        files=tuple(dict.fromkeys(filter(None, files))),
        dependencies=tuple(
            each.get("identifierref") or "" for each in element.iterfind("dependency")
        ),
        is_for_staff=(bool(roles) and "learner" not in roles) or use == "lessonplan",
        preferred="" if variant is None else variant.get("identifierref") or "",
    )


def _path(href: str | None, base: str = "") -> str:
    """Return an address inside the package as a path; nothing for one that is elsewhere."""
    if not href or "://" in href:
        return ""
    return resolve(base, href.partition("?")[0].partition("#")[0])


def resolve(base: str, href: str) -> str:
    """Return the path that an address means from a folder of the package, `..` and all.

    It is only ever looked up among the files that are there.
    """
    parts: list[str] = []
    for part in f"{base}/{unquote(href)}".split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _items_of(organization: Element | None) -> tuple[Item, ...]:
    """Return what is below the one item that a cartridge has at its root."""
    if organization is None:
        return ()
    items = tuple(_item(each, 0) for each in organization.iterfind("item"))
    if len(items) == 1 and not items[0].resource and not items[0].title:
        return items[0].items
    if len(items) == 1 and items[0].items and not items[0].resource:
        folders = [each for each in items[0].items if each.items]
        return items[0].items if folders else items
    return items


def _item(element: Element, depth: int) -> Item:
    if depth > MAX_DEPTH:
        raise XmlMalformed(MANIFEST, "its items nest too deeply")
    return Item(
        identifier=element.get("identifier") or "",
        title=wording.one_line(xml.text_at(element, "title")),
        resource=element.get("identifierref") or "",
        items=tuple(_item(each, depth + 1) for each in element.iterfind("item")),
    )
