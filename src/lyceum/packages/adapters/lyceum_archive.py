"""Our own archive of a course (`.lyceum.zip`): a manifest in JSON and the files by their checksums.

It holds all that makes the course again: structure, texts, quizzes with their keys, settings. Not
here: what learners did, who teaches with the owner, prerequisites.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from lyceum.packages.adapters import assets
from lyceum.packages.adapters.faults import NotLyceum, PackageTooLarge
from lyceum.packages.adapters.package_folder import PackageFolder
from lyceum.packages.adapters.progress import Progress, untold
from lyceum.packages.adapters.receiver import ANY, Receiver
from lyceum.packages.adapters.tally import Tally
from lyceum.packages.adapters.zip_writer import ZipWriter
from lyceum.packages.records import PackageAsset, PackageCourse, PackageLecture, PackageReport

FORMAT: Final = "lyceum"
MANIFEST: Final = "lyceum.json"
SCHEMA_VERSION: Final = 1
MAX_MANIFEST_BYTES: Final = 128 * 1024 * 1024
MAX_KEY: Final = 255
COUNTED: Final = {
    "chapter": "chapters", "lecture": "lectures", "question": "questions", "file": "files",
}  # fmt: skip
_CHUNK: Final = 1024 * 1024


class ArchivedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the archive; its content is the member `files/` with its checksum."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=assets.MAX_PATH)]
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    is_for_staff: bool = False


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written in `lyceum.json`; texts point at files by `/package-files/` and a token."""

    format: Literal["lyceum-course"]
    schema_version: int
    course: PackageCourse
    files: tuple[ArchivedFile, ...] = ()


class _Version(msgspec.Struct, frozen=True):
    format: str = ""
    schema_version: int = 0


def write_archive(path: Path, course: PackageCourse, files: Iterable[PackageAsset]) -> None:
    """Write the archive of a course to `path`: the same bytes for the same course."""
    archived: list[ArchivedFile] = []
    with ZipWriter(path) as archive:
        for asset in files:
            digest = _digest(asset.location)
            archived.append(
                ArchivedFile(
                    path=asset.path,
                    size_bytes=asset.size_bytes,
                    sha256=digest,
                    is_for_staff=asset.is_for_staff,
                )
            )
            archive.add_file(f"files/{digest}", asset.location)
        manifest = Manifest(
            format="lyceum-course",
            schema_version=SCHEMA_VERSION,
            course=msgspec.structs.replace(course, assets=()),
            files=tuple(archived),
        )
        written = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        archive.add(MANIFEST, written)


def holds_archive(folder: Path) -> bool:
    """Tell whether an unpacked package is an archive of ours."""
    return (folder / MANIFEST).is_file()


def read_archive(
    folder: Path, progress: Progress = untold, receiver: Receiver = ANY
) -> tuple[PackageCourse, PackageReport]:
    """Read an archive of ours from an unpacked folder; nothing of it is left out.

    Raises NotLyceum for one that cannot be taken whole.
    """
    archive = PackageFolder(folder)
    manifest = _manifest(archive)
    kept = []
    for number, file in enumerate(manifest.files):
        kept.append(_checked(archive, file))
        progress((number + 1) / (len(manifest.files) + 1))
    course = msgspec.structs.replace(manifest.course, assets=tuple(kept))
    _require_sound(course, receiver)
    tally = Tally(COUNTED)
    for kind, count in _counts(course).items():
        for _ in range(count):
            tally.find(kind)
        tally.take(kind, count)
    progress(1.0)
    return course, tally.report(FORMAT)


def _manifest(archive: PackageFolder) -> Manifest:
    location = archive.location(MANIFEST)
    if location.stat().st_size > MAX_MANIFEST_BYTES:
        raise PackageTooLarge(f"Its manifest has more than {MAX_MANIFEST_BYTES} bytes")
    content = location.read_bytes()
    try:
        version = msgspec.json.decode(content, type=_Version)
        if version.schema_version > SCHEMA_VERSION:
            raise NotLyceum(f"It was written by a newer Lyceum (version {version.schema_version})")
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise NotLyceum(f"Its manifest cannot be read: {problem}"[:500]) from problem


def _checked(archive: PackageFolder, file: ArchivedFile) -> PackageAsset:
    """Return a file whose content is what the manifest says."""
    member = f"files/{file.sha256}"
    if not archive.has(member):
        raise NotLyceum(f"The content of {file.path[:200]!r} is missing")
    location = archive.location(member)
    if location.stat().st_size != file.size_bytes or _digest(location) != file.sha256:
        raise NotLyceum(f"The content of {file.path[:200]!r} is not what the manifest says")
    return assets.asset(file.path, location, is_for_staff=file.is_for_staff)


def _require_sound(course: PackageCourse, receiver: Receiver) -> None:
    """Refuse what could not be stored whole; raises NotLyceum."""
    paths = [asset.path for asset in course.assets]
    keys = [course.external_id]
    if len(set(paths)) < len(paths):
        raise NotLyceum("Two of its files have the same name")
    for chapter in course.chapters:
        keys.append(chapter.external_id)
        for lecture in chapter.lectures:
            keys.append(lecture.external_id)
            _require_sound_lecture(lecture, receiver)
    if any(not 0 < len(key) <= MAX_KEY for key in keys):
        raise NotLyceum("One of its parts has no key, or a long one")


def _require_sound_lecture(lecture: PackageLecture, receiver: Receiver) -> None:
    if len(lecture.html) > receiver.lecture_characters:
        raise NotLyceum(f"The lecture {lecture.title[:100]!r} is too long")
    for question in lecture.questions:
        if fault := receiver.find_fault(question):
            raise NotLyceum(f"A question of {lecture.title[:100]!r} cannot be asked: {fault}")


def _counts(course: PackageCourse) -> dict[str, int]:
    lectures = [lecture for chapter in course.chapters for lecture in chapter.lectures]
    return {
        "chapter": len(course.chapters),
        "lecture": len(lectures),
        "question": sum(len(lecture.questions) for lecture in lectures),
        "file": len(course.assets),
    }


def _digest(location: Path) -> str:
    digest = hashlib.sha256()
    with location.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
