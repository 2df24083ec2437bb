"""Bombs of full size are refused within 200 MB of memory, in a process of their own."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import struct
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packages import archives

MIB = 1024 * 1024
GIB = 1024 * MIB
MOST_MEMORY_KB = 200 * 1024

READ = """
import json, pathlib, sys
from lyceum.packages.adapters import faults, formats
fault = None
try:
    with formats.open_package(pathlib.Path(sys.argv[1]), lambda share: None):
        pass
except faults.PackageFault as raised:
    fault = {"code": raised.code, **vars(raised)}
status = pathlib.Path("/proc/self/status").read_text()
peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({"fault": fault, "peak_kb": int(peak.split()[1])}))
"""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc"
)


def gzip_bomb() -> bytes:
    """4 GiB of zeros in 4 MiB: one compressed piece, many times over, behind an honest header."""
    piece = gzip.compress(bytes(64 * MIB), 9)
    return gzip.compress(archives.tar_header("zeros", 4 * GIB)) + piece * 64


def gzip_bomb_of_small_members() -> bytes:
    """Each file within its limit, together far beyond."""
    member = gzip.compress(archives.tar_header("zeros", 200 * MIB) + bytes(200 * MIB), 9)
    return member * 3


def gzip_bomb_in_a_header() -> bytes:
    """An extended header of 4 GiB."""
    return (
        gzip.compress(archives.tar_header("name", 4 * GIB, b"L")) + gzip.compress(bytes(MIB)) * 4096
    )


def gzip_bomb_behind_the_end() -> bytes:
    """A small honest tar with 4 GiB of zeros after its end."""
    return gzip.compress(archives.tar_of(("a", b"x"))) + gzip.compress(bytes(64 * MIB), 9) * 64


def bz2_bomb() -> bytes:
    """Ten thousand to one."""
    piece = bz2.compress(bytes(64 * MIB))
    return bz2.compress(archives.tar_header("zeros", 250 * MIB)) + piece * 4


def xz_bomb_of_memory() -> bytes:
    """A header that asks for a dictionary of 1.5 GiB."""
    whole = bytearray(lzma.compress(archives.tar_of(("a", b"x"))))
    length = (whole[12] + 1) * 4
    place = whole.index(b"\x21\x01", 12, 12 + length) + 2
    whole[place] = 37
    whole[12 + length - 4 : 12 + length] = struct.pack("<L", zlib.crc32(whole[12 : 8 + length]))
    return bytes(whole)


def a_million_empty_entries(claimed: int = 1_000_000) -> bytes:
    """A directory of a million lines, whatever number it claims."""
    header = archives.local_header(b"0000000", b"", 0, 0, method=0)
    line = archives.central_header(b"0000000", 0, 0, 0, 0, method=0)
    directory = line * 1_000_000
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, claimed, claimed, len(directory), len(header)
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(header) + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    return header + directory + record + locator + end


def a_hundred_thousand_files() -> bytes:
    """More files than are allowed, all of them empty and of different names."""
    headers = (archives.tar_header(f"{number}", 0) for number in range(100_000))
    return gzip.compress(b"".join(headers) + bytes(1024), 1)


def zip_bomb() -> bytes:
    """A gigabyte in one deflated entry that claims to be small."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    out = io.BytesIO()
    for _ in range(1024):
        out.write(packer.compress(bytes(MIB)))
    packed = out.getvalue() + packer.flush()
    header = archives.local_header(b"a", packed, 1000, 0)
    central = archives.central_header(b"a", 0, len(packed), 1000, 0)
    return header + packed + central + archives.zip_end(1, len(central), len(header) + len(packed))


def names_that_fill_memory() -> bytes:
    """Long names in deep folders, each folder of its own."""
    names = (f"{number:06}/" + "/".join(["d" * 30] * 30) + "/x" for number in range(20_000))
    return gzip.compress(
        archives.tar_of(*((name, b"") for name in names), layout=tarfile.GNU_FORMAT), 1
    )


def billion_laughs() -> bytes:
    """An entity of entities, in a course."""
    entities = '<!ENTITY l0 "ha">' + "".join(
        f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 12)
    )
    return archives.zip_of(
        ("course.xml", f"<!DOCTYPE c [{entities}]><course>&l11;</course>".encode())
    )


def a_crowd_of_blocks() -> bytes:
    """As many blocks as fit into the files that one course may have."""
    chapter = b"<chapter>" + b"<html/>" * 190_000 + b"</chapter>"
    pointers = "".join(f'<chapter url_name="{number}"/>' for number in range(20)).encode()
    files = [(f"chapter/{number}.xml", chapter) for number in range(20)]
    course = b'<course url_name="r" display_name="T">' + pointers + b"</course>"
    noise = hashlib.shake_128(b"noise").digest(MIB)
    return archives.zip_of(("course.xml", course), ("static/noise", noise), *files)


BOMBS: list[tuple[Callable[[], bytes], str]] = [
    (gzip_bomb, "archive-too-large"),
    (gzip_bomb_of_small_members, "archive-too-large"),
    (gzip_bomb_in_a_header, "corrupt-archive"),
    (gzip_bomb_behind_the_end, "archive-too-large"),
    (bz2_bomb, "archive-too-large"),
    (xz_bomb_of_memory, "corrupt-archive"),
    (a_million_empty_entries, "archive-too-large"),
    (lambda: a_million_empty_entries(1), "archive-too-large"),
    (a_hundred_thousand_files, "archive-too-large"),
    (zip_bomb, "archive-too-large"),
    (names_that_fill_memory, "archive-too-large"),
    (lambda: archives.overlap_bomb(200, MIB), "unsafe-archive"),
    (billion_laughs, "xml-entities"),
    (a_crowd_of_blocks, "package-too-large"),
]


@pytest.mark.parametrize(("make", "code"), BOMBS)
def test_bomb_is_refused_in_little_memory(
    tmp_path: Path, make: Callable[[], bytes], code: str
) -> None:
    path = archives.write(tmp_path / "bomb", make())
    done = subprocess.run(
        [sys.executable, "-c", READ, path],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"TMPDIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )
    answer = json.loads(done.stdout)
    assert answer["fault"]["code"] == code
    assert answer["peak_kb"] < MOST_MEMORY_KB
    assert [file.name for file in tmp_path.iterdir()] == ["bomb"]
