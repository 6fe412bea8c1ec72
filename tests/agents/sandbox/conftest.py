"""One sandbox for the tests of a file; each test has a namespace of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import httpx
import pytest

from tests.agents.sandbox.running import Running, sandbox

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Running]:
    with sandbox() as running:
        yield running


@pytest.fixture
def namespace(cluster: Running) -> str:
    name = f"test-{next(_numbers)}"
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest.fixture
def http(cluster: Running) -> Iterator[httpx.Client]:
    """A client with all rights."""
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}"}
    with httpx.Client(base_url=cluster.url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def viewer(cluster: Running) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {cluster.tokens['viewer']}"}
    with httpx.Client(base_url=cluster.url, headers=headers, timeout=60) as client:
        yield client
