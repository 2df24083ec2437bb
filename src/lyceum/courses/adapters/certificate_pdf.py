"""The certificate of completion: as a PDF (Typst) and as the public page that verifies it.

The layouts are `certificate.typ` and `certificate.html` beside this module; the faces that Typst
does not bring are in `fonts/`. Not here: who gets a certificate, its code, revocation (`service`).
"""

import functools
import logging
import re
import string
import unicodedata
from datetime import UTC, date, datetime, time
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lyceum.platform.loading import later

if TYPE_CHECKING:
    import segno
    import typst
    from babel import dates
else:
    dates, segno, typst = later("babel.dates"), later("segno"), later("typst")

_HERE = Path(__file__).parent
_PAGE = string.Template((_HERE / "certificate.html").read_text(encoding="utf-8"))

_LONGEST_TEXT = 400
_LONGEST_URL = 300
_DEFAULT_ACCENT = "#1d4f73"
# No face we ship draws pictographs, so they are left out: with the joiners that glue them together.
_PICTOGRAPHS = re.compile(
    "[\u2600-\u27bf\u2b00-\u2bff\ufe0f\u20e3\U0001f000-\U0001faff\U000e0020-\U000e007f]\u200d?"
)
# Embeddings, overrides and isolates would let a name rearrange what stands around it.
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_log = logging.getLogger(__name__)


class CertificateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a certificate says; any text may come from a stranger. ValueError if it cannot be one.

    `code` is 32 hexadecimal digits, `verify_url` an ASCII http(s) address, `accent` is `#rrggbb`.
    """

    learner_name: str
    course_title: str
    academy_name: str
    instructor_names: tuple[str, ...]
    issued_on: date
    code: str
    verify_url: str
    accent: str = _DEFAULT_ACCENT

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{32}", self.code):
            raise ValueError("a certificate code is 32 hexadecimal digits in lower case")
        if not re.fullmatch(r"https?://[!-~]+", self.verify_url):
            raise ValueError("verify_url must be an ASCII http or https address")
        if len(self.verify_url) > _LONGEST_URL:
            raise ValueError(f"verify_url must have at most {_LONGEST_URL} characters")
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.accent):
            raise ValueError("accent must be a colour written as #rrggbb")


def render_certificate(facts: CertificateFacts) -> bytes:
    """Return the certificate as a tagged PDF/A-2a of one page; equal facts give equal bytes.

    Takes about 15 ms of processor time outside the interpreter lock: call it in a thread. Where a
    text has characters that no face of ours draws, they print as boxes, the file is plain PDF
    instead of PDF/A, and a warning is logged.
    """
    payload = msgspec.json.encode(_printed(facts)).decode()
    try:
        return _compile(payload, facts.issued_on, ["a-2a", "ua-1"])
    except typst.TypstError as error:
        if "could not be displayed" not in error.message:
            raise
        _log.warning("certificate %s has characters that no face draws", facts.code)
        return _compile(payload, facts.issued_on, [])


def verification_html(facts: CertificateFacts, revoked: bool) -> str:
    """Return the public page that says whether the certificate holds; complete, without scripts.

    Works under `default-src 'none'; style-src 'unsafe-inline'; img-src data:`.
    """
    if revoked:
        state, mark, verdict = "revoked", "✕", "This certificate has been revoked"
        meaning = "The academy has withdrawn it. It is no longer proof of the completion below."
    else:
        state, mark, verdict = "valid", "✓", "This certificate is valid"
        meaning = "The academy confirms the completion below."
    names, caption = _signatories(facts)
    texts = {
        "learner": _plain(facts.learner_name),
        "course": _plain(facts.course_title),
        "academy": _plain(facts.academy_name),
        "caption": caption,
        "issued_on": _in_words(facts.issued_on),
        "issued_iso": facts.issued_on.isoformat(),
        "code": facts.code,
        "verify_url": facts.verify_url,
        "accent": _legible(facts.accent),
        "state": state,
        "mark": mark,
        "verdict": verdict,
        "meaning": meaning,
    }
    return _PAGE.substitute(
        {name: escape(text) for name, text in texts.items()},
        signatories=", ".join(f"<bdi>{escape(name)}</bdi>" for name in names),
    )


@functools.cache
def _fonts() -> "typst.Fonts":
    """Return the faces that travel with the program, and no others: the same bytes everywhere.
    Only who makes a PDF needs them, and their memory."""
    return typst.Fonts(include_system_fonts=False, font_paths=[_HERE / "fonts"])


def _compile(payload: str, issued_on: date, standards: "typst.PDFStandards") -> bytes:
    midnight = datetime.combine(issued_on, time(), UTC)
    return typst.compile(
        _HERE / "certificate.typ",
        root=_HERE,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"facts": payload},
        pdf_standards=standards,
        timestamp=midnight,
    )


def _printed(facts: CertificateFacts) -> dict[str, object]:
    """What the layout reads: texts ready to print, the QR code, the colour."""
    names, caption = _signatories(facts)
    issued_on = facts.issued_on
    return {
        "learner_name": _directed(_printable(facts.learner_name)),
        "course_title": _directed(_printable(facts.course_title)),
        "academy_name": _directed(_printable(facts.academy_name)),
        "signatories": [_directed(line) for line in _signature_lines(names)],
        "signatories_caption": caption,
        "issued_on": {
            "text": _in_words(issued_on),
            "rtl": False,
            "year": issued_on.year,
            "month": issued_on.month,
            "day": issued_on.day,
        },
        "code": facts.code,
        "verify_url": facts.verify_url,
        "accent": _legible(facts.accent),
        "qr": _qr_svg(facts.verify_url),
    }


def _plain(text: str) -> str:
    """One line without control characters or direction overrides, cut to what a page can hold."""
    kept = (
        " " if unicodedata.category(letter) == "Cc" else letter
        for letter in unicodedata.normalize("NFC", text[:_LONGEST_TEXT])
        if unicodedata.category(letter) not in {"Cs", "Co"} and letter not in _OVERRIDES
    )
    return " ".join("".join(kept).split())


def _printable(text: str) -> str:
    """`text` without pictographs, unless nothing else is in it."""
    plain = _plain(text)
    return " ".join(_PICTOGRAPHS.sub("", plain).split()) or plain


def _directed(text: str) -> dict[str, object]:
    """`text` with its base direction: that of its first strong character (UAX 9, rule P2)."""
    strong = (unicodedata.bidirectional(letter) for letter in text)
    first = next((kind for kind in strong if kind in {"L", "R", "AL"}), "L")
    return {"text": text, "rtl": first != "L"}


def _signatories(facts: CertificateFacts) -> tuple[list[str], str]:
    """Who stands behind the certificate, and as what: the academy, where no instructor is named."""
    names = [name for name in map(_plain, facts.instructor_names) if name]
    if not names:
        return [_plain(facts.academy_name)], "Issued by"
    return names, "Instructor" if len(names) == 1 else "Instructors"


def _signature_lines(names: list[str]) -> list[str]:
    """At most three lines: there is no room for more that could be read."""
    lines = [_printable(name) for name in names]
    return lines if len(lines) <= 3 else [*lines[:2], f"and {len(lines) - 2} others"]


def _in_words(day: date) -> str:
    return dates.format_date(day, "d MMMM y", locale="en_GB")


def _qr_svg(url: str) -> str:
    drawing = BytesIO()
    segno.make_qr(url, error="m").save(
        drawing, kind="svg", border=4, omitsize=True, xmldecl=False, nl=False
    )
    return drawing.getvalue().decode()


def _legible(accent: str) -> str:
    """`accent`, darkened until its contrast with white is 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    channels = [int(accent[at : at + 2], 16) for at in (1, 3, 5)]
    while 1.05 / (_luminance(channels) + 0.05) < 4.5:
        channels = [channel * 15 // 16 for channel in channels]
    return "#{:02x}{:02x}{:02x}".format(*channels)


def _luminance(channels: list[int]) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2, definition)."""
    shares = (channel / 255 for channel in channels)
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
