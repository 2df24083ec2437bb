"""What goes over the wire when somebody proves once more who they are."""

from datetime import datetime

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.fields import GivenSecret, Secretive


class StepUp(Secretive, Input, frozen=True, kw_only=True):
    """A proof of who is there."""

    password: GivenSecret


class SteppedUpView(Output, frozen=True, kw_only=True):
    """Until when the proof counts."""

    fresh_until: datetime
