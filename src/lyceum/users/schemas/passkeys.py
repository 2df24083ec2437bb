"""What goes over the wire about passkeys: the JSON of WebAuthn (level 3), and what frames it."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.fields import Secretive, Token

# Base64url without padding, as browsers write every binary field.
Binary = Annotated[str, Meta(min_length=1, max_length=16_384, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
CredentialId = Annotated[
    str, Meta(min_length=1, max_length=1400, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")
]
Transport = Annotated[str, Meta(min_length=1, max_length=32)]
Attachment = Literal["platform", "cross-platform"]


class AttestationResponse(Input, frozen=True, kw_only=True):
    """`AuthenticatorAttestationResponseJSON`."""

    client_data_json: Binary = field(name="clientDataJSON")
    attestation_object: Binary
    authenticator_data: Binary | UnsetType = UNSET
    transports: Annotated[list[Transport], Meta(max_length=10)] | UnsetType = UNSET
    public_key: Binary | UnsetType | None = UNSET
    public_key_algorithm: Annotated[int, Meta(ge=-65_536, le=65_535)] | UnsetType = UNSET


class AssertionResponse(Input, frozen=True, kw_only=True):
    """`AuthenticatorAssertionResponseJSON`."""

    client_data_json: Binary = field(name="clientDataJSON")
    authenticator_data: Binary
    signature: Binary
    user_handle: Binary | UnsetType | None = UNSET


class NewCredential(Secretive, Input, frozen=True, kw_only=True):
    """`RegistrationResponseJSON`: what `credential.toJSON()` gives after a `create`."""

    id: CredentialId
    raw_id: CredentialId
    type: Literal["public-key"]
    response: AttestationResponse
    authenticator_attachment: Attachment | UnsetType | None = UNSET
    client_extension_results: dict[str, Any] | UnsetType = UNSET


class UsedCredential(Secretive, Input, frozen=True, kw_only=True):
    """`AuthenticationResponseJSON`: what `credential.toJSON()` gives after a `get`."""

    id: CredentialId
    raw_id: CredentialId
    type: Literal["public-key"]
    response: AssertionResponse
    authenticator_attachment: Attachment | UnsetType | None = UNSET
    client_extension_results: dict[str, Any] | UnsetType = UNSET


class PasskeyProof(Secretive, Input, frozen=True, kw_only=True):
    """A signed challenge, and the token that came with the challenge."""

    challenge_token: Token
    credential: UsedCredential


class PasskeySignIn(PasskeyProof, frozen=True, kw_only=True):
    """A sign-in with a passkey alone."""

    device_token: (
        Annotated[str, Meta(min_length=1, max_length=200, description="Of a known device")]
        | UnsetType
    ) = UNSET
    as_browser: Annotated[
        bool, Meta(description="Open a session by cookie, as `/auth/session` does")
    ] = False


class NewPasskey(Secretive, Input, frozen=True, kw_only=True):
    """A passkey that a browser has made."""

    challenge_token: Token
    name: Annotated[str, Meta(min_length=1, max_length=100)] = "Passkey"
    credential: NewCredential


class PasskeyChallengeRequest(Secretive, Input, frozen=True, kw_only=True):
    """For which sign-in the second factor shall be a passkey."""

    mfa_token: Token


class PasskeyOptionsView(Secretive, Output, frozen=True, kw_only=True):
    """What a browser makes or uses a passkey with: `PublicKeyCredential.parse…OptionsFromJSON`.

    The token goes back with what the browser gives.
    """

    challenge_token: str
    public_key: dict[str, Any]
    expires_in: int
