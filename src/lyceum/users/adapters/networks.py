"""Networks in CIDR notation: their stored form, and whether an address is in one."""

import ipaddress
from collections.abc import Iterable

from lyceum.platform import errors


def normalise_networks(given: Iterable[str]) -> list[str]:
    """Return networks in their one spelling, once each; ValidationFailed names a wrong one."""
    found: list[str] = []
    for index, text in enumerate(given):
        try:
            found.append(str(ipaddress.ip_network(text, strict=False)))
        except ValueError as problem:
            raise errors.ValidationFailed(
                "", errors.FieldError(f"/networks/{index}", "This is no address and no network")
            ) from problem
    return list(dict.fromkeys(found))


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Return whether an address is in one of the networks; an IPv4 address in IPv6 dress is one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in ipaddress.ip_network(network) for network in networks)
