"""How a text points at a file of its package, before the file has an address here.

A reader puts `reference(path)` where the file is meant; whoever stores the course puts the file's
address in its place. Not here: where a format keeps its files (each reader), keeping them
(`service.files`).
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import UUID

from lyceum.packages.records import PackageAsset
from lyceum.platform.routing import API

PREFIX: Final = "/package-files/"
_TOKEN: Final = re.compile(re.escape(PREFIX) + r"([0-9a-f]{32})(?![0-9a-f])")
MAX_PATH: Final = 1024
ADDRESS: Final = f"{API}/course-files/"
"""What the address of a file that is kept begins with."""


def token_of(path: str) -> str:
    """Return the short name of a file by its path in the package: the same in every reading."""
    return sha256(path.encode("utf-8", "replace")).hexdigest()[:32]


def reference(path: str) -> str:
    """Return the address that stands for a file of the package."""
    return PREFIX + token_of(path)


def tokens_in(text: str) -> set[str]:
    """Return which files a text points at."""
    return set(_TOKEN.findall(text)) if PREFIX in text else set()


def put_addresses(text: str, addresses: dict[str, str]) -> str:
    """Return the text with the addresses of the files that it points at, by token."""
    if PREFIX not in text:
        return text
    return _TOKEN.sub(lambda found: addresses.get(found[1], "#"), text)


def address_of(file_id: UUID) -> str:
    """Return the address at which a file that is kept is opened."""
    return f"{ADDRESS}{file_id}"


def asset(path: str, location: Path, *, is_for_staff: bool = False) -> PackageAsset:
    """Return a file that lies at `location` while the package is open."""
    return PackageAsset(
        path=path,
        size_bytes=location.stat().st_size,
        location=location,
        is_for_staff=is_for_staff,
    )
