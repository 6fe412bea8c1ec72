"""Which Host and Origin headers are ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura.kernel.origins import own_host, own_origin

HOSTS = ["localhost", "127.0.0.1", "[::1]"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:3000", "localhost.", "127.0.0.1:80", "[::1]", "[::1]:3000"]
)
def test_a_host_of_ours_may_name_a_port(host):
    assert own_host(host, HOSTS)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "xlocalhost", "localhost.evil.example", "127.0.0.11", "[::2]"]
)
def test_any_other_host_is_foreign(host):
    assert not own_host(host, HOSTS)


def test_who_sends_no_origin_is_no_page():
    assert own_origin(None, host="localhost:3000", allowed=())


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://localhost:3000"])
def test_a_page_of_the_same_place_is_ours(origin):
    assert own_origin(origin, host="localhost:3000", allowed=())


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://localhost", "http://localhost:30000", "localhost:3000", "http://[", "//"],
)
def test_any_other_page_is_foreign(origin):
    assert not own_origin(origin, host="localhost:3000", allowed=())


def test_a_listed_origin_is_compared_whole():
    listed = ("https://a.example",)
    assert own_origin("https://a.example", host="localhost", allowed=listed)
    assert not own_origin("https://a.example:8443", host="localhost", allowed=listed)


@given(st.text())
def test_no_header_makes_the_check_fail(text):
    assert own_origin(text, host="localhost", allowed=()) in {True, False}
    assert own_host(text, HOSTS) in {True, False}
