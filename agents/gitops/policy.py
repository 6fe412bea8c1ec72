"""The operator's own rules for manifests, beyond what is plainly wrong (`AURA_MANIFEST_*`).

What stood in a file before a change is told as a warning: a ticket that sets a number of replicas
is not refused for an image that was never pinned (`changes.judged`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from agents.gitops import apis, containers
from agents.gitops.issues import Issue
from agents.gitops.manifests import Manifest

if TYPE_CHECKING:
    from aura.config import Settings

# Rules whose errors are warnings where the file broke them before.
INHERITED: Final = ("policy.", "schemas.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`refuse`: warnings of these names are errors (`image`, `limits`, `namespace`, `deprecated`,
    `version`). `limits`: containers without a memory limit are told of. `namespaces`: the only ones
    allowed; empty: all. `release`: of the cluster.
    """

    refuse: frozenset[str] = frozenset()
    limits: bool = False
    forbidden: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    release: apis.Release = apis.NEWEST

    @classmethod
    def from_settings(cls, settings: Settings) -> Policy:
        """What the operator configured."""
        version = settings.k8s_version
        return cls(
            refuse=frozenset(settings.manifest_refuse),
            limits=True,
            forbidden=frozenset(kind.casefold() for kind in settings.manifest_forbidden_kinds),
            namespaces=frozenset(settings.manifest_namespaces),
            release=apis.release(version) if version else apis.NEWEST,
        )

    def check(self, m: Manifest) -> Iterator[Issue]:
        """Issues of one object."""
        yield from self._version(m)
        if self.limits:
            yield from containers.without_limits(m)
        if m.kind.casefold() in self.forbidden:
            yield m.issue("error", "kind", "objects of this kind are forbidden", "kind", of=_POLICY)
        given = m.text("metadata", "namespace")
        if given and not self.allows(given):
            yield m.issue("error", "namespace", self.outside(given), *_NAMESPACE, of=_POLICY)

    def allows(self, namespace: str) -> bool:
        return not self.namespaces or namespace in self.namespaces

    def outside(self, namespace: str) -> str:
        """Why a namespace is refused."""
        allowed = ", ".join(sorted(self.namespaces))
        return f"namespace {namespace} is not among those allowed ({allowed})"

    def _version(self, m: Manifest) -> Iterator[Issue]:
        api_version = m.text("apiVersion")
        row = apis.retired(api_version, m.kind)
        if row is None or self.release < row.deprecated:
            return
        instead = f"; use {row.instead}" if row.instead else ""
        if row.removed and self.release >= row.removed:
            message = f"{api_version} is gone since Kubernetes {apis.shown(row.removed)}{instead}"
            yield m.issue("error", "removed", message, "apiVersion", of=_POLICY)
        else:
            message = f"deprecated since Kubernetes {apis.shown(row.deprecated)}{instead}"
            yield m.issue("warning", "deprecated", f"{api_version} is {message}", "apiVersion")

    def judged(self, issues: Sequence[Issue]) -> list[Issue]:
        """The issues, with those that the operator wants refused as errors of the policy."""
        return [self._judged(issue) for issue in issues]

    def _judged(self, issue: Issue) -> Issue:
        validator, _, name = issue.rule.partition(".")
        if issue.severity != "warning" or validator != "kubernetes" or name not in self.refuse:
            return issue
        return replace(issue, severity="error", rule=f"{_POLICY}.{name}")


_POLICY: Final = "policy"
_NAMESPACE: Final = ("metadata", "namespace")
