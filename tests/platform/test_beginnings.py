"""What is put together of a compressed beginning and an end is what everybody unpacks."""

import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lyceum.platform.beginnings import MAX_END, OPEN, Beginning

CODINGS = (b"gzip", b"br", b"zstd")


def _unpack(coding: bytes, body: bytes) -> bytes:
    """Unpack all at once; a body that goes on after its end, or has none, fails."""
    if coding == b"gzip":
        one = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        plain = one.decompress(body)
        assert one.eof
        assert not one.unused_data
        assert plain == gzip.decompress(body)
        return plain
    if coding == b"br":
        return bytes(brotli.decompress(body))
    frame = zstandard.ZstdDecompressor().decompressobj()
    plain = frame.decompress(body)
    assert frame.eof
    assert not frame.unused_data
    return plain


@given(
    st.sampled_from(CODINGS),
    st.binary(max_size=2000) | st.integers(0, 400_000).map(lambda size: b"A sentence. " * size),
    st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=3),
)
def test_every_end_of_a_beginning_is_one_body(
    coding: bytes, data: bytes, ends: list[bytes]
) -> None:
    beginning = Beginning(memoryview(data))
    for end in ends:
        assert _unpack(coding, beginning.squeeze(coding, end)) == OPEN + data + end


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [1, MAX_END, MAX_END + 1, 200_000])
def test_an_end_may_be_of_any_size(coding: bytes, size: int) -> None:
    end = b"e" * size
    assert _unpack(coding, Beginning(b"[]").squeeze(coding, end)) == OPEN + b"[]" + end


@pytest.mark.parametrize("coding", CODINGS)
def test_a_beginning_is_compressed_once(coding: bytes) -> None:
    beginning = Beginning(b"A sentence. " * 500)
    one, two = (beginning.squeeze(coding, end) for end in (b"1", b"2"))
    assert len(one) < 500
    assert one[: len(one) - 20] == two[: len(two) - 20]
