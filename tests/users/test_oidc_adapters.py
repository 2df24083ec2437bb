"""What we ask of providers and believe: limits, keys, Apple's secret, and the published vectors."""

import asyncio
import base64
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from lyceum.platform.settings import Settings, load_settings
from lyceum.users.adapters import id_tokens, oidc_exchange, oidc_http
from lyceum.users.adapters.access_tokens import SigningKey
from lyceum.users.adapters.oidc_directory import Directory
from lyceum.users.adapters.oidc_http import ProviderFailed
from lyceum.users.adapters.oidc_providers import Provider, callback_of, providers_of
from tests.users import fake_provider
from tests.users.fake_provider import FakeProvider

# RFC 7515, A.2 (RS256), A.3 (ES256); RFC 8037, A.1 to A.4 (Ed25519).
JOE = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
RSA_KEY = {
    "kty": "RSA",
    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0"
    "Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rex"
    "MdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK"
    "-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    "e": "AQAB",
}
RSA_TOKEN = (
    f"eyJhbGciOiJSUzI1NiJ9.{JOE}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AA"
    "uHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5"
    "h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
    "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)
EC_KEY = {
    "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}  # fmt: skip
EC_TOKEN = (
    f"eyJhbGciOiJFUzI1NiJ9.{JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQ"
    "xfKTUJqPP3-Kg6NU1Q"
)
ED_PRIVATE = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
ED_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
ED_TOKEN = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3A"
    "IbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
VECTORS = [(RSA_KEY, RSA_TOKEN), (EC_KEY, EC_TOKEN), (ED_KEY, ED_TOKEN)]


def keys_of(*keys: dict[str, Any]) -> KeySet:
    return KeySet.import_key_set({"keys": [*keys]})


@pytest.mark.parametrize(("key", "token"), VECTORS)
def test_the_published_vectors(key: dict[str, Any], token: str) -> None:
    payload = id_tokens.verify_signature(token, keys_of(key))
    assert payload.startswith((b'{"iss":"joe"', b"Example of Ed25519 signing"))
    # With other kinds of key beside it, as providers have them.
    others = [other for other, _ in VECTORS]
    assert id_tokens.verify_signature(token, keys_of(*others)) == payload


@pytest.mark.parametrize(("key", "token"), VECTORS)
def test_a_changed_vector(key: dict[str, Any], token: str) -> None:
    header, body, signature = token.split(".")
    for wrong in (
        f"{header}.{body[:-4]}AAAA.{signature}", f"{header}.{body}.{'A' * len(signature)}",
        f"{header}.{body}.", f"{header}.{body}", f".{body}.{signature}", f"{token}.x", "",
        f"eyJhbGciOiJub25lIn0.{body}.", f"eyJhbGciOiJIUzI1NiJ9.{body}.{signature}",
        # The next names a critical header that is none of ours.
        f"eyJhbGciOiJFUzI1NiIsImNyaXQiOlsieCJdLCJ4IjoxfQ.{body}.{signature}",
        f"eyJhbGciOiJuT25FIn0.{body}.{signature}", f"x.{body}.{signature}", "a" * 20_000,
    ):  # fmt: skip
        with pytest.raises(id_tokens.IdTokenRefused):
            id_tokens.verify_signature(wrong, keys_of(key))


def test_our_own_keys_by_the_published_vector() -> None:
    """RFC 8037: the public half of the private key, and its thumbprint."""
    key = SigningKey(base64.urlsafe_b64decode(ED_PRIVATE + "="))
    assert key.jwk.x == ED_KEY["x"]
    assert key.jwk.kid == THUMBPRINT


def test_apple_s_secret_is_a_token_of_ours() -> None:
    key = ECKey.generate_key("P-256")
    settings = load_settings(
        apple_client_id="test.academy.web", apple_team_id="TEAM123456", apple_key_id="KEY1234567",
        apple_private_key=key.as_pem(private=True).decode(), public_url="https://academy.test",
    )  # fmt: skip
    apple = providers_of(settings)["apple"]
    token = jwt.decode(apple.secret(), key, algorithms=["ES256"])
    assert token.header["kid"] == "KEY1234567"
    claims = token.claims
    assert (claims["iss"], claims["sub"]) == ("TEAM123456", "test.academy.web")
    assert claims["aud"] == "https://appleid.apple.com"
    assert claims["exp"] - claims["iat"] == 300
    assert abs(claims["iat"] - time.time()) < 300
    assert callback_of(settings, "apple") == (
        "https://academy.test/api/v1/auth/oidc/apple/callback"
    )
    assert "PRIVATE" not in repr(settings) + repr(apple)


async def test_apple_is_asked_to_answer_by_form() -> None:
    with fake_provider.running() as fake:
        apple = provider_at(fake, by_post=True)
        shake = oidc_exchange.Handshake(state="s", nonce="n", verifier="v" * 43)
        url = await oidc_exchange.authorization_url(apple, shake, "https://academy.test/back")
        assert "response_mode=form_post" in url


def test_google_is_one_setting_away(settings: Settings) -> None:
    ours = load_settings(google_client_id="id", google_client_secret="shh")
    google = providers_of(ours)["google"]
    assert (google.issuer, google.secret()) == ("https://accounts.google.com", "shh")
    assert "shh" not in repr(google) + repr(ours)
    assert providers_of(settings) == {}


def provider_at(fake: FakeProvider, **changes: Any) -> Provider:
    facts = {
        "name": "fake", "title": "Fake", "issuer": fake.issuer, "client_id": "x",
        "client_secret": "y", "scopes": "openid", **changes,
    }  # fmt: skip
    return Provider(**facts)


async def test_keys_are_fetched_once_a_minute_at_most() -> None:
    with fake_provider.running() as fake:
        directory, provider = Directory(), provider_at(fake)
        kids = [fake.key.kid, "unknown", None, "unknown-too"] * 5
        await asyncio.gather(*(directory.keys(provider, kid) for kid in kids))
        assert fake.asked.count("/jwks") == 1
        assert fake.asked.count("/.well-known/openid-configuration") == 1


async def test_a_new_key_is_found_after_that_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_provider.running() as fake:
        directory, provider = Directory(), provider_at(fake)
        await directory.keys(provider, fake.key.kid)
        fake.key = ECKey.generate_key("P-256")
        fake.key.ensure_kid()
        monkeypatch.setattr("lyceum.users.adapters.oidc_directory.REFETCH_SECONDS", -1.0)
        keys = await directory.keys(provider, fake.key.kid)
        assert [key.kid for key in keys] == [fake.key.kid]


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.test"}, {"token_endpoint": "http://evil.test/token"},
        {"jwks_uri": "file:///etc/passwd"}, {"code_challenge_methods_supported": ["plain"]},
        {"jwks_uri": 7}, {"authorization_endpoint": "javascript:alert(1)"},
    ],
)  # fmt: skip
async def test_a_provider_that_describes_itself_wrongly(metadata: dict[str, Any]) -> None:
    with fake_provider.running() as fake:
        fake.metadata = metadata
        with pytest.raises(ProviderFailed):
            await Directory().metadata(provider_at(fake))


def drip(handler: Any) -> None:
    """Send a byte now and then, for longer than anybody waits."""
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)
    except OSError:
        return


def flood(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(64):
            handler.wfile.write(b" " * 65_536)
    except OSError:
        return


def lead_on(handler: Any) -> None:
    handler.send_response(302)
    handler.send_header("location", "/elsewhere")
    handler.send_header("content-length", "0")
    handler.end_headers()


def unpack(handler: Any) -> None:
    """Say that what comes is packed, whatever was asked for."""
    handler.send_response(200)
    handler.send_header("content-encoding", "gzip")
    handler.send_header("content-length", "2")
    handler.end_headers()
    handler.wfile.write(b"\x1f\x8b")


@pytest.mark.parametrize("answer", [drip, flood, lead_on, unpack])
async def test_an_answer_is_limited(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc_http, "SECONDS", 0.3)
    with fake_provider.running() as fake:
        fake.answers["/jwks"] = answer
        with pytest.raises(ProviderFailed):
            await oidc_http.ask(f"{fake.issuer}/jwks")
        assert "/elsewhere" not in fake.asked


@pytest.mark.parametrize(
    "url", ["http://provider.test/x", "ftp://provider.test", "https://", "x", "http://[x", ""]
)
async def test_an_address_that_is_not_asked(url: str) -> None:
    with pytest.raises(ProviderFailed):
        await oidc_http.ask(url)


async def test_nobody_there() -> None:
    with pytest.raises(ProviderFailed):
        await oidc_http.ask("http://127.0.0.1:1/x")
