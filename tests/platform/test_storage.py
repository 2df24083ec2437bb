import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from lyceum.platform import links, storage

signer = links.LinkSigner(b"k" * 32, base="/files")


@pytest.fixture(params=["file", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> storage.Storage:
    url = (tmp_path / "files").as_uri() if request.param == "file" else "memory://"
    return storage.open_storage(url, signer)


async def chunks(*parts: bytes, fault: Exception | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(0)
        yield part
    if fault is not None:
        raise fault


async def test_file_is_written_read_described_and_removed(files: storage.Storage) -> None:
    await files.put("courses/1/Überblick (1).pdf", b"%PDF", content_type="application/pdf")
    assert await files.get("courses/1/Überblick (1).pdf") == b"%PDF"
    described = await files.head("courses/1/Überblick (1).pdf")
    assert (described.key, described.size) == ("courses/1/Überblick (1).pdf", 4)
    assert described.etag
    assert described.modified_at.tzinfo is not None
    assert await files.exists("courses/1/Überblick (1).pdf")
    await files.put("courses/1/Überblick (1).pdf", b"other")
    assert await files.get("courses/1/Überblick (1).pdf") == b"other"
    await files.delete("courses/1/Überblick (1).pdf")
    await files.delete("courses/1/Überblick (1).pdf")
    assert not await files.exists("courses/1/Überblick (1).pdf")


async def test_large_file_is_streamed_in_and_out(files: storage.Storage) -> None:
    part = bytes(range(256)) * 8192
    await files.put("big", chunks(*[part] * 6))
    stream = await files.stream("big")
    assert (stream.file.size, stream.start, stream.end) == (len(part) * 6, 0, len(part) * 6)
    assert b"".join([chunk async for chunk in stream]) == part * 6


async def test_stream_holds_little_of_a_file_at_once(tmp_path: Path) -> None:
    files = storage.open_storage(tmp_path.as_uri(), signer)
    await files.put("big", b"x" * 20_000_000)
    sizes = [len(chunk) async for chunk in await files.stream("big")]
    assert sum(sizes) == 20_000_000
    assert max(sizes) <= 2 << 20


@pytest.mark.parametrize(
    ("span", "body"),
    [
        ((0, 4), b"0123"),
        ((3, None), b"3456789"),
        ((8, 100), b"89"),
        ((-3, None), b"789"),
        ((-30, None), b"0123456789"),
    ],
)
async def test_part_of_a_file(
    files: storage.Storage, span: tuple[int, int | None], body: bytes
) -> None:
    await files.put("digits", b"0123456789")
    stream = await files.stream("digits", span)
    assert b"".join([chunk async for chunk in stream]) == body
    assert b"0123456789"[stream.start : stream.end] == body
    assert stream.file.size == 10


@pytest.mark.parametrize("span", [(10, None), (10, 20), (5, 5), (5, 2), (-3, 4), (0, 0)])
async def test_part_that_is_not_there(files: storage.Storage, span: tuple[int, int | None]) -> None:
    await files.put("digits", b"0123456789")
    with pytest.raises(storage.RangeRefused) as refused:
        await files.stream("digits", span)
    assert refused.value.size == 10


async def test_listing_goes_by_whole_names(files: storage.Storage) -> None:
    for key in ("a/1", "a/b/2", "ab/3", "4"):
        await files.put(key, b"x")
    assert sorted([file.key async for file in files.list("a")]) == ["a/1", "a/b/2"]
    assert sorted([file.key async for file in files.list("a/")]) == ["a/1", "a/b/2"]
    assert len([file async for file in files.list()]) == 4
    assert [file async for file in files.list("none")] == []


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a/", "a\\b", "a\x00b", "a\nb",
     "a\u202eb", "\ud800", "x" * 513, "x" * 250, "ü" * 130, "a#1", "a#1/b"],
)  # fmt: skip
async def test_wrong_keys_are_refused_everywhere(files: storage.Storage, key: str) -> None:
    for attempt in (
        files.put(key, b"x"),
        files.get(key),
        files.stream(key),
        files.head(key),
        files.exists(key),
        files.delete(key),
        files.sign(key, "lecture", timedelta(hours=1)),
    ):
        with pytest.raises(storage.KeyRefused):
            await attempt


async def test_missing_file_is_missing_and_says_no_path(files: storage.Storage) -> None:
    await files.put("a", b"x")
    for key in ("nope", "no/pe", "a/b"):
        for attempt in (files.get(key), files.head(key), files.stream(key, (0, 1))):
            with pytest.raises(storage.FileMissing) as missing:
                await attempt
            assert key not in str(missing.value)


async def test_failed_source_leaves_the_file_as_it_was(files: storage.Storage) -> None:
    await files.put("kept", b"old")
    for fault in (LookupError("source"), FileNotFoundError(2, "the source itself")):
        with pytest.raises(type(fault), match="source"):
            await files.put("kept", chunks(b"new" * 3_000_000, fault=fault))
    assert await files.get("kept") == b"old"
    assert [file.key async for file in files.list()] == ["kept"]


async def test_cancelled_write_leaves_nothing(tmp_path: Path) -> None:
    files = storage.open_storage(tmp_path.as_uri(), signer)
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 6_000_000
            begun.set()
            await asyncio.sleep(0.01)

    writing = asyncio.create_task(files.put("half", endless()))
    await begun.wait()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    async with asyncio.timeout(10):
        # obstore cleans up on a thread of its own
        while list(tmp_path.iterdir()):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.01)


async def test_readers_see_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    files = storage.open_storage(tmp_path.as_uri(), signer)
    bodies = {bytes([letter]) * 2_000_000 for letter in b"ab"}
    await files.put("k", min(bodies))
    done = asyncio.Event()

    async def write() -> None:
        for _ in range(10):
            for body in bodies:
                await files.put("k", body)
        done.set()

    async def read() -> None:
        while not done.is_set():
            assert await files.get("k") in bodies

    await asyncio.gather(write(), read(), read())


def test_folder_is_private(tmp_path: Path) -> None:
    storage.open_storage((tmp_path / "new" / "files").as_uri(), signer)
    assert (tmp_path / "new" / "files").stat().st_mode & 0o777 == 0o700


async def test_broken_folder_is_unavailable_and_says_no_path(tmp_path: Path) -> None:
    files = storage.open_storage((tmp_path / "files").as_uri(), signer)
    (tmp_path / "files").rmdir()
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(storage.StorageUnavailable) as unavailable:
        await files.put("a", b"x")
    assert str(tmp_path) not in str(unavailable.value)


async def test_link_of_a_folder_is_ours(files: storage.Storage) -> None:
    link = urlsplit(await files.sign("a/b", "lecture", timedelta(hours=1), "name.pdf"))
    assert link.path == "/files/lecture/a/b"
    verified = files.links.verify("GET", "lecture", "a/b", dict(parse_qsl(link.query)))
    assert verified.download_name == "name.pdf"


@pytest.mark.parametrize(
    "url", ["", "ftp://x", "file://host/x", "file:relative", "/plain/path", "s3://b?nonsense=1"]
)
def test_wrong_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"file:///|does not take"):
        storage.open_storage(url, signer)


class FakeS3:
    """As much of S3 as a put, a get and a presigned link need, on a port of its own."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, dict[str, str]]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            request, *lines = head.decode().strip().split("\r\n")
            method, target, _ = request.split(" ")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            path = target.partition("?")[0]
            if method == "PUT":
                self.files[path] = (body, headers)
            stored, kept = self.files.get(path, (b"", {}))
            status = "200 OK" if path in self.files else "404 Not Found"
            answer = stored if method == "GET" else b""
            length = len(stored) if method != "PUT" else 0
            writer.write(
                f"HTTP/1.1 {status}\r\nETag: \"1\"\r\nContent-Length: {length}\r\n"
                f"Content-Type: {kept.get('content-type', 'text/plain')}\r\n"
                "Last-Modified: Fri, 20 Nov 2026 10:00:00 GMT\r\n\r\n".encode() + answer
            )  # fmt: skip
            await writer.drain()


@asynccontextmanager
async def s3_at(fake: FakeS3) -> AsyncIterator[storage.Storage]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await fake.serve(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    query = f"endpoint=http://127.0.0.1:{port}&region=eu-1&access_key_id=a&secret_access_key=b"
    try:
        yield storage.open_storage(f"s3://bucket/pre?{query}", signer)
    finally:
        server.close()


async def test_cloud_gets_type_and_download_name_and_signs_itself() -> None:
    fake = FakeS3()
    async with s3_at(fake) as files:
        await files.put("a/b.pdf", b"%PDF", content_type="application/pdf", download_name="ü.pdf")
        _, headers = fake.files["/bucket/pre/a/b.pdf"]
        assert headers["content-type"] == "application/pdf"
        assert headers["content-disposition"] == links.attachment("ü.pdf")
        assert await files.get("a/b.pdf") == b"%PDF"
        assert (await files.head("a/b.pdf")).key == "a/b.pdf"
        with pytest.raises(storage.FileMissing):
            await files.get("nope")
        link = await files.sign("a/b.pdf", "lecture", timedelta(hours=1))
        query = dict(parse_qsl(urlsplit(link).query))
        assert query["X-Amz-Expires"] == "3600"
        assert "/bucket/pre/a/b.pdf?" in link
        with pytest.raises(ValueError, match="7 days"):
            await files.sign("a/b.pdf", "lecture", timedelta(days=8))


async def test_cloud_out_of_reach_is_unavailable_and_says_no_address() -> None:
    query = "endpoint=http://127.0.0.1:1&region=eu-1&access_key_id=a&secret_access_key=b"
    files = storage.open_storage(f"s3://bucket?{query}", signer)
    with pytest.raises(storage.StorageUnavailable) as unavailable:
        await files.get("a")
    assert "127.0.0.1" not in str(unavailable.value)
