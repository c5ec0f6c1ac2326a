"""The addresses that are public: every row of IANA's registries, to the address, whatever Python's own table says."""

from __future__ import annotations

import ipaddress
from itertools import pairwise

import pytest

from cloudai import FetchRules
from cloudai.core.networks import NOT_PUBLIC, is_public

ROWS = [
    *("0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/31"),
    *("192.0.2.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
    *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "168.63.129.16/32"),
    *("::1/128", "::/128", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64"),
    *("2001::/23", "2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32"),
    *("2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16", "3fff::/20"),
    *("5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
]
"""The registries' rows that must not be reached, and the Azure address that is of no registry."""

REACHABLE = ["192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24", "2620:4f:8000::/48"]
"""Rows that stand alone, and whose column "Globally Reachable" says True."""

BORDERS = {
    *("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"),
    *("168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"),
    *("191.255.255.255", "192.0.1.0", "192.0.1.255", "192.0.3.0", "192.88.98.255", "192.88.100.0"),
    *("192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0"),
    *("203.0.112.255", "203.0.114.0", "223.255.255.255"),
    *("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
    *("2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    *("3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"),
}
"""The public addresses right before and right after a network that is not."""


@pytest.mark.parametrize("row", ROWS)
def test_no_address_of_a_row_is_public(row: str) -> None:
    """The first, the last, and one in the middle of each row of the registries."""
    network = ipaddress.ip_network(row)
    middle = ipaddress.ip_address((int(network.network_address) + int(network.broadcast_address)) // 2)
    for address in (network.network_address, middle if network.version == middle.version else network[0], network[-1]):
        assert not is_public(address), address
        assert not FetchRules().allows(str(address))


@pytest.mark.parametrize("row", REACHABLE)
def test_what_the_registries_call_reachable_is_public(row: str) -> None:
    """Rows of special purpose that are part of the internet all the same."""
    network = ipaddress.ip_network(row)
    assert is_public(network[0])
    assert is_public(network[-1])


@pytest.mark.parametrize("address", sorted(BORDERS))
def test_the_neighbours_of_a_row_are_public(address: str) -> None:
    """The address before the first and after the last is public."""
    assert is_public(ipaddress.ip_address(address))


def test_the_borders_are_where_these_tests_look() -> None:
    """Every border of the table is one of the addresses above: no network is wider, or narrower, than it should be."""
    found = set()
    for version, size in ((4, 32), (6, 128)):
        ranges = sorted(
            (int(net.network_address), int(net.broadcast_address))
            for net in map(ipaddress.ip_network, NOT_PUBLIC)
            if net.version == version
        )
        make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
        assert ranges[0][0] == 0
        assert ranges[-1][1] == 2**size - 1
        for (_, last), (first, _) in pairwise(ranges):
            assert first > last  # none lies in another
            if first > last + 1:
                found |= {str(make(last + 1)), str(make(first - 1))}
    assert found == {str(ipaddress.ip_address(address)) for address in BORDERS}


@pytest.mark.parametrize(
    "address", ["2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_an_address_within_an_address_is_not_public(address: str) -> None:
    """It may lead to a private one."""
    assert not is_public(ipaddress.ip_address(address))


def test_pythons_own_table_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It differs from one version to the next."""

    def asked(_: object) -> bool:
        raise AssertionError

    for kind in (ipaddress.IPv4Address, ipaddress.IPv6Address):
        for name in ("is_global", "is_private", "is_reserved", "is_multicast"):
            monkeypatch.setattr(kind, name, property(asked))
    assert is_public(ipaddress.ip_address("8.8.8.8"))
    assert not is_public(ipaddress.ip_address("192.0.0.192"))
