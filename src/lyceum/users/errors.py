"""What can go wrong with accounts and sessions that is nobody's bug."""

from lyceum.platform import errors


class EmailTaken(errors.AlreadyExists):
    """Another account has this address."""

    code, title = 6000, "An account with this email exists"


class LinkInvalid(errors.Fact):
    """A link of a mail that was used, is too old, or was never made by us."""

    status, code, title = 400, 6001, "This link is not valid any more"


class EmailNotVerified(errors.Forbidden):
    """The password is right, but nobody has proved the address yet."""

    code, title = 6002, "Verify your email address first"


class AccountSuspended(errors.Forbidden):
    """The password is right, but an administrator has suspended the account."""

    code, title = 6003, "This account is suspended"


class PasswordRefused(errors.ValidationFailed):
    """A password that is easily guessed; says why."""

    code, title = 6004, "Choose another password"

    def __init__(self, message: str, *, pointer: str = "/password") -> None:
        super().__init__(message, errors.FieldError(pointer, message))


class RankTooLow(errors.Forbidden):
    """Nobody acts on a person above them, and nobody raises anyone above themselves."""

    code, title = 6005, "This is above your own role"


class LastSuperAdmin(errors.Conflict):
    """Somebody must be left who may do everything."""

    code, title = 6006, "This is the last super admin"


class NotOnOneself(errors.Conflict):
    """Done to oneself, this would lock one out."""

    code, title = 6007, "You cannot do this to your own account"


class RoleExists(errors.AlreadyExists):
    """Another role has this name, or it is a built-in one."""

    code, title = 6040, "A role with this name exists"


class RoleInUse(errors.Conflict):
    """Somebody has the role; `holders` says how many do."""

    code, title = 6041, "Somebody has this role"


class TooManyApiKeys(errors.Conflict):
    """A person has as many live keys as anybody may have."""

    code, title = 6042, "You have too many API keys"


class ServiceHasKey(errors.AlreadyExists):
    """The service has a key: it is rotated, not made again."""

    code, title = 6043, "The service has a key already"


class ExportNotReady(errors.Conflict):
    """The archive is still being made, or it has been removed."""

    code, title = 6044, "The export is not there"


class EmailInvalid(errors.ValidationFailed):
    """Text that is no email address."""

    code, title = 6008, "This is not an email address"

    def __init__(self, message: str) -> None:
        super().__init__(message, errors.FieldError("/email", message))


class StepUpRequired(errors.Forbidden):
    """Allowed to whoever has proved a moment ago who they are; `ways` says how they can."""

    code, title = 6020, "Prove once more that it is you"


class CodeInvalid(errors.Unauthorized):
    """A code or passkey that does not prove what it should; never says why."""

    code, title = 6021, "This proof is not valid"


class TotpInUse(errors.Conflict):
    """There is one authenticator app for a person; a new one takes removing the old."""

    code, title = 6022, "An authenticator app is set up already"


class NoSecondFactor(errors.Conflict):
    """Recovery codes stand in for a factor that is not there."""

    code, title = 6023, "There is no second factor"


class PasskeyInUse(errors.AlreadyExists):
    """A passkey belongs to one account, and is added to it once."""

    code, title = 6024, "This passkey is in use already"


class TooManyFactors(errors.Conflict):
    """Nobody has more than 20 second factors."""

    code, title = 6025, "There are as many second factors as there can be"


class LinkRequired(errors.Conflict):
    """The address has an account: its owner signs in as ever, and links the identity then."""

    code, title = 6030, "Sign in to your account, then link it"


class IdentityInUse(errors.AlreadyExists):
    """An identity opens one account."""

    code, title = 6031, "This identity is linked with an account already"


class LastWayIn(errors.Conflict):
    """Without it nobody could sign in to the account any more."""

    code, title = 6032, "This is the last way into your account"


class IdentityRefused(errors.Unauthorized):
    """What a provider said does not hold; never says why."""

    code, title = 6033, "The provider's answer is not valid"


class ProviderUnavailable(errors.ExternalFailed):
    """A provider did not answer, or not as it should."""

    code, title = 6034, "This provider cannot be reached now"


class EmailMissing(errors.Conflict):
    """An account has an address, and the provider told none."""

    code, title = 6035, "The provider did not tell an email address"
