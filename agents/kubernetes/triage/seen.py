"""What is counted over several objects, as lines that evidence can cite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.kubernetes.kinds import Object
from agents.kubernetes.podstate import ready
from agents.kubernetes.reading import conditions, part, text


def matches(selector: Mapping[str, object], labels: Mapping[str, object]) -> bool:
    """Whether a plain selector (`app: web`) fits labels. An empty one fits nothing."""
    return bool(selector) and selector.items() <= labels.items()


def is_ready(pod: Object) -> bool:
    """Whether its condition Ready is true; without one, whether all its containers are ready."""
    if text(pod, "metadata", "deletionTimestamp"):
        return False
    said = {kind: status for kind, status, _ in conditions(pod)}
    if "Ready" in said:
        return said["Ready"] == "True"
    have, want = ready(pod)
    return have == want > 0


def service_line(service: Object, behind: Sequence[Object], pods: int) -> str:
    """`selector app=web: 2 of 12 pods match, 0 of them ready`"""
    selector = part(service, "spec", "selector")
    wanted = ",".join(f"{key}={value}" for key, value in selector.items())
    up = sum(map(is_ready, behind))
    return f"selector {wanted}: {len(behind)} of {pods} pods match, {up} of them ready"
