"""The networks that are not part of the public internet, as IANA's registries had them on 1 November 2025.

Python's ``ipaddress`` has such a table too, which differs from one version to the next: 3.11 takes all of 192.0.0.8 to
192.0.0.169 for public, where a cloud keeps its machines' metadata. So the table here is our own. Its sources are:

- https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml
- https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry.xhtml
- https://www.iana.org/assignments/multicast-addresses/multicast-addresses.xhtml
- https://www.iana.org/assignments/ipv6-address-space/ipv6-address-space.xhtml

A row of the registries whose column "Globally Reachable" says True is public, unless it lies in a larger network that
is not (192.0.0.9 reaches the nearest router), or its addresses lead to IPv4 addresses (NAT64).
"""

from __future__ import annotations

import ipaddress

__all__ = ["NOT_PUBLIC", "is_public"]

NOT_PUBLIC: dict[str, str] = {
    "0.0.0.0/8": "this network (RFC 791)",
    "10.0.0.0/8": "private use (RFC 1918)",
    "100.64.0.0/10": "shared address space of providers (RFC 6598)",
    "127.0.0.0/8": "loopback (RFC 1122)",
    "168.63.129.16/32": "Azure's own services, on every machine there; not of IANA: "
    "https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16",
    "169.254.0.0/16": "link local (RFC 3927), where clouds keep the metadata of machines",
    "172.16.0.0/12": "private use (RFC 1918)",
    "192.0.0.0/24": "IETF protocol assignments (RFC 6890): dual-stack lite, port control, TURN, NAT64 discovery",
    "192.0.2.0/24": "documentation, TEST-NET-1 (RFC 5737)",
    "192.88.99.0/24": "relays of 6to4, deprecated (RFC 7526), and of 6a44 (RFC 6751)",
    "192.168.0.0/16": "private use (RFC 1918)",
    "198.18.0.0/15": "benchmarking (RFC 2544)",
    "198.51.100.0/24": "documentation, TEST-NET-2 (RFC 5737)",
    "203.0.113.0/24": "documentation, TEST-NET-3 (RFC 5737)",
    "224.0.0.0/4": "multicast (RFC 5771)",
    "240.0.0.0/4": "reserved (RFC 1112), and limited broadcast (RFC 8190)",
    "::/3": "outside the global addresses: unspecified, loopback, IPv4-mapped and -compatible, NAT64 (64:ff9b::/96, "
    "64:ff9b:1::/48), discard-only (100::/64), dummy prefix (100:0:0:1::/64)",
    "2001::/23": "IETF protocol assignments (RFC 2928): Teredo, port control, benchmarking, ORCHID, drone identifiers",
    "2001:db8::/32": "documentation (RFC 3849)",
    "2002::/16": "6to4 (RFC 3056): an IPv4 address is in it",
    "3fff::/20": "documentation (RFC 9637)",
    "4000::/2": "outside the global addresses: segment routing (5f00::/16, RFC 9602)",
    "8000::/1": "outside the global addresses: unique local (fc00::/7, RFC 4193), link local (fe80::/10, RFC 4291), "
    "site local (fec0::/10, RFC 3879), multicast (ff00::/8, RFC 4291)",
}
"""Each network, and what it is for."""

ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
"""The middle of an IPv6 address with an IPv4 address in it (RFC 5214), which any network may have."""

_RANGES = [
    (network.version, int(network.network_address), int(network.broadcast_address))
    for network in map(ipaddress.ip_network, NOT_PUBLIC)
]


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an address is on the public internet.

    An IPv6 address that carries an IPv4 address is not, because it may lead to a private one.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.packed[8:12] in ISATAP:
        return False
    number = int(address)
    return not any(address.version == version and first <= number <= last for version, first, last in _RANGES)
