"""What may go wrong on a route that is nobody's bug: by its own word, and by its kind.

Not here: the document that tells it (`openapi`).
"""

from lyceum.platform import errors
from lyceum.platform.routing import PUBLIC, Route


def facts_of(route: Route) -> list[type[errors.Fact]]:
    """Return the facts that a route may answer with, each once."""
    found: list[type[errors.Fact]] = [*route.facts, errors.RateLimitExceeded]
    found += [errors.ServiceUnavailable, errors.DatabaseUnreachable]
    if route.access is not PUBLIC or "actor" in route.wants:
        found += [errors.Unauthorized, errors.TokenExpired, errors.TokenInvalid]
    if route.access is not PUBLIC:
        found.append(errors.Forbidden)
    if route.own_pages_only:
        found.append(errors.CrossSite)
    if route.method != "GET":
        found.append(errors.Conflict)
    if "if_match" in route.wants:
        found.append(errors.PreconditionFailed)
    if route.needs_if_match:
        found.append(errors.PreconditionRequired)
    return list(dict.fromkeys([*found, *_input_facts(route)]))


def _input_facts(route: Route) -> list[type[errors.Fact]]:
    """Return what may be wrong with the address, the query, the body and the idempotency key."""
    found: list[type[errors.Fact]] = []
    if route.path_type is not None:
        found += [errors.NotFound, errors.Deleted]
    if route.query_type is not None:
        found.append(errors.UriTooLong)
    if route.path_type is not None or route.query_type is not None or route.body_type is not None:
        found += [errors.ValidationFailed, errors.InvalidInput]
    if route.is_idempotent_post:
        found.append(errors.InvalidInput)
    if route.body_type is not None or route.upload_media_types:
        found += [errors.PayloadTooLarge, errors.UnsupportedMediaType, errors.InvalidFormat]
    return found
