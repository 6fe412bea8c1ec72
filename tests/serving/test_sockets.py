"""Binding all ports or none."""

from __future__ import annotations

import socket

import pytest

from aura.serving.sockets import CannotBind, bind_all


def port_of(one: socket.socket) -> int:
    return int(one.getsockname()[1])


def test_sockets_listen_and_are_of_the_protocol_that_asyncio_looks_for() -> None:
    (one,) = bind_all("127.0.0.1", [("api", "AURA_SERVER_PORT", 0)])
    with one:
        assert one.proto == socket.IPPROTO_TCP
        socket.create_connection(("127.0.0.1", port_of(one)), timeout=30).close()


def test_a_port_in_use_frees_those_already_bound() -> None:
    (free,) = bind_all("127.0.0.1", [("api", "AURA_SERVER_PORT", 0)])
    number = port_of(free)
    free.close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = [
            ("api", "AURA_SERVER_PORT", number),
            ("gateway", "AURA_GATEWAY_PORT", port_of(taken)),
        ]
        with pytest.raises(CannotBind, match=r"\(gateway\).*in use; set AURA_GATEWAY_PORT"):
            bind_all("127.0.0.1", wanted)
    (again,) = bind_all("127.0.0.1", [("api", "AURA_SERVER_PORT", number)])
    again.close()


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("203.0.113.9", "AURA_SERVER_HOST: 203.0.113.9 is not an address of this machine"),
        ("not a host", "AURA_SERVER_HOST: not a host is not an address"),
    ],
)
def test_a_wrong_host_names_its_setting(host: str, sentence: str) -> None:
    with pytest.raises(CannotBind, match=sentence):
        bind_all(host, [("api", "AURA_SERVER_PORT", 0)])


def test_a_name_with_both_families_is_bound_by_ipv4() -> None:
    (one,) = bind_all("localhost", [("api", "AURA_SERVER_PORT", 0)])
    with one:
        assert one.family == socket.AF_INET
