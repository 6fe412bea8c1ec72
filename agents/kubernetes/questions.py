"""Without a model: which looks answer a question. Plain rules over its words, or no answer."""

from __future__ import annotations

import re
from typing import Any, Final

from agents.definition import Wanted
from agents.kubernetes import suspects
from agents.kubernetes.targets import ALL, registered
from agents.runtime.tool import ToolFailure
from governance.inventory import NOTHING, Inventory


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_ORDER: Final = re.compile(
    r"\s*(?:please\s+|can you\s+|could you\s+)?"
    r"(?:delete|remove|kill|restart|scale|cordon|uncordon|drain|roll\s?back|deploy"
    r"|roll\s?out(?! history| status))\b",
    re.IGNORECASE,
)
_NAMED: Final = (
    r"\b{kind}\s+(?:named\s+|called\s+)?[\"'`]?(?P<name>[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)"
)
# What may follow the word for a kind and is no name.
_NO_NAMES: Final = _words(
    """
    a all an and any are at by crashing crashloop do does down failing for from has have in is it
    keeps logs named not of on or pending ready restarting running status that the there to up
    usage was were which who why with
    """
)

# words -> the look that answers; the first rule of which a word is in the sentence
_LOOKS: Final[tuple[tuple[str, str], ...]] = (
    ("ingress ingresses", "get_ingresses"),
    ("quota quotas", "get_resource_quotas"),
    ("pvc pvcs claim claims volume volumes storage", "get_pvcs"),
    ("endpoint endpoints", "get_endpoints"),
    ("service services svc", "get_service"),
    ("event events happened happening warning warnings", "get_events"),
    ("cronjob cronjobs", "get_cronjobs"),
    ("job jobs", "get_jobs"),
    ("statefulset statefulsets", "get_statefulsets"),
    ("daemonset daemonsets", "get_daemonsets"),
    ("usage cpu memory consume consumption resources", "get_pod_resources"),
    ("deployment deployments rollout rolled replica replicas scaled", "get_deployments"),
    ("image images deployed tag version", "get_deployments"),
)
_LOGS: Final = _words("log logs output")
_GENERAL: Final = _words(
    """
    alive answer answers fine health healthy ok okay overview reachable respond state status
    summary up
    """
)
_TROUBLE: Final = _words(
    """
    crash crashing crashloop crashloopbackoff oom oomkilled pending restarting restarts failing
    failed broken wrong unhealthy down why problem problems trouble evicted imagepullbackoff
    notready ready
    """
)
_PODS: Final = _words(
    """
    pod pods container containers running workload workloads
    """
)


def calls_for(question: str) -> tuple[Wanted, ...]:
    """(tool, arguments) of the looks that answer; none where the words do not tell."""
    if _ORDER.match(question):
        return ()
    try:
        inventory = registered()
    except ToolFailure:
        return ()
    words = [word.strip("./-").lower() for word in _WORD.findall(question)]
    place = _place(question, words, inventory)
    return (
        _about_nodes(question, set(words), place)
        or _about_trouble(question, set(words), place)
        or _about_one(question, set(words), place)
        or _about_many(set(words), place)
        or _about_all(set(words), place)
    )


def _about_trouble(question: str, words: set[str], place: dict[str, str]) -> tuple[Wanted, ...]:
    """Why something fails: a namespace is judged, or a workload wherever it runs."""
    namespace = place.get("namespace", "")
    if not namespace or not suspects.asks_why(question, words):
        return ()
    asked = {key: value for key, value in place.items() if value != ALL}
    workload = suspects.named(question, but={namespace, *place.values()})
    if workload:
        asked["workload"] = workload
    return (("triage_namespace", asked),) if workload or "namespace" in asked else ()


def targets() -> list[str]:
    """The ids of the clusters that can be asked about."""
    try:
        return list(registered().k8s_clusters)
    except ToolFailure:
        return []


def _place(question: str, words: list[str], inventory: Inventory) -> dict[str, str]:
    """`namespace` and `context` as far as they are said."""
    found: dict[str, str] = {}
    clusters = {name for key, it in inventory.k8s_clusters.items() for name in (key, it.context)}
    said = suspects.namespace_of(question, but=clusters)
    homes = [*inventory.db_servers, *sorted(inventory.namespaces)]
    mentioned = next((home for home in homes if home.lower() in words), "")
    if said:
        found["namespace"] = said
    elif mentioned:
        found["namespace"] = mentioned
    elif inventory == NOTHING or len(inventory.k8s_clusters) == 1:
        found["namespace"] = ALL
    asked = [
        key
        for key, it in inventory.k8s_clusters.items()
        if {key.lower(), it.context.lower()} & set(words)
    ]
    if len(asked) == 1 and mentioned not in inventory.db_servers:
        found["context"] = asked[0]
        found.setdefault("namespace", ALL)
    return found


def _named(question: str, kind: str) -> str:
    """The name after the word for a kind, e.g. that of a pod."""
    for match in re.finditer(_NAMED.format(kind=kind), question):
        if match["name"] not in _NO_NAMES:
            return match["name"]
    return ""


def _about_nodes(question: str, words: set[str], place: dict[str, str]) -> tuple[Wanted, ...]:
    version = "version" in words and words & {"k8s", "kubernetes"}
    if not version and not words & {"node", "nodes"}:
        return ()
    where = {key: value for key, value in place.items() if key == "context"}
    name = _named(question, "node")
    one: dict[str, Any] = {"node_name": name} if name else {}
    return (("get_nodes", where), ("get_node_status", {**where, **one}))


def _about_one(question: str, words: set[str], place: dict[str, str]) -> tuple[Wanted, ...]:
    """One pod, deployment or service; it must be said in which namespace."""
    if place.get("namespace", ALL) == ALL:
        return ()
    if pod := _named(question, "pod"):
        if words & _LOGS:
            return (("get_pod_logs", {**place, "pod_name": pod}),)
        return (("describe_pod", {**place, "pod_name": pod}),)
    if deployment := _named(question, "deployment"):
        tool = "get_rollout_history" if _of_history(words) else "describe_deployment"
        return ((tool, {**place, "deployment": deployment}),)
    if service := _named(question, "service"):
        return (("describe_service", {**place, "service_name": service}),)
    return ()


def _of_history(words: set[str]) -> bool:
    return bool(words & {"history", "revision", "revisions", "before", "previous", "deployed"})


def _about_many(words: set[str], place: dict[str, str]) -> tuple[Wanted, ...]:
    if not place.get("namespace"):
        return ()
    for signs, tool in _LOOKS:
        if words & set(signs.split()):
            kind = {"event_type": "Warning"} if words & {"warning", "warnings"} else {}
            return ((tool, {**place, **(kind if tool == "get_events" else {})}),)
    if words & (_PODS | _TROUBLE | _LOGS):
        pods: Wanted = ("get_pods", place)
        warnings: Wanted = ("get_events", {**place, "event_type": "Warning"})
        return (pods, warnings) if words & _TROUBLE else (pods,)
    return ()


def _about_all(words: set[str], place: dict[str, str]) -> tuple[Wanted, ...]:
    """How a cluster or a namespace is, when nothing in particular is asked."""
    namespace = place.get("namespace")
    if not namespace or not words & _GENERAL:
        return ()
    cluster = {key: value for key, value in place.items() if key == "context"}
    nodes: tuple[Wanted, ...] = (("get_nodes", cluster),) if namespace == ALL else ()
    if namespace != ALL:
        return (("triage_namespace", place), ("get_pods", place))
    return (*nodes, ("get_pods", place), ("get_events", {**place, "event_type": "Warning"}))
