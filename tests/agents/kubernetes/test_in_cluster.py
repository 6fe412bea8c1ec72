"""Aura in a pod: the mounted token and CA, over TLS, and a token that is renewed in its file."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from agents.kubernetes import client
from agents.runtime.tool import ToolFailure
from agents.sandbox.options import User
from tests.agents.kubernetes.conftest import Desk
from tests.agents.sandbox.running import sandbox

CLUSTERS = {"k8s_clusters": {"here": {"context": "in-cluster", "tags": ["internal"]}}}


@pytest.fixture
def mounted(tmp_path: Path, configure, register, monkeypatch):
    """What a kubelet puts into a pod; a desk, and the file of the token."""
    from kubernetes.config import incluster_config

    with sandbox(tls=True) as running:
        said = yaml.safe_load(running.kubeconfig.read_text())["clusters"][0]["cluster"]
        address = urlsplit(running.url)
        token, authority = tmp_path / "token", tmp_path / "ca.crt"
        token.write_text("sandbox-admin")
        authority.write_bytes(base64.b64decode(said["certificate-authority-data"]))
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", address.hostname)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
        monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
        monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
        configure(kubeconfig="")
        register(CLUSTERS)
        yield Desk(running), token
    client._wires._open.clear()  # no other test runs in a pod


def test_the_mounted_account_is_used_and_its_renewed_token_too(mounted):
    desk, token = mounted
    tokens = desk.running.cluster.options.tokens

    assert desk.run("get_nodes").data["count"] == 3

    tokens["a-renewed-token"] = tokens.pop("sandbox-admin")
    with pytest.raises(
        ToolFailure, match="does not accept the credentials of context 'in-cluster'"
    ):
        desk.run("get_nodes")
    token.write_text("a-renewed-token")
    assert desk.run("get_nodes").data["count"] == 3

    tokens["a-reader"] = User(name="reader")
    token.write_text("a-reader")
    tokens.pop("a-renewed-token")
    with pytest.raises(ToolFailure, match="RBAC forbids it: reader may not list nodes"):
        desk.run("get_nodes")
