"""What can go wrong with customers that is nobody's bug. Codes 6700-6729."""

from lyceum.platform import errors


def invalid(pointer: str, message: str) -> errors.ValidationFailed:
    """Return the fact that one place of the input breaks a rule."""
    return errors.ValidationFailed("", errors.FieldError(pointer, message))


class ReferenceTaken(errors.AlreadyExists):
    """Another customer has the reference."""

    code, title = 6700, "Another customer has this reference"


class AccountLinkedElsewhere(errors.Conflict):
    """A person's account belongs to one customer at most; `customer_id` says to which."""

    code, title = 6701, "This account belongs to another customer"


class CustomerMerged(errors.Deleted):
    """The record went into another one, `merged_into`."""

    code, title = 6702, "This record was merged into another one"


class BatchRefused(errors.Conflict):
    """All or nothing was asked for, and one item could not be; `results` has all of them."""

    code, title = 6703, "Nothing was changed: some of the items cannot be"


class GroupNameTaken(errors.AlreadyExists):
    """Another group has the name."""

    code, title = 6704, "There is a group of this name"


class GroupByRule(errors.Conflict):
    """The members of a group by rule are whoever fits its rule."""

    code, title = 6705, "The members of this group come from its rule"


class FilterInvalid(errors.ValidationFailed):
    """A filter cannot be understood; `position` is where, from 0."""

    code, title = 6706, "The filter cannot be understood"


class ImportRefused(errors.ValidationFailed):
    """The file is no CSV of customers; `detail` says why."""

    code, title = 6707, "The file cannot be imported"


class ExportTooLarge(errors.Conflict):
    """More customers fit than one file takes; `limit` says how many that is."""

    code, title = 6708, "Too many customers for one file: filter them"


class ExportNotReady(errors.Conflict):
    """The file of the export is not there yet, or not any more."""

    code, title = 6709, "The file is not there"
