"""A browser with an authenticator, in software: makes passkeys and signs challenges with them.

What it does wrong can be chosen: the page, the domain, whether it has made sure of its user.
"""

import base64
import json
import os
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Held(msgspec.Struct):
    """A passkey as its authenticator holds it."""

    credential_id: bytes
    key: EllipticCurvePrivateKey
    user_handle: bytes
    domain: str
    count: int = 0


class Authenticator(msgspec.Struct):
    """A browser on `origin` with one authenticator."""

    origin: str = "http://academy.test"
    domain: str = ""
    is_verified: bool = True
    is_counting: bool = True
    in_frame: bool = False
    held: list[Held] = []

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do what `navigator.credentials.create` does, and return its JSON."""
        domain = self.domain or options["rp"]["id"]
        key = generate_private_key(SECP256R1())
        made = Held(os.urandom(32), key, decode(options["user"]["id"]), domain)
        self.held.append(made)
        numbers = key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = bytes(16) + len(made.credential_id).to_bytes(2) + made.credential_id
        data = self._data(made, ATTESTED) + attested + encode_cbor(public)
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        return {
            "id": encode(made.credential_id),
            "rawId": encode(made.credential_id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": {
                "clientDataJSON": encode(self._client_data("webauthn.create", options)),
                "attestationObject": encode(encode_cbor(attestation)),
                "authenticatorData": encode(data),
                "transports": ["internal", "hybrid", "of-the-future"],
                "publicKeyAlgorithm": -7,
            },
        }

    def get(self, options: dict[str, Any], held: Held | None = None) -> dict[str, Any]:
        """Do what `navigator.credentials.get` does, and return its JSON."""
        used = held or self.held[0]
        used.count += self.is_counting
        data = self._data(used, 0)
        client_data = self._client_data("webauthn.get", options)
        signature = used.key.sign(data + sha256(client_data).digest(), ECDSA(SHA256()))
        return {
            "id": encode(used.credential_id),
            "rawId": encode(used.credential_id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(client_data),
                "authenticatorData": encode(data),
                "signature": encode(signature),
                "userHandle": encode(used.user_handle),
            },
        }

    def _data(self, held: Held, more: int) -> bytes:
        flags = PRESENT | (VERIFIED if self.is_verified else 0) | more
        domain = self.domain or held.domain
        return sha256(domain.encode()).digest() + bytes([flags]) + held.count.to_bytes(4)

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        facts = {
            "type": kind,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": self.in_frame,
        }
        return json.dumps(facts).encode()


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
