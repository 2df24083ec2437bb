"""Archives made for the tests, honest and hostile; nothing binary is kept in the repository."""

import io
import struct
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path


def tar_of(
    *members: tuple[str, bytes] | tarfile.TarInfo,
    layout: int = tarfile.PAX_FORMAT,
    errors: str = "strict",
) -> bytes:
    """A tar of files by name, or of headers without content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=layout, errors=errors) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                name, content = member
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """The header of a link, a device or a folder."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def tar_header(name: str, size: int, kind: bytes = b"0") -> bytes:
    """A header block that claims any size."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def zip_of(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = 8) -> bytes:
    """A zip of files by name or by a header made before."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")  # a name that is there already
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def zip_info(name: str, **fields: object) -> zipfile.ZipInfo:
    """A zip header with some fields set; the name stays as it is given."""
    info = zipfile.ZipInfo("x")
    info.filename = name
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def deflated(content: bytes) -> bytes:
    """Raw deflate data, as zip has it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def local_header(name: bytes, packed: bytes, size: int, checksum: int, method: int = 8) -> bytes:
    """What stands before a member's data in a zip."""
    fields = (b"PK\x03\x04", 20, 0, method, 0, 0, checksum, len(packed), size, len(name), 0)
    return struct.pack("<4s5H3L2H", *fields) + name


def central_header(
    name: bytes, offset: int, packed_bytes: int, size: int, checksum: int, method: int = 8
) -> bytes:
    """A member's line in the directory of a zip."""
    start = (b"PK\x01\x02", 20, 20, 0, method, 0, 0, checksum, packed_bytes, size, len(name))
    return struct.pack("<4s6H3L5H2L", *start, 0, 0, 0, 0, 0, offset) + name


def zip_end(count: int, size: int, start: int) -> bytes:
    """The end of a zip, which says where its directory is."""
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, start, 0)


def overlap_bomb(files: int, kernel_bytes: int) -> bytes:
    """Many names for one kernel of data: each member's data quotes the members after it.

    A stored block in front of the next member's header makes that header part of the data before
    it, so every member unpacks to the kernel and more.
    """
    kernel = b"a" * kernel_bytes
    body, unpacked, header = deflated(kernel), kernel, b""
    entries: list[tuple[bytes, int, int, int]] = []
    for name in [b"%06d" % number for number in reversed(range(files))]:
        if header:
            quoted = body[: len(header)]
            body = struct.pack("<BHH", 0, len(quoted), len(quoted) ^ 0xFFFF) + body
            unpacked = quoted + unpacked
        header = local_header(name, body, len(unpacked), zlib.crc32(unpacked))
        entries.append((name, len(body), len(unpacked), zlib.crc32(unpacked)))
        body = header + body
    directory = b"".join(
        central_header(name, len(body) - len(header) - packed_bytes, packed_bytes, size, checksum)
        for name, packed_bytes, size, checksum in entries
    )
    return body + directory + zip_end(files, len(directory), len(body))


def write(path: Path, content: bytes) -> Path:
    """Put the content there and return where."""
    path.write_bytes(content)
    return path
