"""The address of a client: `X-Forwarded-For` counts as far as proxies of ours wrote it."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings

from aura.kernel.clients import address, address_of_scope, client, counted
from aura.serving.bridge import environ_of
from tests.scopes import http_scope

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("127.0.0.1/32"))


@pytest.fixture
def behind_proxies(settings: Any) -> None:
    settings.AURA = settings.AURA.model_copy(update={"trusted_proxies": PROXIES})


def scope(peer: str, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return http_scope(client=(peer, 40000), headers=headers)


def test_without_trusted_proxies_the_header_counts_for_nothing() -> None:
    assert settings.AURA.trusted_proxies == ()
    meta = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}
    assert address(meta) == "127.0.0.1"


@pytest.mark.usefixtures("behind_proxies")
@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        # What stands left of the client's own address was sent by the client.
        ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "127.0.0.1, 10.0.0.7, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        # Not from a proxy of ours: the header is the client's invention.
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        # Nobody but proxies: the first of them asks for itself.
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        # A hop that is no address tells nothing, and nothing behind it can be believed.
        ("10.0.0.1", "1.2.3.4, unknown", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, _hidden, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "0x7f000001", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
        ("10.0.0.1", "2001:db8::9", "2001:db8::9"),
        ("fd00::1", "2001:DB8:0::9", "2001:db8::9"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_client_is_the_right_most_address_that_is_no_proxy_of_ours(
    peer: str, forwarded: str, found: str
) -> None:
    assert address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}) == found
    asgi = scope(peer, forwarded)
    assert address_of_scope(asgi) == found
    assert address(environ_of(asgi, b"")) == found


@pytest.mark.usefixtures("behind_proxies")
def test_a_header_sent_twice_is_one_list() -> None:
    asgi = scope("10.0.0.1", "1.2.3.4", "203.0.113.9", "10.0.0.2")
    assert address_of_scope(asgi) == address(environ_of(asgi, b"")) == "203.0.113.9"


@pytest.mark.usefixtures("behind_proxies")
def test_a_header_spelt_with_an_underscore_is_not_the_header() -> None:
    asgi = {**scope("10.0.0.1"), "headers": [(b"x_forwarded_for", b"203.0.113.9")]}
    assert address_of_scope(asgi) == address(environ_of(asgi, b"")) == "10.0.0.1"


def test_a_socket_without_an_address_has_none() -> None:
    assert address_of_scope({**scope("x"), "client": None}) == ""


def test_a_chain_is_followed_to_its_end_whatever_its_length() -> None:
    assert client("10.0.0.1", ",".join(["10.0.0.2"] * 2000), PROXIES) == "10.0.0.2"


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_address_counts_as_its_64_bit_network(text: str, group: str) -> None:
    assert counted(text) == group
