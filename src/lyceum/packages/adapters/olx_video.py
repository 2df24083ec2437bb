"""Video blocks of an Open edX course: where they play from, which part, which captions.

Not here: fetching anything.
"""

import re
from urllib.parse import parse_qs, urlsplit

from lyceum.packages.adapters import assets, wording
from lyceum.packages.adapters.olx_blocks import Block
from lyceum.packages.adapters.olx_folder import OlxFolder
from lyceum.packages.adapters.tally import Tally
from lyceum.packages.records import PackageVideo, Transcript

_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{6,20}")
_MAX_SOURCES = 20
_PACKAGED = ("/static/", "static/", "/c4x/")


def read_video(block: Block, folder: OlxFolder) -> PackageVideo:
    """Return what the block says of its video; without an id or address it cannot be played."""
    settings = block.settings
    return PackageVideo(
        youtube_id=_youtube_id(block),
        source_urls=_addresses(block, folder),
        host_video_id=wording.one_line(settings.get("edx_video_id", "")) or None,
        start_seconds=wording.seconds(settings.get("start_time") or settings.get("from")),
        end_seconds=wording.seconds(settings.get("end_time") or settings.get("to")),
        transcripts=_transcripts(block),
    )


def is_playable(video: PackageVideo) -> bool:
    """Tell whether a learner could watch it."""
    return bool(video.youtube_id or video.source_urls)


def count_lost(video: PackageVideo, tally: Tally, example: str) -> None:
    """Count what of a video that was taken has no place here."""
    addresses = len(video.source_urls) + bool(video.youtube_id)
    if addresses > 1:
        tally.sum_up("video-source", "a video has one address here", addresses - 1, example)
    if not video.youtube_id and video.source_urls[0].startswith("http:"):
        tally.sum_up(
            "video-setting", "it is not on https, so a browser may refuse to play it", 1, example
        )
    if video.youtube_id and video.end_seconds:
        tally.sum_up("video-setting", "where it is to end is not kept", 1, example)
    if video.transcripts:
        count = len(video.transcripts)
        tally.sum_up("caption", "captions are not brought in yet", count, example)


def has_packaged_file(block: Block) -> bool:
    """Tell whether a source of the video is a file of the package."""
    return any(source.startswith(_PACKAGED) for source in _sources(block))


def duration_seconds(block: Block, video: PackageVideo) -> int | None:
    """Return the length of the part that is shown, where the package knows it."""
    start = video.start_seconds or 0
    whole = next(
        (wording.seconds(asset.get("duration")) for asset in block.element.iter("video_asset")),
        None,
    )
    end = video.end_seconds or whole
    return end - start if end and end > start else None


def _youtube_id(block: Block) -> str | None:
    """Return the id at normal speed; older exports list one per speed (`0.75:a,1.00:b`)."""
    settings = block.settings
    by_speed = dict(
        pair.strip().split(":", 1) for pair in settings.get("youtube", "").split(",") if ":" in pair
    )
    for given in (
        settings.get("youtube_id_1_0", ""),
        by_speed.get("1.00", ""),
        by_speed.get("1.0", ""),
        *(url for profile, url in _encodings(block) if profile == "youtube"),
        *(_youtube_id_of(source) for source in _sources(block)),
    ):
        if _YOUTUBE_ID.fullmatch(given.strip('"')):
            return given.strip('"')
    return None


def _youtube_id_of(address: str) -> str:
    """Return the id in an address of the video site, or nothing."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    host = (parts.netloc or "").lower().removeprefix("www.")
    if host == "youtu.be":
        return parts.path.strip("/")
    if host in {"youtube.com", "m.youtube.com", "youtube-nocookie.com"}:
        return parse_qs(parts.query).get("v", [parts.path.rpartition("/embed/")[2]])[0]
    return ""


def _sources(block: Block) -> list[str]:
    listed = wording.json_value(block.settings.get("html5_sources"))
    sources = (
        [source for source in listed if isinstance(source, str)] if isinstance(listed, list) else []
    )
    sources.append(block.settings.get("source", ""))
    sources += [element.get("src") or "" for element in block.element.iter("source")]
    sources += [url for profile, url in _encodings(block) if profile != "youtube"]
    return [source.strip() for source in sources if source.strip()]


def _encodings(block: Block) -> list[tuple[str, str]]:
    return [
        (element.get("profile") or "", element.get("url") or "")
        for element in block.element.iter("encoded_video")
    ]


def _addresses(block: Block, folder: OlxFolder) -> tuple[str, ...]:
    """Return where else than on the video site it plays, https first, then files of the package."""
    sources = []
    for each in _sources(block):
        path = folder.static_path(each) if each.startswith(_PACKAGED) else None
        if path is not None:
            sources.append(assets.reference(path))
        elif not _youtube_id_of(each):
            sources.append(wording.web_address(each))
    found = list(dict.fromkeys(filter(None, sources)))
    found.sort(key=lambda address: not address.startswith("https:"))
    return tuple(found[:_MAX_SOURCES])


def _transcripts(block: Block) -> tuple[Transcript, ...]:
    """Return the captions by language; a `sub` names an English file without its ending."""
    by_language: dict[str, str] = {}
    if sub := block.settings.get("sub", "").strip('"'):
        by_language["en"] = f"subs_{sub}.srt.sjson"
    listed = wording.json_value(block.settings.get("transcripts"))
    if isinstance(listed, dict):
        by_language |= {str(language): str(name) for language, name in listed.items()}
    for element in block.element.iter("transcript"):
        if (language := element.get("language")) and (source := element.get("src")):
            by_language[language] = source
    return tuple(
        Transcript(language=wording.one_line(language, 35), file_name=wording.one_line(name))
        for language, name in by_language.items()
    )
