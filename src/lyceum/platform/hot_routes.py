"""Finds the hot routes by method and number of segments, before the router is asked."""

from collections.abc import Sequence

from lyceum.platform.http import Endpoint, RequestInfo


class HotRoutes:
    """A table of few routes; a literal segment wins over a parameter."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._by_shape: dict[tuple[str, int], list[tuple[Endpoint, list[str | None]]]] = {}
        for endpoint in endpoints:
            segments = [
                None if part.startswith("{") else part for part in endpoint.route.path.split("/")
            ]
            shape = (endpoint.route.method, len(segments))
            self._by_shape.setdefault(shape, []).append((endpoint, segments))
        for candidates in self._by_shape.values():
            candidates.sort(key=lambda item: item[1].count(None))

    def find(self, request: RequestInfo) -> Endpoint | None:
        """Return the endpoint for the request and set its path values, or None."""
        parts = request.path.split("/")
        for endpoint, segments in self._by_shape.get((request.method, len(parts)), ()):
            values = []
            for part, segment in zip(parts, segments, strict=True):
                if segment is None and part:
                    values.append(part)
                elif part != segment:
                    break
            else:
                request.path_values = tuple(values)
                return endpoint
        return None
