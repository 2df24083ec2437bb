"""What goes over the wire about second factors."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform import errors
from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.fields import LINE, FactorKind, Secretive, Token
from lyceum.users.schemas.passkeys import PasskeyProof

Way = Literal["totp", "passkey", "recovery_code"]
FactorName = Annotated[str, Meta(min_length=1, max_length=100, pattern=LINE)]
Code = Annotated[str, Meta(pattern=r"^[0-9]{6}$(?!\n)", description="What the app shows now")]
RecoveryCode = Annotated[str, Meta(min_length=16, max_length=40)]


class FactorProof(Secretive, Input, frozen=True, kw_only=True):
    """A proof by one second factor: exactly one of its fields."""

    code: Code | UnsetType = UNSET
    recovery_code: RecoveryCode | UnsetType = UNSET
    passkey: PasskeyProof | UnsetType = UNSET

    def require_one(self, *others: object) -> None:
        """Raise InvalidInput unless exactly one way to prove it is given."""
        ways = (self.code, self.recovery_code, self.passkey, *others)
        given = [value for value in ways if value is not UNSET]
        if len(given) != 1:
            raise errors.InvalidInput(
                "", errors.FieldError("/", "Give exactly one proof, of those that the route takes")
            )


class MfaVerification(FactorProof, frozen=True, kw_only=True):
    """The second factor of a sign-in whose first is proved."""

    mfa_token: Token
    trust_device: Annotated[
        bool, Meta(description="Ask this device for no second factor in the next 30 days")
    ] = False


class TotpStart(Input, frozen=True, kw_only=True):
    """Which authenticator app is to be set up."""

    name: FactorName = "Authenticator app"


class TotpConfirmation(Secretive, Input, frozen=True, kw_only=True):
    """The code that shows that the app is set up."""

    code: Code


class FactorRename(Input, frozen=True, kw_only=True):
    """What a factor shall be called."""

    name: FactorName


class TotpSetupView(Secretive, Output, frozen=True, kw_only=True):
    """What an authenticator app is set up with: shown once."""

    secret: str
    otpauth_url: str
    qr_svg: str


class FactorView(Output, frozen=True, kw_only=True):
    """A second factor."""

    id: UUID
    kind: FactorKind
    name: str
    created_at: datetime
    last_used_at: datetime | None


class FactorAddedView(Secretive, Output, frozen=True, kw_only=True):
    """A new factor; with the first one come recovery codes, which are shown once."""

    factor: FactorView
    recovery_codes: list[str] | UnsetType = UNSET


class RecoveryCodesView(Secretive, Output, frozen=True, kw_only=True):
    """Fresh recovery codes; those before are void."""

    recovery_codes: list[str]


class RecoveryCodesLeft(Output, frozen=True, kw_only=True):
    """How many recovery codes were not used yet."""

    left: int


class TrustedDeviceView(Output, frozen=True, kw_only=True):
    """A device that is asked for no second factor."""

    id: UUID
    ip: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class MfaRequiredView(Secretive, Output, frozen=True, kw_only=True):
    """The first factor is proved: show the second at `/auth/mfa/verify` within `expires_in` s."""

    mfa_required: bool = True
    mfa_token: str
    methods: list[Way]
    expires_in: int
