"""The words of QTI 1.2: material as HTML, whatever type the text says it has.

Not here: cleaning it (whoever stores it).
"""

from collections.abc import Collection
from html import escape

from lyceum.packages.adapters import wording, xml
from lyceum.packages.adapters.xml import Element

_FORMATTED = frozenset({"text/html", "text/xhtml", "text/rtf"})


def statement(presentation: Element, apart: Collection[str]) -> str:
    """Return what an item says outside the elements `apart`, which are its responses."""
    parts = [
        _html(element)
        for element in presentation.iter("mattext", "matemtext", "matimage", "matbreak")
        if not any(above.tag in apart for above in element.iterancestors())
    ]
    return "\n".join(filter(None, parts))


def of(element: Element) -> str:
    """Return all that an element says."""
    parts = [_html(each) for each in element.iter("mattext", "matemtext", "matimage", "matbreak")]
    return "\n".join(filter(None, parts))


def own_material(response: Element) -> str:
    """Return what a response says itself, without its choices."""
    parts = [
        _html(element)
        for element in response.iter("mattext", "matemtext", "matimage")
        if not any(above.tag == "response_label" for above in element.iterancestors())
    ]
    return "\n".join(filter(None, parts))


def plain(element: Element) -> str:
    """Return what an element says as plain words on one line."""
    return wording.plain_line(of(element), 1000)


def _html(element: Element) -> str:
    if element.tag == "matbreak":
        return "<br>"
    if element.tag == "matimage":
        source = element.get("uri") or ""
        return f'<img src="{escape(source)}" alt="{escape(element.get("label") or "")}">'
    kind = (element.get("texttype") or "text/plain").lower()
    if kind in _FORMATTED or len(element):
        return xml.inner_html(element).strip()
    return escape((element.text or "").strip(), quote=False)
