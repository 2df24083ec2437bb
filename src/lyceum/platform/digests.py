"""Digests of content, for ETags. Not here: anything that must withstand forgery."""

import xxhash


def content_digest(content: bytes) -> str:
    """Return 128 bits as 32 hex digits (XXH3): other bytes have others, unless made not to."""
    return xxhash.xxh3_128_hexdigest(content)


def content_etag(content: bytes) -> str:
    """Return the strong ETag of bytes that have no version."""
    return f'"{content_digest(content)[:24]}"'
