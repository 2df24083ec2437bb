"""The codes of authenticator apps, by the published vectors, and how an app is set up."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from lyceum.users.adapters import recovery_codes, totp
from lyceum.users.adapters.totp import Digest

# RFC 6238, appendix B: the secret is as long as the hash.
SECRETS: dict[Digest, bytes] = {
    "sha1": b"12345678901234567890",
    "sha256": b"12345678901234567890123456789012",
    "sha512": b"1234567890123456789012345678901234567890123456789012345678901234",
}
VECTORS: list[tuple[int, Digest, str]] = [
    (59, "sha1", "94287082"), (59, "sha256", "46119246"), (59, "sha512", "90693936"),
    (1111111109, "sha1", "07081804"), (1111111109, "sha256", "68084774"),
    (1111111109, "sha512", "25091201"), (1111111111, "sha1", "14050471"),
    (1111111111, "sha256", "67062674"), (1111111111, "sha512", "99943326"),
    (1234567890, "sha1", "89005924"), (1234567890, "sha256", "91819424"),
    (1234567890, "sha512", "93441116"), (2000000000, "sha1", "69279037"),
    (2000000000, "sha256", "90698825"), (2000000000, "sha512", "38618901"),
    (20000000000, "sha1", "65353130"), (20000000000, "sha256", "77737706"),
    (20000000000, "sha512", "47863826"),
]  # fmt: skip
# RFC 4226, appendix D.
COUNTED = [
    "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
    "520489",
]  # fmt: skip


@pytest.mark.parametrize(("moment", "digest", "code"), VECTORS)
def test_rfc_6238(moment: int, digest: Digest, code: str) -> None:
    step = moment // totp.STEP_SECONDS
    assert totp.code_at(SECRETS[digest], step, digits=8, digest=digest) == code


def test_rfc_4226() -> None:
    assert [totp.code_at(SECRETS["sha1"], step) for step in range(10)] == COUNTED


@given(st.integers(0, 2**40), st.integers(-100, 100))
def test_a_code_is_taken_one_step_around(now: int, seconds: int) -> None:
    secret = SECRETS["sha256"]
    step = max(0, now + seconds) // totp.STEP_SECONDS
    found = totp.find_step(secret, totp.code_at(secret, step), now)
    is_near = abs(step - now // totp.STEP_SECONDS) <= 1
    assert (found == step) == is_near


def test_an_app_is_set_up_by_an_address() -> None:
    secret = totp.new_secret()
    assert len(secret) == 20
    url = totp.otpauth_url(secret, issuer="Academy: A & B", account="ada+x@people.test")
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Academy  A & B:ada+x@people.test"
    facts = {name: value for name, [value] in parse_qs(parts.query).items()}
    assert facts == {
        "secret": totp.shown(secret), "issuer": "Academy  A & B", "algorithm": "SHA1",
        "digits": "6", "period": "30",
    }  # fmt: skip
    picture = etree.fromstring(totp.qr_svg(url))
    assert etree.QName(picture).localname == "svg"


def test_a_recovery_code_is_taken_however_it_is_typed() -> None:
    codes = recovery_codes.new_codes()
    assert len(set(codes)) == 10
    for code in codes:
        assert re.fullmatch(r"([0-9a-hj-km-np-tv-z]{4}-){3}[0-9a-hj-km-np-tv-z]{4}", code)
        stored = recovery_codes.hash_code("secret", code)
        for typed in (code.upper(), code.replace("-", ""), code.replace("-", " ")):
            assert recovery_codes.hash_code("secret", typed) == stored
        look_alike = code.replace("1", "l").replace("0", "O")
        assert recovery_codes.hash_code("secret", look_alike) == stored
        assert recovery_codes.hash_code("other secret", code) != stored
