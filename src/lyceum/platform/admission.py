"""Who may knock at a route at all. Not here: what the use case behind it decides."""

from typing import Protocol

from lyceum.platform import errors
from lyceum.platform.access import READ_SELF, WRITE_SELF, Actor
from lyceum.platform.routing import IN_PERSON, PUBLIC, SERVICE, SIGNED_IN, Route


class Caller(Protocol):
    """The part of a request that is looked at; `denial` is why the credentials that were sent make
    nobody an actor, `is_foreign` says that a page of another site made the browser send it."""

    actor: Actor
    denial: errors.Fact | None
    is_foreign: bool


def admit(route: Route, caller: Caller) -> None:
    """Raise Unauthorized or Forbidden unless the caller may knock."""
    if route.own_pages_only and caller.is_foreign:
        raise errors.CrossSite("A page of another site may not ask for this.")
    if route.access is PUBLIC and "actor" not in route.wants:
        return
    if caller.denial is not None:
        raise caller.denial
    if route.access is PUBLIC:
        return
    actor = caller.actor
    if route.access is SERVICE:
        if actor.service is None:
            raise errors.Unauthorized("This is for services, which sign their requests.")
        return
    actor.require_user()
    if actor.impersonator_id is not None and (route.access is IN_PERSON or not route.only_reads):
        raise errors.Forbidden("You act as somebody else, and may only look.")
    if route.access is IN_PERSON and actor.session_id is None:
        raise errors.Forbidden("This takes a person who is signed in, not a key.")
    if route.access is SIGNED_IN and actor.scopes is not None:
        actor.require(READ_SELF if route.only_reads else WRITE_SELF)


def ways_in(route: Route) -> tuple[str, ...]:
    """Return the security schemes that open a route; an empty name is for no credentials."""
    if route.access is SERVICE:
        return ("signed",)
    if route.access is IN_PERSON:
        return ("bearer", "cookie")
    if route.access is not PUBLIC:
        return ("bearer", "cookie", "apiKey")
    return ("", "bearer", "cookie", "apiKey") if "actor" in route.wants else ()
