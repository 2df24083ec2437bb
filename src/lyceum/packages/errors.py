"""What can be wrong with an import."""

from lyceum.platform import errors


class PackageRefused(errors.ValidationFailed):
    """The package cannot be taken; `reason` says why in a stable word."""

    code, title = 6300, "The package cannot be imported"


class PackageTooBig(errors.PayloadTooLarge):
    """The package is, or becomes when unpacked, larger than the limits."""

    code, title = 6301, "The package is too large"


class InstructorUnknown(errors.ValidationFailed):
    """There is no active person of that address who may teach."""

    code, title = 6302, "There is no such instructor"
