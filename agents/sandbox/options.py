"""How one sandbox is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_HOST = "127.0.0.1"
# An image whose tag or name contains one of these is in no registry.
MISSING_IMAGES = ("does-not-exist", "broken", "nonexistent", "no-such")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who a token is: the name and groups that role bindings speak of."""

    name: str
    groups: tuple[str, ...] = ()


def default_tokens() -> dict[str, User]:
    return {
        "sandbox-admin": User(name="admin", groups=("system:masters",)),
        "sandbox-edit": User(name="editor", groups=("sandbox:editors",)),
        "sandbox-view": User(name="viewer", groups=("sandbox:viewers",)),
        "sandbox-none": User(name="nobody"),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """The Git repository an application is made for at the start: one a directory of `path`."""

    url: str
    revision: str = "HEAD"
    path: str = ""  # "" for one application a directory that holds manifests
    namespace: str = "default"
    auto_sync: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`pace_s` is how long a container takes to become ready; every other delay follows from it."""

    pace_s: float = 1.0
    poll_s: float = 3.0  # between two looks of Argo CD at its repositories
    nodes: int = 2  # workers, beside the control plane
    node_cpu: str = "8"
    node_memory: str = "16Gi"
    version: str = "1.33"
    tokens: dict[str, User] = field(default_factory=default_tokens)
    argo_tokens: dict[str, str] = field(
        default_factory=lambda: {"argocd-admin": "admin", "argocd-readonly": "readonly"}
    )
    argo_password: str = "sandbox"  # noqa: S105 - of a cluster that exists in memory only
    missing_images: tuple[str, ...] = MISSING_IMAGES
    follow: Follow | None = None
    git_cache: Path | None = None  # where clones are kept; a temporary directory otherwise
    seeded: bool = True
    namespaces: tuple[str, ...] = ()  # there from the start, beside those of every cluster
    tls: bool = False  # kubectl sends its token over TLS alone
