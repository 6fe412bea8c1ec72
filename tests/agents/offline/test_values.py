"""The checks that everything from a ticket must pass before it is written."""

from __future__ import annotations

import pytest

from agents.offline import credentials, values
from agents.offline.values import Image

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("nginx", Image("nginx")),
        ("nginx:1.27", Image("nginx", "1.27")),
        ("ghcr.io/acme/web:2.3.1", Image("ghcr.io/acme/web", "2.3.1")),
        ("registry:5000/web:1", Image("registry:5000/web", "1")),
        ("localhost/web", Image("localhost/web")),
        (f"a/b@{DIGEST}", Image("a/b", None, DIGEST)),
        (f"a/b:1@{DIGEST}", Image("a/b", "1", DIGEST)),
    ],
)
def test_image_references_are_taken_apart(text: str, image: Image) -> None:
    assert values.parse_image(text) == image
    assert str(image) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nginx",
        "a//b",
        "/a",
        "a/",
        "a:",
        "a:b:c",
        "-a",
        "a b",
        "a;b",
        "../a",
        "a@sha256:1",
        "a\n",
    ],
)
def test_what_is_no_image_reference_is_none(text: str) -> None:
    assert values.parse_image(text) is None


def test_names_are_dns_labels_that_begin_with_a_letter() -> None:
    assert all(map(values.is_name, ["a", "web", "web-2", "a" * 63]))
    for bad in ("", "1a", "-a", "a-", "A", "a_b", "a.b", "a" * 64, "a\n", "é"):
        assert not values.is_name(bad)


def test_hosts_have_at_least_two_labels() -> None:
    assert values.is_host("web.example.com")
    for bad in ("web", "a..b", "-a.b", "a.b-", "1.2.3.4", "a_b.c", "a." + "b" * 64, "A.b"):
        assert not values.is_host(bad)


@pytest.mark.parametrize(
    ("text", "quantity"),
    [("512Mi", "512Mi"), ("512 MiB", "512Mi"), ("1GB", "1G"), ("1.5Gi", "1.5Gi"), ("64KB", "64k")],
)
def test_memory_is_written_as_kubernetes_does(text: str, quantity: str) -> None:
    assert values.memory(text) == quantity


def test_other_quantities_are_none() -> None:
    assert values.memory("much") is None
    assert values.memory("0Mi") is None
    assert values.cpu("0") is None
    assert values.cpu("250m") == "250m"


def test_quantities_compare() -> None:
    sizes = [values.amount(text) or 0 for text in ("500m", "1", "1000M", "1Gi")]
    assert sizes == sorted(set(sizes))
    assert values.amount("lots") is None


@pytest.mark.parametrize(
    "name",
    ["PASSWORD", "DB_PASSWORD", "dbPassword", "API_KEY", "SECRET_TOKEN", "JWT_SECRET", "DB_PASS"],
)
def test_names_of_credentials_are_known(name: str) -> None:
    assert credentials.is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["PASSWORD_FILE", "TOKEN_TTL", "KEYBOARD", "COMPASS", "PRIMARY_KEY_NAME", "LOG_LEVEL"]
)
def test_names_of_other_things_are_not(name: str) -> None:
    assert not credentials.is_secret_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "the password comes from a sealed secret",
        "the token is expired",
        "password: ${PASSWORD}",
        "secret web-db-2",
    ],
)
def test_talking_of_credentials_is_none(text: str) -> None:
    assert credentials.strip(text, cut="|") == (text, False)


def test_what_is_shown_of_foreign_text_is_one_short_line() -> None:
    assert values.shown("a\x1b[31m\nb" + "c" * 99) == "a [31m b" + "c" * 51 + "…"
