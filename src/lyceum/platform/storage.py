"""Files by key, in a folder, in memory, or in S3, GCS or Azure, through obstore.

Writes are atomic everywhere: obstore writes a folder's file under a name of its own and renames it
(a killed process leaves `name#1`, which no listing shows), and removes what was begun when the
source fails or the task is cancelled. A folder has no place for a content type; whoever needs it
keeps it in his row. Not here: who may see a file, scanning, quotas, the signature of a folder's
links (`links`) and the route that they lead to.
"""

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit
from urllib.request import url2pathname

import msgspec
import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore

from lyceum.platform import links

if TYPE_CHECKING:  # obstore has these for the type checker only
    from obstore import GetOptions, GetResult, ObjectMeta, SignCapableStore
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

_LONGEST_KEY: Final = 512
# A folder's file system takes 255 bytes; obstore needs some for the name it writes under.
_LONGEST_NAME: Final = 240
_CHUNK: Final = 1 << 20
_CLOUDS: Final = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss"})


class StorageFault(Exception):
    """Something about files that a caller must handle; never holds a path or an address."""


class KeyRefused(StorageFault):
    """Not a key that every engine can hold."""


class FileMissing(StorageFault):
    """No file under this key."""


class RangeRefused(StorageFault):
    """The asked part begins after the end of the file; `size` is what it has."""

    def __init__(self, size: int) -> None:
        super().__init__("the range begins after the end of the file")
        self.size = size


class StorageUnavailable(StorageFault):
    """The engine does not answer, is full, or refuses us; the cause is chained."""


class StoredFile(msgspec.Struct, frozen=True):
    """What a store knows of a file; `size` in bytes."""

    key: str
    size: int
    modified_at: datetime
    etag: str | None


class FileStream:
    """Part of a file on its way: bytes `start` up to, not including, `end`; iterate it once."""

    def __init__(self, result: "GetResult") -> None:
        self.file = _described(result.meta)
        self.start, self.end = result.range
        self._result = result

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the bytes in chunks of 1 MiB."""
        with _faults():
            async for chunk in self._result.stream(min_chunk_size=_CHUNK):
                yield bytes(chunk)


class Storage:
    """Files by key in one store; made by `open_storage`."""

    def __init__(self, store: "ObjectStore", signer: links.LinkSigner) -> None:
        self._store = store
        self.links = signer

    async def put(
        self,
        key: str,
        data: bytes | AsyncIterator[bytes],
        *,
        content_type: str = "application/octet-stream",
        download_name: str | None = None,
    ) -> None:
        """Write a file, all or nothing, in place of one that is there.

        An error of `data` itself passes through. In a cloud the presigned link answers with
        `content_type`, and as an attachment if `download_name` is given.
        """
        _check(key)
        attributes: dict[str, str] | None = None
        if not isinstance(self._store, LocalStore):
            attributes = {"Content-Type": content_type}
            if download_name is not None:
                attributes["Content-Disposition"] = links.attachment(download_name)
        try:
            with _faults():
                await obstore.put_async(self._store, key, data, attributes=attributes)
        except FileMissing as fault:  # the folder or bucket is what is missing
            raise StorageUnavailable("the files are out of reach for now") from fault.__cause__

    async def get(self, key: str) -> bytes:
        """Return a whole file; for small ones."""
        _check(key)
        with _faults():
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())

    async def stream(self, key: str, span: tuple[int, int | None] | None = None) -> FileStream:
        """Open a file, or its bytes `(start, end)`: `end` exclusive, None for the rest.

        A negative `start` with None counts from the end. An `end` beyond the file is its end.
        """
        _check(key)
        if span is None:
            with _faults():
                return FileStream(await obstore.get_async(self._store, key))
        size = (await self.head(key)).size
        start, end = _within(span, size)
        with _faults():
            options: GetOptions = {"range": (start, end)}
            return FileStream(await obstore.get_async(self._store, key, options=options))

    async def head(self, key: str) -> StoredFile:
        """Describe a file."""
        _check(key)
        with _faults():
            return _described(await obstore.head_async(self._store, key))

    async def exists(self, key: str) -> bool:
        """Say whether there is a file under `key`."""
        try:
            await self.head(key)
        except FileMissing:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Remove a file; none there is no fault."""
        _check(key)
        try:
            with _faults():
                await obstore.delete_async(self._store, key)
        except FileMissing:
            return

    async def list(self, prefix: str = "") -> AsyncIterator[StoredFile]:
        """Yield the files below the folder `prefix` (whole segments), in no order."""
        folder = prefix.rstrip("/")
        if folder:
            _check(folder)
        with _faults():
            async for batch in obstore.list(self._store, folder or None):
                for meta in batch:
                    yield _described(meta)

    async def sign(
        self,
        key: str,
        purpose: str,
        expires_in: timedelta,
        download_name: str | None = None,
        *,
        method: links.Method = "GET",
    ) -> str:
        """Return a link that allows `method` on `key` without signing in, for 7 days at most.

        A folder's is for `self.links.verify`. A cloud's is its own presigned one: it has the type
        and name that `put` gave, and `purpose` and `download_name` do nothing.
        """
        _check(key)
        if isinstance(self._store, LocalStore | MemoryStore):
            return self.links.sign(key, purpose, expires_in, download_name, method=method)
        links.check_duration(expires_in)
        with _faults():
            store = cast("SignCapableStore", self._store)
            return await obstore.sign_async(store, method, key, expires_in)


def open_storage(url: str, signer: links.LinkSigner) -> Storage:
    """Open `file:///folder` (made if need be, private), `memory://`, or a cloud's `s3://bucket/…`.

    A cloud's options (`endpoint`, `region`, `access_key_id`, …) may stand in the query; what is
    missing comes from the cloud's usual environment. Raises `ValueError` on an unknown address.
    `signer` makes the links of a folder.
    """
    parts = urlsplit(url)
    store: ObjectStore
    if parts.scheme == "file":
        folder = Path(url2pathname(parts.path))
        if parts.netloc not in ("", "localhost") or not folder.is_absolute():
            raise ValueError("a folder is given as file:///absolute/path")
        folder.mkdir(parents=True, exist_ok=True)
        # The files in it have ordinary modes: the folder keeps other users out.
        folder.chmod(0o700)
        store = LocalStore(folder)
    elif parts.scheme == "memory":
        store = MemoryStore()
    elif parts.scheme in _CLOUDS:
        store = _open_cloud(parts)
    else:
        raise ValueError("storage is file:///folder, memory://, s3://, gs:// or az://")
    return Storage(store, signer)


def _open_cloud(parts: SplitResult) -> "ObjectStore":
    options = dict(parse_qsl(parts.query))
    client: ClientConfig = {
        "allow_http": options.get("endpoint", "").startswith("http://"),
        "connect_timeout": "5s",
        "read_timeout": "15s",
        "timeout": "1h",  # of a whole file on its way to a slow reader
    }
    retry: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
    bare = urlunsplit(parts._replace(query=""))
    try:
        return obstore.store.from_url(
            bare, config=cast(Any, options), client_options=client, retry_config=retry
        )
    except (BaseError, ValueError) as fault:
        raise ValueError(f"a storage address that {parts.scheme} does not take") from fault


def _check(key: str) -> None:
    """Refuse a key that is not plain names with slashes between them."""
    if not 0 < len(key) <= _LONGEST_KEY or not key.isprintable() or "\\" in key:
        raise KeyRefused("a key has 1 to 512 printable characters and no backslash")
    for name in key.split("/"):
        if name in ("", ".", "..") or len(os.fsencode(name)) > _LONGEST_NAME:
            raise KeyRefused("a key has no empty, dotted or very long names")
        if re.search(r"#\d+$", name):
            raise KeyRefused("a key has no name that ends in # and digits")


def _within(span: tuple[int, int | None], size: int) -> tuple[int, int]:
    start, end = span
    if start < 0 and end is None:
        start = max(0, size + start)
    last = size if end is None else min(end, size)
    if not 0 <= start < last:
        raise RangeRefused(size)
    return start, last


def _described(meta: "ObjectMeta") -> StoredFile:
    return StoredFile(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"])


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what obstore raises, which tells of paths and addresses, into a fault that does not."""
    try:
        yield
    except FileNotFoundError as fault:
        if fault.errno is not None:  # of the system, so of what a caller reads from, not obstore's
            raise
        raise FileMissing("there is no such file") from fault
    except BaseError as fault:
        if "Not a directory" in str(fault):  # a file where the key has a folder
            raise FileMissing("there is no such file") from fault
        raise StorageUnavailable("the files are out of reach for now") from fault
