"""What happened to people that others may care about. Ids and facts; no address, no secret."""

from typing import Literal
from uuid import UUID

from lyceum.platform.events import Event, event

FactorKind = Literal["totp", "passkey"]
RevocationReason = Literal[
    "signed_out", "revoked_by_user", "password_changed", "refresh_token_reused",
    "too_many_sessions", "acting_ended",
    "suspended", "role_changed", "signed_in_again", "device_forgotten",
    "deactivated",
]  # fmt: skip
KeyRevocationReason = Literal["revoked_by_user", "password_changed"]
RefusalReason = Literal["wrong_password", "wrong_factor", "suspended", "not_verified"]


@event("user.registered")
class UserRegistered(Event, frozen=True, kw_only=True):
    """An account was made, by its owner or by an administrator."""

    user_id: UUID
    is_verified: bool


@event("user.verified")
class UserVerified(Event, frozen=True, kw_only=True):
    """The owner of an account has proved the address."""

    user_id: UUID


@event("user.role_changed")
class UserRoleChanged(Event, frozen=True, kw_only=True):
    """A person has other roles now; tokens already issued follow at once."""

    user_id: UUID
    roles: tuple[str, ...]
    previous_roles: tuple[str, ...]


@event("role.created")
class RoleCreated(Event, frozen=True, kw_only=True):
    """There is a new custom role."""

    role: str
    permissions: tuple[str, ...]


@event("role.changed")
class RoleChanged(Event, frozen=True, kw_only=True):
    """A custom role has other permissions now; whoever has it follows at once."""

    role: str
    permissions: tuple[str, ...]
    previous_permissions: tuple[str, ...]


@event("role.deleted")
class RoleDeleted(Event, frozen=True, kw_only=True):
    """A custom role, which nobody had, is gone."""

    role: str
    permissions: tuple[str, ...]


@event("user.erased")
class UserErased(Event, frozen=True, kw_only=True):
    """What told of a person is gone; their id stands for a former member from now on."""

    user_id: UUID


@event("user.export_requested")
class DataExportRequested(Event, frozen=True, kw_only=True):
    """A person wants everything that is held on them."""

    user_id: UUID
    export_id: UUID


@event("user.export_ready")
class DataExportReady(Event, frozen=True, kw_only=True):
    """What is held on a person can be downloaded by them."""

    user_id: UUID
    export_id: UUID


@event("user.consent_changed")
class ConsentChanged(Event, frozen=True, kw_only=True):
    """A person has agreed to something, or taken that back."""

    user_id: UUID
    purpose: str
    is_given: bool
    document_version: str


@event("user.followed")
class UserFollowed(Event, frozen=True, kw_only=True):
    """Somebody follows a person."""

    user_id: UUID
    follower_id: UUID


@event("user.unfollowed")
class UserUnfollowed(Event, frozen=True, kw_only=True):
    """Somebody does not follow a person any more."""

    user_id: UUID
    follower_id: UUID


@event("user.acting_started")
class ActingStarted(Event, frozen=True, kw_only=True):
    """An administrator sees the academy as a person does, for a while; `reason` is theirs."""

    user_id: UUID
    impersonator_id: UUID
    session_id: UUID
    reason: str


@event("user.invited")
class UserInvited(Event, frozen=True, kw_only=True):
    """Somebody has an account and is asked to set a password."""

    user_id: UUID


@event("user.invitation_accepted")
class InvitationAccepted(Event, frozen=True, kw_only=True):
    """Somebody who was invited has set a password."""

    user_id: UUID


@event("user.suspended")
class UserSuspended(Event, frozen=True, kw_only=True):
    """A person was shut out; every session has ended."""

    user_id: UUID


@event("user.reinstated")
class UserReinstated(Event, frozen=True, kw_only=True):
    """A suspended person may sign in again."""

    user_id: UUID


@event("user.password_changed")
class PasswordChanged(Event, frozen=True, kw_only=True):
    """A person has a new password; their other sessions have ended. `is_reset`: set with the link
    of a mail, without the password before."""

    user_id: UUID
    is_reset: bool = False


@event("session.opened")
class SessionOpened(Event, frozen=True, kw_only=True):
    """A person has signed in; `methods` is how they have proved who they are."""

    user_id: UUID
    session_id: UUID
    device_id: UUID
    is_browser: bool
    methods: tuple[str, ...]
    ip: str


@event("session.revoked")
class SessionRevoked(Event, frozen=True, kw_only=True):
    """A session ended before its time, with every token of it."""

    user_id: UUID
    session_id: UUID
    reason: RevocationReason


@event("session.stepped_up")
class SteppedUp(Event, frozen=True, kw_only=True):
    """The person of a session has proved once more who they are."""

    user_id: UUID
    session_id: UUID
    methods: tuple[str, ...]


@event("api_key.created")
class ApiKeyCreated(Event, frozen=True, kw_only=True):
    """A person has another key for their programs."""

    user_id: UUID
    key_id: UUID
    scopes: tuple[str, ...]


@event("api_key.rotated")
class ApiKeyRotated(Event, frozen=True, kw_only=True):
    """A key has another secret."""

    user_id: UUID
    key_id: UUID


@event("api_key.revoked")
class ApiKeyRevoked(Event, frozen=True, kw_only=True):
    """A key opens nothing any more."""

    user_id: UUID
    key_id: UUID
    reason: KeyRevocationReason


@event("service_key.created")
class ServiceKeyCreated(Event, frozen=True, kw_only=True):
    """Another service may sign requests with a new key."""

    service: str
    key_id: str


@event("service_key.revoked")
class ServiceKeyRevoked(Event, frozen=True, kw_only=True):
    """What this key signs is refused from now on."""

    service: str
    key_id: str


@event("signing_key.rotated")
class SigningKeyRotated(Event, frozen=True, kw_only=True):
    """Access tokens are signed with another key from now on."""

    kid: str
    retired: tuple[str, ...]


@event("factor.added")
class FactorAdded(Event, frozen=True, kw_only=True):
    """A person has a new second factor."""

    user_id: UUID
    factor_id: UUID
    kind: FactorKind


@event("factor.removed")
class FactorRemoved(Event, frozen=True, kw_only=True):
    """A person has taken a second factor away."""

    user_id: UUID
    factor_id: UUID
    kind: FactorKind


@event("factor.flagged")
class PasskeyFlagged(Event, frozen=True, kw_only=True):
    """The counter of a passkey went back: there may be a copy, so it opens nothing any more."""

    user_id: UUID
    factor_id: UUID


@event("factors.reset")
class FactorsReset(Event, frozen=True, kw_only=True):
    """An operator has taken every second factor from a person."""

    user_id: UUID


@event("recovery_codes.made")
class RecoveryCodesMade(Event, frozen=True, kw_only=True):
    """A person has fresh recovery codes; those before are void."""

    user_id: UUID


@event("recovery_codes.used")
class RecoveryCodeUsed(Event, frozen=True, kw_only=True):
    """A recovery code stood in for a second factor."""

    user_id: UUID
    left: int


@event("identity.linked")
class IdentityLinked(Event, frozen=True, kw_only=True):
    """An identity at a provider opens an account from now on."""

    user_id: UUID
    identity_id: UUID
    provider: str


@event("identity.unlinked")
class IdentityUnlinked(Event, frozen=True, kw_only=True):
    """An identity at a provider opens an account no more."""

    user_id: UUID
    identity_id: UUID
    provider: str


@event("device.trusted")
class DeviceTrusted(Event, frozen=True, kw_only=True):
    """A device is asked for no second factor for a while."""

    user_id: UUID
    device_id: UUID


@event("device.trust_withdrawn")
class TrustWithdrawn(Event, frozen=True, kw_only=True):
    """A device is asked for the second factor again."""

    user_id: UUID
    device_id: UUID


@event("login.failed")
class LoginFailed(Event, frozen=True, kw_only=True):
    """Somebody could not sign in. `account` stands for the address typed, known or not: what is
    typed there is at times a password, so the address itself is not told."""

    account: str
    user_id: UUID | None
    reason: RefusalReason
    ip: str
    starts_lock: bool = False
    """Whether with it the address is locked, except where its owner has been before."""


@event("device.added")
class DeviceAdded(Event, frozen=True, kw_only=True):
    """A person signed in from a device that looks like none of those they had."""

    user_id: UUID
    device_id: UUID


@event("device.forgotten")
class DeviceForgotten(Event, frozen=True, kw_only=True):
    """A person has had a device forgotten; the sessions on it have ended."""

    user_id: UUID
    device_id: UUID


@event("user.deactivated")
class UserDeactivated(Event, frozen=True, kw_only=True):
    """A person has laid their account to rest; every session has ended."""

    user_id: UUID


@event("user.reactivated")
class UserReactivated(Event, frozen=True, kw_only=True):
    """A person has come back to their account by signing in."""

    user_id: UUID


@event("user.email_change_requested")
class EmailChangeRequested(Event, frozen=True, kw_only=True):
    """A person wants another address, which is not proved yet."""

    user_id: UUID


@event("user.email_changed")
class EmailChanged(Event, frozen=True, kw_only=True):
    """An account has another address, which its owner has proved."""

    user_id: UUID
    former_address_id: UUID


@event("mail.requested")
class MailRequested(Event, frozen=True, kw_only=True):
    """Somebody asked for a mail by an address alone; whether it has an account is not known."""

    request_id: UUID
    purpose: Literal["reset-password", "verify-email"]


@event("verification.requested")
class VerificationRequested(Event, frozen=True, kw_only=True):
    """A new account's address is to be proved."""

    user_id: UUID


@event("registration.requested")
class RegistrationRequested(Event, frozen=True, kw_only=True):
    """Somebody wants an account where addresses are proved first."""

    registration_id: UUID
