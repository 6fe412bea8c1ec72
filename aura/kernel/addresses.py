"""Which addresses are on the public internet. Pure.

`ipaddress.is_global` alone is no guard: it holds for multicast, for deprecated ranges, and for
addresses of IPv6 in which an IPv4 address of this very machine is wrapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
# Beside what `is_global` knows in every version of Python that we run on.
NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # RFC 6890: protocol assignments
        "192.88.99.0/24",  # RFC 7526: anycast of 6to4 relays
        "2001::/23",  # RFC 2928: protocol assignments, Teredo among them
        "3fff::/20",  # RFC 9637: documentation
    )
)
# What a name on the allow-list may not lead to either, such as the metadata of cloud machines.
NEVER_BY_NAME = tuple(
    ip_network(text)
    for text in ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/128", "fe80::/10", "ff00::/8")
)


def is_public(address: Address) -> bool:
    """Is this address, and every one wrapped in it, one of the public internet?"""
    return all(_is_public(face) for face in faces(address))


def faces(address: Address) -> Iterator[Address]:
    """The addresses that a packet to `address` may end at: itself, or what is wrapped in it."""
    if isinstance(address, IPv4Address):
        yield address
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in NAT64:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    else:
        yield address
        if address.sixtofour is not None:
            yield address.sixtofour
        yield from address.teredo or ()


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return not any(address in network for network in NOT_PUBLIC)
