"""Archives that must not be unpacked, and that nothing of them stays behind."""

import bz2
import gzip
import hashlib
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from lyceum.packages.adapters import archive, faults
from lyceum.packages.adapters.archive import ArchiveLimits
from tests.packages import archives

SMALL = ArchiveLimits(
    members=20, total_bytes=300_000, file_bytes=200_000, ratio=50, ratio_from_bytes=10_000
)

UNSAFE_NAMES = [
    ("../x", "parent-folder"),
    ("course/../../x", "parent-folder"),
    ("course/..", "parent-folder"),
    ("/etc/x", "absolute-path"),
    ("//server/x", "absolute-path"),
    ("C:/x", "drive-letter"),
    ("c:x", "drive-letter"),
    ("C:\\x", "backslash"),
    ("a\\..\\x", "backslash"),
    ("..\\x", "backslash"),
    ("a\nb", "control-character"),
    ("a\x9bb", "control-character"),
    ("n" * 256, "long-name"),
    ("d/" * 40 + "x", "long-name"),
    (
        "d" * 200 + "/" + "e" * 200 + "/" + "f" * 200 + "/" + "g" * 200 + "/" + "h" * 240,
        "long-name",
    ),
]
CLASHES = [
    (["a", "a"], "duplicate-name"),
    (["./a", "a"], "duplicate-name"),
    (["d//a", "d/a"], "duplicate-name"),
    (["a", "a/b"], "duplicate-name"),
    (["a/b", "a"], "duplicate-name"),
    (["a", "A"], "case-clash"),
    (["d/a", "D/b"], "case-clash"),
    (["straße", "STRASSE"], "case-clash"),
    (["\u00e9", "e\u0301"], "case-clash"),
]


def noise(size: int) -> bytes:
    """Bytes that do not compress, always the same."""
    return hashlib.shake_128(b"noise").digest(size)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary folders are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def refused(scratch: Path, content: bytes, limits: ArchiveLimits = SMALL) -> faults.PackageFault:
    """The fault that an archive raises, after checking that nothing was left anywhere."""
    path = archives.write(scratch.parent / "package", content)
    with pytest.raises(faults.PackageFault) as caught, archive.unpacked(path, limits=limits):
        pass
    assert list(scratch.iterdir()) == []
    assert sorted(file.name for file in scratch.parent.iterdir()) == ["package", "scratch"]
    assert str(scratch) not in caught.value.detail
    return caught.value


def unsafe(scratch: Path, content: bytes) -> str:
    fault = refused(scratch, content)
    assert isinstance(fault, faults.UnsafeArchive), fault
    assert fault.code == "unsafe-archive"
    return fault.reason


@pytest.mark.parametrize(("name", "reason"), UNSAFE_NAMES)
def test_tar_with_unsafe_name(scratch: Path, name: str, reason: str) -> None:
    content = archives.tar_of(("good", b"x"), (name, b"x"), layout=tarfile.PAX_FORMAT)
    assert unsafe(scratch, content) == reason


@pytest.mark.parametrize(("name", "reason"), UNSAFE_NAMES)
def test_zip_with_unsafe_name(scratch: Path, name: str, reason: str) -> None:
    content = archives.zip_of(("good", b"x"), (archives.zip_info(name), b"x"))
    assert unsafe(scratch, content) == reason


@pytest.mark.parametrize(("names", "reason"), CLASHES)
def test_names_that_clash(scratch: Path, names: list[str], reason: str) -> None:
    tar = archives.tar_of(*((name, b"x") for name in names))
    assert unsafe(scratch, tar) == reason
    zipped = archives.zip_of(*((archives.zip_info(name), b"x") for name in names))
    assert unsafe(scratch, zipped) == reason


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "symbolic-link"),
        (tarfile.LNKTYPE, "hard-link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
        (tarfile.GNUTYPE_SPARSE, "sparse-file"),
        (b"M", "special-file"),
    ],
)
def test_tar_with_special_member(scratch: Path, kind: bytes, reason: str) -> None:
    content = archives.tar_of(("good", b"x"), archives.special("bad", kind, "/etc/passwd"))
    assert unsafe(scratch, content) == reason


def test_tar_with_sparse_file_of_pax(scratch: Path) -> None:
    info = archives.special("bad", tarfile.REGTYPE)
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "bad"}
    assert unsafe(scratch, archives.tar_of(info, layout=tarfile.PAX_FORMAT)) == "sparse-file"


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (stat.S_IFLNK, "symbolic-link"),
        (stat.S_IFCHR, "device"),
        (stat.S_IFIFO, "device"),
        (stat.S_IFSOCK, "device"),
    ],
)
def test_zip_with_special_member(scratch: Path, mode: int, reason: str) -> None:
    info = archives.zip_info("bad", external_attr=(mode | 0o777) << 16)
    assert unsafe(scratch, archives.zip_of((info, b"/etc/passwd"))) == reason


def test_zip_that_is_encrypted_or_packed_otherwise(scratch: Path) -> None:
    content = bytearray(archives.zip_of(("a", b"x")))
    at = content.index(b"PK\x01\x02") + 8
    content[at] |= 1
    assert unsafe(scratch, bytes(content)) == "encrypted"
    packed_otherwise = archives.zip_of(("a", b"x" * 100), method=zipfile.ZIP_LZMA)
    assert unsafe(scratch, packed_otherwise) == "compression-method"


def test_zip_whose_members_overlap(scratch: Path) -> None:
    content = archives.overlap_bomb(10, 10_000)
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == [
        f"{number:06}" for number in reversed(range(10))
    ]
    assert unsafe(scratch, content) == "overlapping-entries"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_too_many_members(scratch: Path, pack: object) -> None:
    files = [(f"{number:02}", noise(500 + number)) for number in range(21)]
    fault = refused(scratch, pack(archives.tar_of(*files)))  # type: ignore[operator]
    assert isinstance(fault, faults.ArchiveTooLarge)
    assert (fault.code, fault.limit, fault.allowed) == ("archive-too-large", "members", 20)


def test_too_many_members_of_a_zip(scratch: Path) -> None:
    fault = refused(scratch, archives.zip_of(*((f"{number:02}", b"") for number in range(21))))
    assert isinstance(fault, faults.ArchiveTooLarge)
    assert fault.limit == "members"


def test_folders_that_names_imply_count_as_members(scratch: Path) -> None:
    fault = refused(scratch, archives.tar_of(("/".join("abcdefghijklmnopqrstu"), b"")))
    assert isinstance(fault, faults.ArchiveTooLarge)
    assert fault.limit == "members"


@pytest.mark.parametrize(
    ("sizes", "limit"),
    [([200_001], "file-bytes"), ([150_000, 150_000, 1], "total-bytes"), ([100_000], "ratio")],
)
def test_expanding_beyond_a_limit(scratch: Path, sizes: list[int], limit: str) -> None:
    is_dense = limit != "ratio"
    content = [b"x" * size for size in sizes]
    tar = archives.tar_of(*((f"{at}", each) for at, each in enumerate(content)))
    zipped = archives.zip_of(
        *((f"{at}", each) for at, each in enumerate(content)), method=0 if is_dense else 8
    )
    for package in (tar if is_dense else gzip.compress(tar), zipped):
        fault = refused(scratch, package)
        assert isinstance(fault, faults.ArchiveTooLarge)
        assert fault.limit == limit


def test_zip_that_lies_about_its_sizes(scratch: Path) -> None:
    content = b"x" * 1_000_000
    packed = archives.deflated(content)
    header = archives.local_header(b"a", packed, 10, zlib.crc32(content))
    central = archives.central_header(b"a", 0, len(packed), 10, zlib.crc32(content))
    end = archives.zip_end(1, len(central), len(header) + len(packed))
    fault = refused(scratch, header + packed + central + end)
    assert isinstance(fault, faults.ArchiveTooLarge)
    assert fault.limit == "ratio"


@pytest.mark.parametrize("lie", ["size", "checksum", "name", "count"])
def test_zip_that_contradicts_itself(scratch: Path, lie: str) -> None:
    content = b"hello"
    packed = archives.deflated(content)
    size = len(content) + (lie == "size")
    checksum = zlib.crc32(content) + (lie == "checksum")
    header = archives.local_header(b"a", packed, size, checksum)
    name = b"b" if lie == "name" else b"a"
    central = archives.central_header(name, 0, len(packed), size, checksum)
    end = archives.zip_end(1 + (lie == "count"), len(central), len(header) + len(packed))
    assert refused(scratch, header + packed + central + end).code == "corrupt-archive"


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, bz2.compress, lzma.compress], ids=["tar", "gz", "bz2", "xz"]
)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_tar_that_is_cut_off(scratch: Path, pack: object, kept: float) -> None:
    whole = pack(archives.tar_of(("a", noise(10_000)), ("b", noise(150_000))))  # type: ignore[operator]
    cut = whole[: int(len(whole) * kept)]
    assert refused(scratch, cut).code == "corrupt-archive"


def test_tar_without_its_end_or_with_garbage(scratch: Path) -> None:
    whole = archives.tar_of(("a", b"x" * 512))
    assert refused(scratch, whole[:1024]).code == "corrupt-archive"
    assert refused(scratch, whole[:1024] + b"garbage" * 200).code == "corrupt-archive"
    assert refused(scratch, gzip.compress(b"no tar at all" * 100)).code == "corrupt-archive"


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        (10 * 1024 * 1024, b"x"),
        (10 * 1024 * 1024, b"L"),
        (-512, b"0"),
        (1 << 62, b"x"),
    ],
)
def test_tar_with_a_hostile_header(scratch: Path, size: int, kind: bytes) -> None:
    content = archives.tar_header("a", size, kind) + bytes(2048)
    assert refused(scratch, content).code == "corrupt-archive"


@pytest.mark.parametrize(
    "record",
    [b"1" * 600, b"9999999 path=x\n", b"8 path=x", b"0 a=b\n", b"99999999999 a=b\n", b"6 abc\n"],
)
def test_tar_with_broken_extended_records(scratch: Path, record: bytes) -> None:
    header = archives.tar_header("a", len(record), b"x")
    content = header + record.ljust(-(-len(record) // 512) * 512, b"\0") + bytes(1024)
    assert refused(scratch, content).code == "corrupt-archive"


def test_tar_with_endless_extended_headers(scratch: Path) -> None:
    header = archives.tar_header("a", 512, b"L") + b"n".ljust(512, b"\0")
    assert refused(scratch, header * 50 + bytes(1024)).code == "corrupt-archive"


@pytest.mark.parametrize(
    "content", [b"", b"x", b"plain text" * 200, b"\x7fELF" + bytes(2000), bytes(4096)]
)
def test_what_is_no_archive(scratch: Path, content: bytes) -> None:
    assert refused(scratch, content).code == "not-an-archive"


def test_zip_parts_that_are_missing(scratch: Path) -> None:
    whole = archives.zip_of(("a", b"x" * 100))
    assert refused(scratch, whole[:-1]).code == "corrupt-archive"
    assert refused(scratch, whole[:40]).code == "corrupt-archive"
    split = whole[:-18] + struct.pack("<H", 1) + whole[-16:]
    assert refused(scratch, split).code == "corrupt-archive"
    behind_others = b"PK\x03\x04 something before it" + whole
    assert refused(scratch, behind_others).code == "corrupt-archive"


def test_an_archive_inside_stays_a_file(scratch: Path) -> None:
    inner = archives.tar_of(("../evil", b"x"))
    path = archives.write(scratch.parent / "package", archives.zip_of(("inner.tar", inner)))
    with archive.unpacked(path) as folder:
        assert [file.name for file in folder.rglob("*")] == ["inner.tar"]
        assert (folder / "inner.tar").read_bytes() == inner


def test_the_folder_goes_when_the_work_in_it_fails(scratch: Path) -> None:
    path = archives.write(scratch.parent / "package", archives.tar_of(("a/b", b"x")))
    with pytest.raises(FileNotFoundError), archive.unpacked(path) as folder:
        (folder / "a" / "c").read_bytes()
    assert list(scratch.iterdir()) == []


def test_files_are_written_plain(scratch: Path) -> None:
    info = tarfile.TarInfo("run.sh")
    info.mode = 0o6777
    path = archives.write(scratch.parent / "package", archives.tar_of(info))
    with archive.unpacked(path) as folder:
        assert not (folder / "run.sh").stat().st_mode & 0o7111
