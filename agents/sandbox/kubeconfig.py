"""The kubeconfig of a running sandbox: one context a token."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from agents.sandbox.options import User

CLUSTER = "aura-sandbox"


def kubeconfig(
    url: str, tokens: Mapping[str, User], *, user: str = "admin", authority: str = ""
) -> dict[str, Any]:
    """Contexts are named `aura-sandbox` for `user` and `aura-sandbox-NAME` for each token's user.

    `authority` is the PEM of the certificate to trust, "" without TLS.
    """
    named = {each.name: token for token, each in tokens.items()}
    contexts = {CLUSTER: user} | {f"{CLUSTER}-{name}": name for name in named}
    cluster = {"server": url}
    if authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority.encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CLUSTER,
        "clusters": [{"name": CLUSTER, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}} for name, token in named.items()],
        "contexts": [
            {"name": name, "context": {"cluster": CLUSTER, "user": who, "namespace": "default"}}
            for name, who in contexts.items()
        ],
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a kubeconfig that its owner alone can read, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        yaml.safe_dump(content, file, sort_keys=False)
    temporary.replace(path)
