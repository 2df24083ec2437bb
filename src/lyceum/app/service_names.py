"""The services of the program and the domains that each carries; `--services` chooses among them.

Not here: the domains themselves (`services`), which take a second to import.
"""

SERVICES: dict[str, tuple[str, ...]] = {
    "identity": ("users",),
    "customers": ("customers",),
    "learning": ("courses", "discussions", "packages"),
    "assessments": ("assessments",),
    "webhooks": ("webhooks",),
    "audit": ("audit",),
}


class UnknownService(Exception):
    """`--services` names a service that there is not."""


def domains_of(services: str) -> tuple[str, ...]:
    """Return the domains of a comma-separated list of services; `all` is every one."""
    names = [name.strip() for name in services.split(",") if name.strip()]
    if names == ["all"]:
        names = list(SERVICES)
    unknown = [name for name in names if name not in SERVICES]
    if unknown or not names:
        known = ", ".join(["all", *SERVICES])
        raise UnknownService(f"no service {', '.join(unknown) or services!r}; there are {known}")
    return (*(domain for name in names for domain in SERVICES[name]), "jobs")
