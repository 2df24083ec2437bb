"""Addresses of videos and pictures, whatever format they come from.

Not here: what Open edX says of its videos (`olx_video`).
"""

import re
from html import escape
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from lyceum.packages.records import PackageVideo

Video: TypeAlias = PackageVideo

_SEEN = frozenset({"png", "jpg", "jpeg", "gif", "webp", "svg"})
_PLAYED = frozenset({"mp4", "m4v", "webm", "mov", "ogv"})
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{6,20}")
_YOUTUBE = frozenset({"youtube.com", "m.youtube.com", "youtube-nocookie.com"})


def video_of(address: str) -> PackageVideo | None:
    """Return the video of an address of the video site, or None for any other address."""
    parts = urlsplit(address)
    host = (parts.hostname or "").removeprefix("www.")
    found = ""
    if host == "youtu.be":
        found = parts.path.strip("/")
    elif host in _YOUTUBE:
        found = parse_qs(parts.query).get("v", [parts.path.rpartition("/embed/")[2]])[0]
    return PackageVideo(youtube_id=found) if _YOUTUBE_ID.fullmatch(found) else None


def video_at(address: str) -> PackageVideo:
    """Return the video that plays from an address."""
    return PackageVideo(source_urls=(address,))


def is_played(name: str) -> bool:
    """Tell whether a file is a video, by its name."""
    return name.rpartition(".")[2].lower() in _PLAYED


def picture(address: str, name: str) -> str:
    """Return a picture with its name as its words, or nothing for a file that is none."""
    if name.rpartition(".")[2].lower() not in _SEEN:
        return ""
    return f'<p><img src="{address}" alt="{escape(name.rpartition("/")[2])}"></p>'
