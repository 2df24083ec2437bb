"""WebAuthn: what browsers are asked for, and whether what they give holds.

Which page and which name passkeys belong to follows from the settings, never from the request.
Not here: challenges and whose passkey it is (`service.passkeys`).
"""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    options_to_json_dict,
    parse_client_data_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from lyceum.platform.settings import Settings
from lyceum.users.records import Passkey
from lyceum.users.schemas.passkeys import NewCredential, UsedCredential

TIMEOUT_MS: Final = 300_000
_TRANSPORTS: Final = frozenset(transport.value for transport in AuthenticatorTransport)
# What the library trips over in bytes that are none of its own: all of it is a refusal.
_TRIPS: Final = (
    WebAuthnException, UnsupportedAlgorithm, ValueError, KeyError, TypeError, IndexError,
    AttributeError, OverflowError, RecursionError,
)  # fmt: skip


class PasskeyRefused(Exception):
    """What a browser gave does not hold; the text says why, and is for tests and nobody else."""


class RelyingParty(msgspec.Struct, frozen=True):
    """Whose passkeys these are: the domain they are bound to, and the pages that may use them."""

    domain: str
    name: str
    origins: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> "RelyingParty":
        """Return that of an installation: its public address, and the front ends beside it."""
        own = urlsplit(settings.base_url)
        beside = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
        origins = (f"{own.scheme}://{own.netloc}", *beside)
        return cls(settings.passkey_domain or own.hostname or "", settings.academy_name, origins)


class MadePasskey(msgspec.Struct, frozen=True):
    """A new passkey, as its authenticator described it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    is_backed_up: bool


def creation_options(
    party: RelyingParty,
    challenge: bytes,
    *,
    user_id: bytes,
    name: str,
    display_name: str,
    existing: list[Passkey],
) -> dict[str, Any]:
    """Return `PublicKeyCredentialCreationOptionsJSON`: discoverable if the authenticator can."""
    options = generate_registration_options(
        rp_id=party.domain,
        rp_name=party.name,
        user_id=user_id,
        user_name=name,
        user_display_name=display_name,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(existing),
    )
    return options_to_json_dict(options)


def request_options(
    party: RelyingParty, challenge: bytes, allowed: list[Passkey], *, needs_verification: bool
) -> dict[str, Any]:
    """Return `PublicKeyCredentialRequestOptionsJSON`; of no passkeys, any that is discoverable."""
    wanted = (
        UserVerificationRequirement.REQUIRED
        if needs_verification
        else UserVerificationRequirement.PREFERRED
    )
    options = generate_authentication_options(
        rp_id=party.domain,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=_descriptors(allowed),
        user_verification=wanted,
    )
    return options_to_json_dict(options)


def verify_new(party: RelyingParty, credential: NewCredential, challenge: bytes) -> MadePasskey:
    """Return the passkey that a browser made for `challenge`; PasskeyRefused."""
    try:
        _require_own_page(credential.response.client_data_json)
        made = verify_registration_response(
            credential=msgspec.to_builtins(credential),
            expected_challenge=challenge,
            expected_rp_id=party.domain,
            expected_origin=list(party.origins),
        )
    except _TRIPS as problem:
        raise PasskeyRefused(str(problem)) from problem
    given = credential.response.transports or []
    return MadePasskey(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=[name for name in given if name in _TRANSPORTS],
        is_backed_up=made.credential_backed_up,
    )


def verify_use(
    party: RelyingParty,
    credential: UsedCredential,
    challenge: bytes,
    passkey: Passkey,
    *,
    needs_verification: bool,
) -> int:
    """Return the counter of a passkey that has signed `challenge`; PasskeyRefused.

    The counter is not judged here: one that went back says something only if the signature holds.
    """
    try:
        _require_own_page(credential.response.client_data_json)
        used = verify_authentication_response(
            credential=msgspec.to_builtins(credential),
            expected_challenge=challenge,
            expected_rp_id=party.domain,
            expected_origin=list(party.origins),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,
            require_user_verification=needs_verification,
        )
    except _TRIPS as problem:
        raise PasskeyRefused(str(problem)) from problem
    return used.new_sign_count


def find_bytes(text: str) -> bytes | None:
    """Return what base64url without padding stands for, or None."""
    try:
        return base64url_to_bytes(text)
    except ValueError:
        return None


def _require_own_page(client_data: str) -> None:
    """Refuse what was made in a frame of another page, which could lead people on."""
    if parse_client_data_json(base64url_to_bytes(client_data)).cross_origin:
        raise ValueError("made in a frame of another origin")


def _descriptors(passkeys: list[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=passkey.credential_id,
            transports=[AuthenticatorTransport(name) for name in passkey.transports] or None,
        )
        for passkey in passkeys
    ]
