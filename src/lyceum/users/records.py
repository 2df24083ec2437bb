"""What a row of accounts, sessions and tokens is to Python."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from lyceum.platform.statements import Json
from lyceum.users.schemas.fields import FactorKind, MailPurpose, Status, Visibility

MAX_USER_AGENT = 400


class Account(msgspec.Struct, frozen=True):
    """A person, without what proves them."""

    id: UUID
    email: str
    first_name: str
    last_name: str
    avatar_url: str | None
    bio: str
    locale: str
    time_zone: str
    visibility: Visibility
    status: Status
    roles: list[str]
    permissions_version: int
    email_verified_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    deactivated_at: datetime | None

    @property
    def may_sign_in(self) -> bool:
        """Whether signing in leads anywhere: to an active account, or to one laid to rest."""
        is_resting = self.status == "suspended" and self.deactivated_at is not None
        return self.status == "active" or is_resting

    @property
    def display_name(self) -> str:
        """The name to show; the same that `users.public_profiles` has."""
        if self.status == "erased":
            return "Former member"
        return f"{self.first_name} {self.last_name}".strip()


class Credentials(msgspec.Struct, frozen=True):
    """What a sign-in is held against."""

    user_id: UUID
    email: str
    password_hash: str | None

    def __repr__(self) -> str:
        return f"Credentials({self.user_id})"


class Standing(msgspec.Struct, frozen=True):
    """The rights behind a live session, as they are now; `granted` is what custom roles give, and
    the impersonator an administrator who acts in it."""

    user_id: UUID
    session_id: UUID
    roles: list[str]
    granted: list[str]
    impersonator_id: UUID | None


class CustomRole(msgspec.Struct, frozen=True):
    """A role that is a row, not built in."""

    name: str
    description: str
    permissions: list[str]
    version: int
    created_at: datetime
    updated_at: datetime


class BrowserStanding(msgspec.Struct, frozen=True):
    """The rights behind a browser's cookie. `is_stale`: the session's last use was noted long
    enough ago to be noted again."""

    user_id: UUID
    session_id: UUID
    roles: list[str]
    granted: list[str]
    seconds_left: float
    is_stale: bool


class Session(msgspec.Struct, frozen=True):
    """A place where a person is signed in, with tokens or with a browser's cookie."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ip: str
    user_agent: str
    is_browser: bool


class NewDevice(msgspec.Struct, frozen=True):
    """A device that was just remembered; an unfamiliar one its owner should hear of."""

    id: UUID
    is_unfamiliar: bool


class DeviceOfPerson(msgspec.Struct, frozen=True):
    """A device, and the address to tell of it."""

    email: str
    ip: str
    user_agent: str


class KnownDevice(msgspec.Struct, frozen=True):
    """A device that a person has signed in from before."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ip: str
    user_agent: str
    is_signed_in: bool
    is_current: bool


class Freshness(msgspec.Struct, frozen=True):
    """How the person of a session stands to a step-up."""

    is_fresh: bool
    has_password: bool
    factors: list[str]


class RefreshState(msgspec.Struct, frozen=True):
    """A refresh token, its session and its successor, read under the session's lock.

    `is_retry`: rotated less than 10 s ago, and its successor was never used.
    """

    session_id: UUID
    user_id: UUID
    is_used: bool
    is_retry: bool
    successor_hash: bytes | None
    is_expired: bool
    is_revoked: bool


class StoredKey(msgspec.Struct, frozen=True):
    """A signing key, sealed."""

    kid: str
    private_key: bytes


class PublicKey(msgspec.Struct, frozen=True):
    """The half of a signing key that verifies."""

    kid: str
    public_jwk: Json


class Registration(msgspec.Struct, frozen=True):
    """Somebody who wants an account and has not proved the address yet."""

    id: UUID
    email: str
    password_hash: str
    first_name: str
    last_name: str

    def __repr__(self) -> str:
        return f"Registration({self.id})"


class ClaimedLink(msgspec.Struct, frozen=True):
    """A verification link that was used just now: of an account, or of a registration."""

    user_id: UUID | None
    registration_id: UUID | None
    email: str


class MailRequest(msgspec.Struct, frozen=True):
    """A mail that somebody asked for by an address alone."""

    purpose: MailPurpose
    email: str


class EmailChange(msgspec.Struct, frozen=True):
    """The address that a person wants to have."""

    user_id: UUID
    email: str


class FormerAddress(msgspec.Struct, frozen=True):
    """An address that an account had."""

    user_id: UUID
    email: str


class Device(msgspec.Struct, frozen=True):
    """Where a request came from, as sessions remember it.

    `network` is what counts failures and mails by address, empty where nothing is; `token` is what
    the device was given when somebody signed in there before; a browser gets a session by cookie,
    in place of the one that `cookie` opens.
    """

    ip: str = ""
    user_agent: str = ""
    network: str = ""
    token: str = ""
    is_browser: bool = False
    cookie: str = ""

    @classmethod
    def of(cls, ip: str, user_agent: str | None, **more: Any) -> "Device":
        """Return the device, with what cannot be printed left out and the rest cut to size."""
        printable = "".join(filter(str.isprintable, user_agent or ""))
        return cls(ip[:45], printable[:MAX_USER_AGENT], **more)

    def __repr__(self) -> str:
        return f"Device({self.ip}, {self.user_agent})"


class ApiKey(msgspec.Struct, frozen=True):
    """A key of a person, without its secret; until `previous_until` the one before opens too."""

    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    networks: list[str]
    ends_with_password: bool
    expires_at: datetime | None
    created_at: datetime
    last_used_at: datetime | None
    last_used_ip: str
    previous_until: datetime | None


class KeyStanding(msgspec.Struct, frozen=True):
    """The rights behind a live API key now; `is_stale`: its use was not noted lately."""

    key_id: UUID
    user_id: UUID
    roles: list[str]
    granted: list[str]
    scopes: list[str]
    networks: list[str]
    seconds_left: float | None
    is_stale: bool


class Factor(msgspec.Struct, frozen=True):
    """A second factor that its owner has shown to be able to use."""

    id: UUID
    kind: FactorKind
    name: str
    created_at: datetime
    last_used_at: datetime | None


class StoredTotp(msgspec.Struct, frozen=True):
    """The secret of an authenticator app, sealed."""

    id: UUID
    secret: bytes

    def __repr__(self) -> str:
        return f"StoredTotp({self.id})"


class Passkey(msgspec.Struct, frozen=True):
    """What a passkey's signature is held against; one that `is_flagged` opens nothing."""

    factor_id: UUID
    user_id: UUID
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    is_flagged: bool


class OidcFlow(msgspec.Struct, frozen=True):
    """A sign-in, or a link, that is on its way through a provider; `identity` is sealed."""

    provider: str
    browser_hash: bytes
    code_challenge: str | None
    return_path: str
    user_id: UUID | None
    identity: bytes

    def __repr__(self) -> str:
        return f"OidcFlow({self.provider})"


class LinkedIdentity(msgspec.Struct, frozen=True):
    """An identity at a provider that opens an account here."""

    id: UUID
    provider: str
    issuer: str
    email: str | None
    created_at: datetime
    last_used_at: datetime | None


class WaysIn(msgspec.Struct, frozen=True):
    """What opens an account without anything else."""

    has_password: bool
    identities: int
    passkeys: int


class MfaChallenge(msgspec.Struct, frozen=True):
    """Whose second factor is asked for, and how the first was proved."""

    user_id: UUID
    methods: list[str]
    failures: int


class TrustedDevice(msgspec.Struct, frozen=True):
    """A device that its owner has said to need no second factor for a while."""

    id: UUID
    ip: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class ServiceKey(msgspec.Struct, frozen=True):
    """A key by which another service signs; of a service's two places it has one."""

    id: str
    service: str
    place: int
    created_at: datetime
    expires_at: datetime | None


class StoredServiceKey(msgspec.Struct, frozen=True):
    """A key of a service with its secret, sealed."""

    id: str
    service: str
    sealed_secret: bytes

    def __repr__(self) -> str:
        return f"StoredServiceKey({self.id})"


class DataExport(msgspec.Struct, frozen=True):
    """An archive of what is held on a person; the file is there once it is ready."""

    id: UUID
    user_id: UUID
    requested_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    size_bytes: int | None
    file_key: str | None


class Consent(msgspec.Struct, frozen=True):
    """What a person last said to one purpose."""

    purpose: str
    is_given: bool
    document_version: str
    decided_at: datetime


class ProfileCard(msgspec.Struct, frozen=True):
    """A person in a list of people."""

    id: UUID
    display_name: str
    avatar_url: str | None


class FollowCounts(msgspec.Struct, frozen=True):
    """How many follow a person and are followed by them, and whether the reader does."""

    followers: int
    following: int
    is_followed: bool


class PeopleImport(msgspec.Struct, frozen=True):
    """A file of people to make accounts of; `content` until it has been worked through."""

    id: UUID
    asked_by: UUID
    job_id: UUID
    is_dry_run: bool
    sends_invitations: bool
    content: str | None
    report: Json | None
    created_at: datetime
    finished_at: datetime | None
