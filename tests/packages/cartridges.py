"""Common Cartridges written for the tests, in each of their versions."""

from html import escape
from pathlib import Path

from lyceum.packages.adapters import cc
from lyceum.packages.adapters.receiver import Receiver
from lyceum.packages.records import PackageCourse, PackageLecture, PackageReport
from lyceum.packages.service.imports import RECEIVER
from tests.packages import archives, olx_trees

NAMESPACES = {
    "1.0.0": "http://www.imsglobal.org/xsd/imscc/imscp_v1p1",
    "1.1.0": "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1",
    "1.2.0": "http://www.imsglobal.org/xsd/imsccv1p2/imscp_v1p1",
    "1.3.0": "http://www.imsglobal.org/xsd/imsccv1p3/imscp_v1p1",
}
LOM = "http://ltsc.ieee.org/xsd/imsccv1p{}/LOM/manifest"
PAGE = "<html><head><title>Own title</title></head><body><p>{}</p></body></html>"


def manifest(
    resources: str,
    items: str = "",
    *,
    version: str = "1.3.0",
    identifier: str = "m1",
    title: str = "Lanterns at sea",
    metadata: str = "",
) -> str:
    """A manifest with these resources and these items below the root."""
    lom = LOM.format(version.split(".")[1])
    held = (
        '<organization identifier="o" structure="rooted-hierarchy">'
        f'<item identifier="root">{items}</item></organization>'
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><manifest identifier="{identifier}" '
        f'xmlns="{NAMESPACES[version]}" xmlns:lomimscc="{lom}" '
        'xmlns:cpx="http://www.imsglobal.org/xsd/imsccv1p3/imscp_extensionv1p2">'
        f"<metadata><schema>IMS Common Cartridge</schema><schemaversion>{version}</schemaversion>"
        "<lomimscc:lom><lomimscc:general><lomimscc:title><lomimscc:string>"
        f"{escape(title)}</lomimscc:string></lomimscc:title>{metadata}</lomimscc:general>"
        f"</lomimscc:lom></metadata><organizations>{held if items else ''}</organizations>"
        f"<resources>{resources}</resources></manifest>"
    )


def resource(identifier: str, kind: str, *files: str, href: bool = True, inside: str = "") -> str:
    """A resource with its files."""
    address = f' href="{escape(files[0])}"' if href and files else ""
    listed = "".join(f'<file href="{escape(each)}"/>' for each in files)
    return f'<resource identifier="{identifier}" type="{kind}"{address}>{inside}{listed}</resource>'


def entry(identifier: str, title: str = "", inside: str = "", to: str = "") -> str:
    """An item of the organization."""
    target = f' identifierref="{to}"' if to else ""
    shown = f"<title>{escape(title)}</title>" if title else ""
    return f'<item identifier="{identifier}"{target}>{shown}{inside}</item>'


def module(*items: str, title: str = "Module") -> str:
    """A folder at the top."""
    return entry(f"m-{title}", title, "".join(items))


def read(
    folder: Path, files: dict[str, str], receiver: Receiver = RECEIVER
) -> tuple[PackageCourse, PackageReport]:
    """Write the files of a cartridge and read them."""
    return cc.read_cartridge(olx_trees.write_files(folder, files), receiver=receiver)


def lecture(
    folder: Path, kind: str, content: str, **files: str
) -> tuple[PackageLecture, PackageReport]:
    """Read a cartridge of one resource, which must become a lecture."""
    path = "r/page.html" if kind == "webcontent" else "r/document.xml"
    made = manifest(resource("r", kind, path), module(entry("i", "Entry", to="r")))
    course, report = read(folder, {"imsmanifest.xml": made, path: content, **files})
    (found,) = olx_trees.lectures(course)
    return found, report


def zipped(files: dict[str, str]) -> bytes:
    """The archive of a cartridge."""
    return archives.zip_of(*((path, text.encode()) for path, text in files.items()))


def qti(*items: str, kind: str = "assessment", metadata: str = "", title: str = "Test") -> str:
    """A QTI document with these items."""
    inside = (
        f"<section ident='s'>{''.join(items)}</section>" if kind == "assessment" else "".join(items)
    )
    return (
        '<questestinterop xmlns="http://www.imsglobal.org/xsd/ims_qtiasiv1p2">'
        f'<{kind} ident="a" title="{title}"><qtimetadata>{metadata}</qtimetadata>'
        f"{inside}</{kind}></questestinterop>"
    )


def field(label: str, entry_: str) -> str:
    """A field of QTI metadata."""
    return (
        f"<qtimetadatafield><fieldlabel>{label}</fieldlabel><fieldentry>{entry_}</fieldentry>"
        "</qtimetadatafield>"
    )


def item(
    profile: str, presentation: str, processing: str = "", *, ident: str = "q1", more: str = ""
) -> str:
    """An item of a profile."""
    return (
        f'<item ident="{ident}" title="Title"><itemmetadata><qtimetadata>'
        f"{field('cc_profile', profile)}{more}</qtimetadata></itemmetadata>"
        f"<presentation>{presentation}</presentation>"
        f"<resprocessing>{processing}</resprocessing></item>"
    )


def words(text: str, kind: str = "text/html") -> str:
    """Material."""
    return f'<material><mattext texttype="{kind}">{escape(text)}</mattext></material>'


def choices(labels: dict[str, str], cardinality: str = "Single", ident: str = "r1") -> str:
    """A response of choices by their idents."""
    listed = "".join(
        f'<response_label ident="{name}">{words(text, "text/plain")}</response_label>'
        for name, text in labels.items()
    )
    return (
        f'<response_lid ident="{ident}" rcardinality="{cardinality}"><render_choice>{listed}'
        "</render_choice></response_lid>"
    )


def right(condition: str, points: int = 100, action: str = "Set") -> str:
    """What gives points."""
    return (
        f"<respcondition continue='No'><conditionvar>{condition}</conditionvar>"
        f"<setvar action='{action}' varname='SCORE'>{points}</setvar></respcondition>"
    )


def equal(value: str, ident: str = "r1") -> str:
    """One comparison."""
    return f'<varequal respident="{ident}">{escape(value)}</varequal>'
