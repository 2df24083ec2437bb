"""XML and HTML from strangers: parsed without entities, network or external files.

The only module that knows the parser. Not here: what the elements mean (each format's reader).
"""

import codecs
import re
from html import escape
from html.entities import html5
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from lyceum.packages.adapters.faults import XmlEntities, XmlMalformed
from lyceum.platform.loading import later

if TYPE_CHECKING:
    from lxml import etree
    from lxml.etree import _Element

    Element: TypeAlias = _Element
else:
    etree, Element = later("lxml.etree"), Any

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
# Elements and attributes without content take forty times their bytes once they are parsed, so
# the signs that make them are counted before.
MAX_SIGNS = 200_000


class XmlLimits(NamedTuple):
    """How large a document may be, and how many elements and attributes it may hold."""

    document_bytes: int = MAX_DOCUMENT_BYTES
    signs: int = MAX_SIGNS


DEFAULT_LIMITS = XmlLimits()

_DECLARATION = re.compile(r"\A\s*<\?xml\b[^>]{0,500}\?>")
# Without a subset of its own in brackets: that is only good for declaring entities.
_DOCTYPE = re.compile(r"""<!DOCTYPE(?:"[^"]*"|'[^']*'|[^\[>"'])*>""")
_DECLARED_ENCODING = re.compile(
    rb"\A\s*<\?xml\b[^>]{0,400}?\bencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']"
)
_PLAIN_ENCODINGS = re.compile(r"utf-8|ascii|iso8859-\d+|cp125\d|koi8-[ru]")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)

_NAMED_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31};)")
_XML_ENTITIES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})

_UNSEEN_TAGS = frozenset({"script", "style", "link", "meta", "title"})
_SEEN_WITHOUT_TEXT = frozenset(
    {"img", "iframe", "video", "audio", "object", "embed", "svg", "math", "canvas"}
)


def parse_xml(data: bytes, path: str, limits: XmlLimits = DEFAULT_LIMITS) -> Element:
    """Return the root of a document, elements only; `path` names it in faults.

    Raises XmlEntities for any entity declaration and XmlMalformed for what cannot be read. The
    text is decoded here and not by the parser, so that what is checked is what is parsed.
    """
    if len(data) > limits.document_bytes:
        raise XmlMalformed(path, f"larger than {limits.document_bytes} bytes")
    text = _DECLARATION.sub("", _decoded(data, path), count=1)
    text = _without_doctype(text, path)
    if text.count("<") > limits.signs or text.count("=") > limits.signs:
        raise XmlMalformed(path, "too many elements or attributes")
    text = _NAMED_ENTITY.sub(_as_character, text)
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as problem:
        raise XmlMalformed(path, (problem.msg or "it is empty").splitlines()[0][:200]) from problem
    except (ValueError, UnicodeEncodeError) as problem:
        raise XmlMalformed(path, "it holds characters that XML does not allow") from problem


def strip_namespaces(root: Element) -> Element:
    """Take the namespaces off the names of all elements: versions of a format differ in them."""
    for element in root.iter():
        name = str(element.tag)
        if name.startswith("{"):
            element.tag = name.rpartition("}")[2]
    return root


def text_at(element: Element, path: str) -> str:
    """Return the stripped text of the first element at `path`, or nothing."""
    return (element.findtext(path) or "").strip()


def attributes(element: Element) -> dict[str, str]:
    """Return the attributes of an element, leaving out those of a namespace."""
    return {
        str(name): str(value) for name, value in element.items() if not str(name).startswith("{")
    }


def inner_html(element: Element) -> str:
    """Return the content of an element as HTML; its own text counts as markup (CDATA, escaped)."""
    parts = [element.text or ""]
    parts += [
        etree.tostring(child, method="html", encoding="unicode", with_tail=True)
        for child in element
    ]
    return "".join(parts)


class HtmlTooHeavy(Exception):
    """Why a page is not read, in words for the report."""


def parse_html(html: str) -> Element | None:
    """Return the root of a page, elements only; None where there is nothing in it.

    Raises HtmlTooHeavy for one that nests more than two thousand deep or has too many elements.
    """
    if html.count("<") > MAX_SIGNS or html.count("=") > MAX_SIGNS:
        raise HtmlTooHeavy("it has too many elements or attributes")
    if not html.strip():
        return None
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        root = etree.fromstring(html.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None
    # The parser stops there, and what it has by then is not the whole.
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise HtmlTooHeavy("its markup nests too deeply")
    return root  # None, whatever the types say, when the parser found no element at all


def walk(root: Element) -> Any:
    """Go through a tree: pairs of `start` or `end` and an element; `skip_subtree` passes over one.

    However deep the tree is, unlike a function that calls itself.
    """
    return etree.iterwalk(root, events=("start", "end"))


def shows_something(html: str) -> bool:
    """Tell whether a reader would see anything of this HTML: text or a picture."""
    try:
        root = parse_html(html)
    except HtmlTooHeavy:
        return False
    if root is None:
        return False
    for element in root.iter():
        if element.tag in _SEEN_WITHOUT_TEXT or (element.tail or "").strip():
            return True
        if element.tag not in _UNSEEN_TAGS and (element.text or "").strip():
            return True
    return False


def _decoded(data: bytes, path: str) -> str:
    """Decode a document by its mark or its declaration; only encodings without escapes."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if not encoding:
        declared = _DECLARED_ENCODING.match(data)
        name = declared.group(1).decode("ascii") if declared else "utf-8"
        try:
            encoding = codecs.lookup(name).name
        except LookupError:
            encoding = name
        if not _PLAIN_ENCODINGS.fullmatch(encoding):
            raise XmlMalformed(path, f"the encoding {name} is not accepted")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as problem:
        raise XmlMalformed(path, f"it is not {encoding}") from problem


def _as_character(entity: re.Match[str]) -> str:
    """Write `&nbsp;` and the like as the character they name in HTML; XML knows only five."""
    name = entity.group(1)
    if name in _XML_ENTITIES or name not in html5:
        return entity.group()
    return escape(html5[name])


def _without_doctype(text: str, path: str) -> str:
    """Take the document type declaration out, so that the parser has nothing to load.

    The prologue is stepped through by hand: one regular expression over all its comments would
    backtrack without end.
    """
    at = 0
    while True:
        while text[at : at + 1].isspace():
            at += 1
        if text.startswith("<?", at):
            closing = "?>"
        elif text.startswith("<!--", at):
            closing = "-->"
        else:
            break
        end = text.find(closing, at)
        if end < 0:
            return text
        at = end + len(closing)
    if not text.startswith("<!DOCTYPE", at):
        return text
    if "<!ENTITY" in text:
        raise XmlEntities(path)
    declaration = _DOCTYPE.match(text, at)
    if declaration is None:
        raise XmlMalformed(path, "its document type declaration is not accepted")
    return text[:at] + text[declaration.end() :]
