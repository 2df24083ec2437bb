"""Archives as honest programs make them come out as they went in; damaged ones raise a fault."""

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyceum.packages.adapters import archive, faults
from tests.packages import archives

DATA = Path(__file__).parents[3] / "shared" / "data"
PACKAGES = [
    "openedx/demo-course.olx.tar.gz",
    "imscc/course-1.imscc",
    "imscc/rich-content-cc-file.imscc",
    "moodle/lincs-build-lesson-oer.mbz",
]

part = st.text("abcdéß漢 ._-", min_size=1, max_size=12).filter(lambda text: text not in {".", ".."})
names = st.lists(part, min_size=1, max_size=3).map("/".join)
contents = st.dictionaries(names, st.binary(max_size=2000), max_size=6).filter(
    lambda files: not clashes(list(files))
)
packers: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def clashes(paths: list[str]) -> bool:
    """Whether one of the names is a folder of another, or the same but for its case."""
    spellings: dict[str, tuple[str, bool]] = {}
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            prefix = "/".join(parts[:depth])
            known = spellings.setdefault(prefix.casefold(), (prefix, depth < len(parts)))
            if known != (prefix, depth < len(parts)):
                return True
    return False


def files_of(package: bytes) -> dict[str, bytes]:
    """The files that an archive unpacks to."""
    with tempfile.TemporaryDirectory() as folder:
        path = archives.write(Path(folder) / "package", package)
        with archive.unpacked(path) as root:
            return {
                file.relative_to(root).as_posix(): file.read_bytes()
                for file in root.rglob("*")
                if file.is_file()
            }


@given(contents, st.sampled_from(sorted(packers)), st.sampled_from([0, 1, 2]))
@settings(deadline=None, max_examples=60)
def test_tar_comes_out_as_it_went_in(files: dict[str, bytes], packer: str, layout: int) -> None:
    package = packers[packer](archives.tar_of(*files.items(), layout=layout))
    if files or packer != "plain":  # an empty plain tar is zeros only, like any empty file
        assert files_of(package) == files


@given(contents, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
@settings(deadline=None, max_examples=60)
def test_zip_comes_out_as_it_went_in(files: dict[str, bytes], method: int) -> None:
    assert files_of(archives.zip_of(*files.items(), method=method)) == files


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_a_damaged_archive_is_unpacked_or_refused(data: st.DataObject) -> None:
    files = {"course/course.xml": b"<course/>" * 40, "course/a b.html": bytes(range(256)) * 4}
    whole = data.draw(
        st.sampled_from(
            [
                archives.zip_of(*files.items()),
                archives.zip_of(*files.items(), method=0),
                *(pack(archives.tar_of(*files.items())) for pack in packers.values()),
                archives.tar_of(("n" * 150, b"x"), layout=tarfile.PAX_FORMAT),
                archives.tar_of(("n" * 150, b"x"), layout=tarfile.GNU_FORMAT),
            ]
        )
    )
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(0, len(damaged) * 2)) :]
    with contextlib.suppress(faults.PackageFault):
        files_of(bytes(damaged))


def test_folders_and_odd_forms_of_names() -> None:
    folder = archives.special("./course/", tarfile.DIRTYPE)
    package = archives.tar_of(
        archives.special(".", tarfile.DIRTYPE), folder, folder, ("./course/a", b"x")
    )
    assert files_of(package) == {"course/a": b"x"}
    listed = archives.zip_of(("course/", b""), ("course/a", b"x"), ("empty/", b""))
    assert files_of(listed) == {"course/a": b"x"}


def test_names_in_old_character_sets() -> None:
    info = tarfile.TarInfo("x")
    info.name = "caf\udce9"
    package = archives.tar_of(info, errors="surrogateescape", layout=tarfile.GNU_FORMAT)
    assert files_of(package) == {"café": b""}
    old = archives.zip_of(("cafe", b"x")).replace(b"cafe", b"caf\x82")
    assert files_of(old) == {"café": b"x"}


def test_a_header_of_unix_version_7() -> None:
    whole = bytearray(archives.tar_of(("old", b"x")))
    whole[156:157], whole[257:265] = b"\0", bytes(8)
    whole[148:156] = b" " * 8
    whole[148:156] = b"%06o\0 " % sum(whole[:512])
    assert files_of(bytes(whole)) == {"old": b"x"}


def test_several_streams_in_one_file() -> None:
    whole = archives.tar_of(("a", b"x" * 3000), ("b", b"y" * 3000))
    for pack, gap in ((gzip.compress, b""), (bz2.compress, b""), (lzma.compress, bytes(8))):
        assert len(files_of(pack(whole[:2000]) + gap + pack(whole[2000:]) + gap)) == 2


def test_zip64_and_a_comment() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        with made.open("big", "w", force_zip64=True) as member:
            member.write(b"x" * 1000)
        made.comment = b"PK\x05\x06 is not the end"
    assert files_of(out.getvalue()) == {"big": b"x" * 1000}


def test_progress_only_goes_forward(tmp_path: Path) -> None:
    noise = bytes(number * number % 251 for number in range(60_000))
    for package in (
        gzip.compress(archives.tar_of(*((f"{at}", noise) for at in range(9)))),
        archives.zip_of(*((f"{at}", noise) for at in range(9))),
    ):
        told: list[float] = []
        path = archives.write(tmp_path / "package", package)
        with archive.unpacked(path, progress=told.append):
            pass
        assert told == sorted(told)
        assert len(told) == 10
        assert 0 < told[0] <= told[-1] == 1.0


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")
@pytest.mark.parametrize("name", PACKAGES)
def test_real_packages(name: str) -> None:
    package = (DATA / name).read_bytes()
    if zipfile.is_zipfile(io.BytesIO(package)):
        with zipfile.ZipFile(io.BytesIO(package)) as known:
            expected = {each: known.read(each) for each in known.namelist() if each[-1] != "/"}
    else:
        with tarfile.open(fileobj=io.BytesIO(package)) as tar:
            expected = {
                member.name: tar.extractfile(member).read()  # type: ignore[union-attr]
                for member in tar
                if member.isfile()
            }
    assert files_of(package) == expected
