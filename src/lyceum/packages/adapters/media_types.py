"""What a file of a package is, by its first bytes, and what a browser may do with it.

Only kinds that cannot run anything are shown in the page; whatever does not begin as its name
claims is a download of unknown type. Not here: making anything of the content.
"""

from typing import Final

HEAD_BYTES: Final = 512
UNKNOWN: Final = "application/octet-stream"

_MAGIC: Final[dict[str, tuple[str, tuple[tuple[int, bytes], ...]]]] = {
    "png": ("image/png", ((0, b"\x89PNG\r\n\x1a\n"),)),
    "jpg": ("image/jpeg", ((0, b"\xff\xd8\xff"),)),
    "jpeg": ("image/jpeg", ((0, b"\xff\xd8\xff"),)),
    "gif": ("image/gif", ((0, b"GIF87a"), (0, b"GIF89a"))),
    "webp": ("image/webp", ((8, b"WEBP"),)),
    "bmp": ("image/bmp", ((0, b"BM"),)),
    "ico": ("image/vnd.microsoft.icon", ((0, b"\x00\x00\x01\x00"),)),
    "pdf": ("application/pdf", ((0, b"%PDF-"),)),
    "mp4": ("video/mp4", ((4, b"ftyp"),)),
    "m4v": ("video/mp4", ((4, b"ftyp"),)),
    "m4a": ("audio/mp4", ((4, b"ftyp"),)),
    "mov": ("video/quicktime", ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"))),
    "webm": ("video/webm", ((0, b"\x1aE\xdf\xa3"),)),
    "mp3": ("audio/mpeg", ((0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2"))),
    "ogg": ("audio/ogg", ((0, b"OggS"),)),
    "oga": ("audio/ogg", ((0, b"OggS"),)),
    "ogv": ("video/ogg", ((0, b"OggS"),)),
    "wav": ("audio/wav", ((8, b"WAVE"),)),
    "zip": ("application/zip", ((0, b"PK\x03\x04"), (0, b"PK\x05\x06"))),
    "gz": ("application/gzip", ((0, b"\x1f\x8b"),)),
    "docx": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ((0, b"PK\x03\x04"),),
    ),
    "xlsx": (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ((0, b"PK\x03\x04"),),
    ),
    "pptx": (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ((0, b"PK\x03\x04"),),
    ),
    "odt": ("application/vnd.oasis.opendocument.text", ((0, b"PK\x03\x04"),)),
    "epub": ("application/epub+zip", ((0, b"PK\x03\x04"),)),
    "doc": ("application/msword", ((0, b"\xd0\xcf\x11\xe0"),)),
    "xls": ("application/vnd.ms-excel", ((0, b"\xd0\xcf\x11\xe0"),)),
    "ppt": ("application/vnd.ms-powerpoint", ((0, b"\xd0\xcf\x11\xe0"),)),
}
# Without magic: harmless whatever they hold, as long as the browser keeps to the type.
_PLAIN: Final = {
    "txt": "text/plain; charset=utf-8",
    "srt": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    # Shown as a picture in a page it runs nothing; opened by itself it is a download.
    "svg": "image/svg+xml",
}
_SHOWN: Final = frozenset(
    {
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp",
        "image/vnd.microsoft.icon", "video/mp4", "video/webm", "video/ogg", "video/quicktime",
        "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav",
        "text/plain; charset=utf-8", "text/vtt; charset=utf-8",
    }
)  # fmt: skip


def media_type(path: str, head: bytes) -> str:
    """Return the type of a file by its name, if it begins as that type does."""
    ending = path.rpartition(".")[2].lower()
    if ending in _PLAIN:
        return _PLAIN[ending]
    kind, magics = _MAGIC.get(ending, (UNKNOWN, ()))
    begins = any(head[at : at + len(magic)] == magic for at, magic in magics)
    return kind if begins else UNKNOWN


def is_shown(kind: str) -> bool:
    """Tell whether a browser may show a file of this type in the page, and not only save it."""
    return kind in _SHOWN
