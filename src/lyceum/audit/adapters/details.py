"""The details of an entry: a payload as text, redacted and salted, and whom it names."""

import os
import re
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.platform import redaction

MOST_SUBJECTS: Final = 200
_UUID: Final = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")


def redacted_details(payload: Any, *people: UUID | None) -> dict[str, Any]:
    """Return the fields of a new entry that tell the payload."""
    body = msgspec.json.encode(redaction.clean(payload)).decode()
    named = [str(person) for person in people if person is not None]
    named += _UUID.findall(body)
    subjects = [UUID(text) for text in dict.fromkeys(named)]
    return {"salt": os.urandom(16), "body": body, "subject_ids": subjects[:MOST_SUBJECTS]}
