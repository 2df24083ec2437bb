"""Access tokens: what we sign, and everything that is not exactly that."""

import base64
import json
import warnings
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import OctKey, OKPKey

from lyceum.platform import ids
from lyceum.platform.errors import TokenExpired, TokenInvalid
from lyceum.users.adapters import access_tokens
from lyceum.users.adapters.access_tokens import Claims, SigningKey

NOW = 1_800_000_000
ISSUER = "https://academy.test"
KEY = SigningKey.generate()
KEYS = {access_tokens.header_of(KEY.jwk.kid): access_tokens.public_key(KEY.jwk)}


def claims(**changes: Any) -> Claims:
    facts: dict[str, Any] = {
        "iss": ISSUER, "aud": "lyceum", "sub": ids.new_id(), "sid": ids.new_id(),
        "email": "ada@example.org", "roles": ("student",), "pv": 1, "iat": NOW, "exp": NOW + 900,
    }  # fmt: skip
    return Claims(**{**facts, **changes})


def verify(token: str, now: float = NOW) -> Claims:
    return access_tokens.verify(token, KEYS, ISSUER, now)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: bytes, payload: bytes, key: SigningKey = KEY) -> str:
    """A token with any header and payload, rightly signed by `key`."""
    text = f"{b64(header)}.{b64(payload)}"
    private = Ed25519PrivateKey.from_private_bytes(key.private_bytes)
    return f"{text}.{b64(private.sign(text.encode()))}"


def header(**changes: Any) -> bytes:
    members = {"alg": "EdDSA", "kid": KEY.jwk.kid, "typ": "at+jwt"} | changes
    return json.dumps({k: v for k, v in members.items() if v is not None}).encode()


def test_what_we_sign_we_believe() -> None:
    said = claims()
    assert verify(KEY.sign(said)) == said


def test_rfc_8037_names_and_signs_alike() -> None:
    """The key, thumbprint and signature of RFC 8037, appendix A."""
    key = SigningKey(access_tokens._decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))  # noqa: SLF001
    assert key.jwk.x == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.jwk.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    text = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = (
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt"
        "9g7sVvpAr_MuM0KAg"
    )  # fmt: skip
    private = Ed25519PrivateKey.from_private_bytes(key.private_bytes)
    assert b64(private.sign(text.encode())) == signature
    access_tokens.public_key(key.jwk).verify(access_tokens._decode(signature), text.encode())  # noqa: SLF001


def test_another_library_reads_our_tokens() -> None:
    said = claims()
    with warnings.catch_warnings():
        # RFC 9864 would call the algorithm Ed25519; clients know it as EdDSA.
        warnings.simplefilter("ignore", SecurityWarning)
        key = OKPKey.import_key(msgspec.to_builtins(KEY.jwk))
        token = jwt.decode(KEY.sign(said), key, algorithms=["EdDSA"])
    assert token.header == {"alg": "EdDSA", "kid": KEY.jwk.kid, "typ": "at+jwt"}
    assert token.claims["sub"] == str(said.sub)
    assert token.claims["exp"] - token.claims["iat"] == 900
    assert key.thumbprint() == KEY.jwk.kid


@pytest.mark.parametrize(
    "forged",
    [
        header(alg="none"), header(alg="None"), header(alg="nOnE"), header(alg="HS256"),
        header(alg="Ed25519"), header(alg=None), header(alg=["EdDSA"]), header(typ="JWT"),
        header(typ=None), header(typ="rt+jwt"), header(kid="../../dev/null"),
        header(kid="' OR 1=1 --"), header(kid=None), header(kid=""), header(kid=7),
        header(jku="https://evil.example/keys"), header(x5u="https://evil.example/c"),
        header(jwk={"kty": "OKP", "crv": "Ed25519", "x": KEY.jwk.x}), header(crit=["exp"]),
        header(b64=False), header(zip="DEF"), b"{}", b"", b"null", b"[]", b"\xff\xfe",
        header()[:-1] + b', "alg": "EdDSA"}', b'{"alg":"none",' + header()[1:],
    ],
    ids=lambda _: "header",  # their text holds a random key, and differs from process to process
)  # fmt: skip
def test_a_header_that_we_did_not_write(forged: bytes) -> None:
    payload = msgspec.json.encode(claims())
    with pytest.raises(TokenInvalid):
        verify(signed(forged, payload))
    unsigned = f"{b64(forged)}.{b64(payload)}."
    with pytest.raises(TokenInvalid):
        verify(unsigned)


def test_a_symmetric_token_signed_with_the_public_key() -> None:
    key = OctKey.import_key(KEY.jwk.x)
    members = {"alg": "HS256", "kid": KEY.jwk.kid, "typ": "at+jwt"}
    forged = jwt.encode(members, msgspec.to_builtins(claims()), key)
    with pytest.raises(TokenInvalid):
        verify(forged)
    with pytest.raises(TokenInvalid):
        verify(".".join([access_tokens.header_of(KEY.jwk.kid), *forged.split(".")[1:]]))


def test_a_key_that_is_not_ours() -> None:
    stranger = SigningKey.generate()
    with pytest.raises(TokenInvalid):
        verify(stranger.sign(claims()))
    ours = access_tokens.header_of(KEY.jwk.kid)
    payload = msgspec.json.encode(claims())
    forged = signed(base64.urlsafe_b64decode(ours + "=="), payload, stranger)
    assert forged.startswith(ours)
    with pytest.raises(TokenInvalid):
        verify(forged)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other-service"}, {"aud": ""}, {"iss": "https://evil.example"}, {"iss": ""},
        {"nbf": NOW + 1}, {"iat": NOW + 3600},
    ],
)  # fmt: skip
def test_claims_for_somebody_else_or_another_time(changes: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        verify(KEY.sign(claims(**changes)))


def test_a_token_ends_on_the_second() -> None:
    token = KEY.sign(claims())
    assert verify(token, NOW + 899.9).exp == NOW + 900
    for late in (900, 901, 10**9):
        with pytest.raises(TokenExpired):
            verify(token, NOW + late)


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{}", b"[]", b"null", b'"text"', b"{", b"\xff",
        msgspec.json.encode(claims()).replace(b'"pv":1', b'"pv":"1"'),
        msgspec.json.encode(claims()).replace(b'"pv":1', b'"pv":true'),
        msgspec.json.encode(claims()).replace(b'"pv":1', b'"pv":1e400'),
        msgspec.json.encode(claims()).replace(b'"aud":"lyceum"', b'"aud":["lyceum"]'),
        msgspec.json.encode(claims()).replace(b'"sub":"', b'"sub":"x'),
    ],
    ids=lambda _: "payload",
)  # fmt: skip
def test_a_payload_that_is_no_claims(payload: bytes) -> None:
    exact = base64.urlsafe_b64decode(access_tokens.header_of(KEY.jwk.kid) + "==")
    with pytest.raises(TokenInvalid):
        verify(signed(exact, payload))


def test_every_damage_is_noticed() -> None:
    token = KEY.sign(claims())
    assert len(token) < access_tokens.MAX_LENGTH
    for position in range(0, len(token), 7):
        other = "A" if token[position] != "A" else "B"
        with pytest.raises(TokenInvalid):
            verify(token[:position] + other + token[position + 1 :])
    # The last character of a signature holds two bits that mean nothing: they must be zero.
    last = "QgwA"["QgwA".index(token[-1]) - 1]
    same_bits = {"A": "B", "Q": "R", "g": "h", "w": "x"}
    for damaged in (
        "", ".", "..", "...", "a.b.c", token[:-1], token + "A", token + "=", token + ".",
        f" {token}",
        token.replace(".", ".."), token[:-1] + last, token[:-1] + same_bits[token[-1]],
        token + "\n", token[:-4] + "é" + token[-3:], token + "A" * 5000,
    ):  # fmt: skip
        with pytest.raises(TokenInvalid):
            verify(damaged)
