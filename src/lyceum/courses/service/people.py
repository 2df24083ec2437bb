"""Finding the person whom the staff of a course names, by id or by address."""

from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader
from lyceum.users import api as users


async def get_person(
    tx: Reader, actor: Actor, user_id: UUID | None, email: str | None
) -> users.Person:
    """Return the active person of an id or an address; ValidationFailed for none, or for both.

    The actor's right to name people was checked: it is the same as to add them.
    """
    if (user_id is None) == (email is None):
        raise facts.invalid("/", "Send either userId or email")
    if user_id is not None:
        pointer, person = "/userId", await users.find_person(tx, user_id)
    else:
        pointer, person = "/email", await users.find_person_by_email(tx, email or "")
    if person is None or person.status != "active":
        raise facts.invalid(pointer, "There is no such person in the academy")
    return person
