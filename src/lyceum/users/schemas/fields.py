"""The fields that bodies about people share.

Text of people is plain text: control characters and those that turn the direction of writing are
refused.
"""

from typing import Annotated, Literal

from msgspec import Meta

# One line: no control characters, and none that turn the direction of writing.
LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$(?!\n)"
TEXT = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$(?!\n)"
Email = Annotated[
    str, Meta(min_length=3, max_length=254, description="An address that mail can reach")
]
FirstName = Annotated[str, Meta(min_length=1, max_length=100, pattern=LINE)]
LastName = Annotated[str, Meta(max_length=100, pattern=LINE)]
NewSecret = Annotated[
    str,
    Meta(
        min_length=8,
        max_length=128,
        description="Any characters, taken exactly as they are; not a common password, and not"
        " one that contains the email address",
    ),
]
# What was once a password may be anything, so that the answer is the same for every wrong one.
GivenSecret = Annotated[str, Meta(min_length=1, max_length=1024)]
Token = Annotated[str, Meta(min_length=1, max_length=200)]
RoleName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_-]{1,49}$(?!\n)",
        description="student, instructor, manager, admin, super_admin, or a custom role",
    ),
]
Roles = Annotated[
    tuple[RoleName, ...],
    Meta(min_length=1, max_length=20, description="`teacher` and `user` are taken as aliases"),
]
FactorKind = Literal["totp", "passkey"]
MailPurpose = Literal["reset-password", "verify-email"]
Status = Literal["active", "suspended", "erased"]
Visibility = Literal["public", "academy", "private"]


class Secretive:
    """A body with secrets, which are never shown, whoever prints it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"
