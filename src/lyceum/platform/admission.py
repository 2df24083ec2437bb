"""Who may knock at a route at all. Not here: what the use case behind it decides."""

from lyceum.platform import errors
from lyceum.platform.access import READ_SELF, WRITE_SELF, Actor
from lyceum.platform.routing import IN_PERSON, PUBLIC, SERVICE, SIGNED_IN, Route


def admit(route: Route, actor: Actor, denial: errors.Fact | None) -> None:
    """Raise Unauthorized or Forbidden unless the actor may knock at a route that is not public.

    `denial` is why the credentials that were sent make nobody an actor.
    """
    if denial is not None:
        raise denial
    if route.access is SERVICE:
        if actor.service is None:
            raise errors.Unauthorized("This is for services, which sign their requests.")
        return
    actor.require_user()
    if route.access is IN_PERSON and actor.session_id is None:
        raise errors.Forbidden("This takes a person who is signed in, not a key.")
    if route.access is SIGNED_IN and actor.scopes is not None:
        actor.require(READ_SELF if route.only_reads else WRITE_SELF)


def ways_in(route: Route) -> tuple[str, ...]:
    """Return the security schemes that open a route; an empty name is for no credentials."""
    if route.access is SERVICE:
        return ("signed",)
    if route.access is IN_PERSON:
        return ("bearer",)
    if route.access is not PUBLIC:
        return ("bearer", "apiKey")
    return ("", "bearer", "apiKey") if "actor" in route.wants else ()
