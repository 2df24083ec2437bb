"""An OpenID provider on this machine that does what a test wants it to do wrong.

The certified one is in `test_oidc_provider`; this one lies on purpose.
"""

import base64
import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

CLIENT_ID, CLIENT_SECRET = "lyceum:tests", "a secret/with+odd=parts"
Person = dict[str, Any]
ADA: Person = {
    "sub": "ada-1", "email": "ada@people.test", "email_verified": True, "given_name": "Ada",
    "family_name": "Lovelace",
}  # fmt: skip


class FakeProvider(msgspec.Struct):
    """What the provider knows, counts, and says."""

    issuer: str
    key: ECKey
    grants: dict[str, dict[str, str]] = {}
    person: Person = {}
    claims: dict[str, Any] = {}
    header: dict[str, Any] = {}
    signs_with: ECKey | OctKey | None = None
    metadata: dict[str, Any] = {}
    told: dict[str, Any] = {}
    asked: list[str] = []
    answers: dict[str, Callable[[Any], None]] = {}

    def authorize(self, url: str, person: Person) -> dict[str, str]:
        """Let a person sign in who was sent to `url`; return what the browser brings back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["client_id"] == CLIENT_ID
        code = f"code-{len(self.grants)}"
        self.grants[code] = query
        self.person = person
        return {"code": code, "state": query["state"], "iss": self.issuer}

    def redeem(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Answer at the token endpoint, or refuse."""
        granted = self.grants.pop(form["code"], None)
        plain = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_right = (
            granted is not None
            and plain == "lyceum%3Atests:a%20secret%2Fwith%2Bodd%3Dparts"
            and challenge == granted["code_challenge"]
            and form["redirect_uri"] == granted["redirect_uri"]
        )
        if granted is None or not is_right:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300,
            "nonce": granted["nonce"], **self.person, **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "ES256", "kid": self.key.kid, **self.header}
        key = self.signs_with or self.key
        token = jwt.encode(header, claims, key, algorithms=[header["alg"]])
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}

    def describe(self) -> dict[str, Any]:
        """Answer what the provider is."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "authorization_response_iss_parameter_supported": True,
            "code_challenge_methods_supported": ["S256"],
            **self.metadata,
        }


@contextlib.contextmanager
def running() -> Iterator[FakeProvider]:
    """Serve a provider of its own, under an address that nobody has asked before."""
    key = ECKey.generate_key("P-256")
    key.ensure_kid()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            provider.asked.append(path)
            if path in provider.answers:
                provider.answers[path](self)
            elif path == "/userinfo":
                assert self.headers["authorization"] == "Bearer x"
                self.give(provider.told)
            elif path.endswith("openid-configuration"):
                self.give(provider.describe())
            else:
                self.give({"keys": [provider.key.as_dict(private=False)]})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            found = provider.redeem(form, self.headers.get("authorization", ""))
            self.give(found or {"error": "invalid_grant"}, 200 if found else 400)

        def give(self, value: Any, status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = FakeProvider(f"http://127.0.0.1:{server.server_port}", key)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
