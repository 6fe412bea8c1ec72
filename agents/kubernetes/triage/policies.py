"""Which network policies shut a pod in."""

from __future__ import annotations

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import namespace_of, part, parts
from agents.kubernetes.triage.snapshot import Snapshot


def denying(snapshot: Snapshot, pod: Object) -> list[Object]:
    """The policies that select a pod for egress, where all of them together allow little.

    A pod that a policy selects may do only what some policy allows; one with an empty rule allows
    everything.
    """
    own = [it for it in snapshot.all("NetworkPolicy") if _selects(it, pod, snapshot.namespace)]
    own = [it for it in own if "Egress" in _types(it)]
    if any(_allows_all(it) for it in own):
        return []
    return [it for it in own if not parts(it, "spec", "egress")] or own


def _selects(policy: Object, pod: Object, namespace: str) -> bool:
    if namespace_of(policy) not in ("", namespace):
        return False
    selector = part(policy, "spec", "podSelector")
    wanted = part(selector, "matchLabels").items()
    labels = part(pod, "metadata", "labels")
    return wanted <= labels.items() and all(
        _fits(it, labels) for it in parts(selector, "matchExpressions")
    )


def _fits(said: Object, labels: Object) -> bool:
    key, values = str(said.get("key")), said.get("values") or []
    match said.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "DoesNotExist":
            return key not in labels
        case _:
            return key in labels


def _types(policy: Object) -> list[str]:
    said = part(policy, "spec").get("policyTypes")
    return (
        said
        if isinstance(said, list)
        else ["Ingress", *(["Egress"] if "egress" in part(policy, "spec") else [])]
    )


def _allows_all(policy: Object) -> bool:
    return any(
        not rule.get("to") and not rule.get("ports") for rule in parts(policy, "spec", "egress")
    )
