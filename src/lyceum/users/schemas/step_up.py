"""What goes over the wire when somebody proves once more who they are."""

from datetime import datetime

from msgspec import UNSET, UnsetType

from lyceum.platform.wire import Output
from lyceum.users.schemas.fields import GivenSecret
from lyceum.users.schemas.mfa import FactorProof


class StepUp(FactorProof, frozen=True, kw_only=True):
    """A proof of who is there: the password, or a second factor of whoever has one."""

    password: GivenSecret | UnsetType = UNSET


class SteppedUpView(Output, frozen=True, kw_only=True):
    """Until when the proof counts."""

    fresh_until: datetime
