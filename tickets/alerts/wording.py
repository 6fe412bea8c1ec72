"""How an alert reads as a ticket: title, description, priority. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tickets.alerts.messages import Incoming
from tickets.models import DESCRIPTION_CHARS, TITLE_CHARS, Priority

# The labels that Prometheus' exporters and kube-state-metrics use for one thing, likeliest first.
NAMESPACE: Final = ("namespace", "exported_namespace", "kubernetes_namespace")
WORKLOAD: Final = (
    "deployment",
    "statefulset",
    "daemonset",
    "workload",
    "job_name",
    "exported_pod",
    "pod",
    "service",
    "app",
)
SEVERITY: Final = ("severity", "priority", "urgency")
PRIORITIES: Final[Mapping[str, Priority]] = {
    **dict.fromkeys(("critical", "page", "disaster", "p1", "emergency"), Priority.CRITICAL),
    **dict.fromkeys(("error", "high", "major", "p2"), Priority.HIGH),
    **dict.fromkeys(("info", "information", "none", "low", "p4", "p5"), Priority.LOW),
}
EXPLAINS: Final = ("summary", "description", "message", "runbook_url", "__value_string__")
MOST_LISTED: Final = 20  # alerts of a group that are told one by one


def title(alerts: Sequence[Incoming]) -> str:
    """What a list of tickets shows."""
    first = alerts[0]
    said = first.annotations.get("summary") or target(first)
    more = f" (and {len(alerts) - 1} more)" if len(alerts) > 1 else ""
    words = f"{first.name}: {said}" if said and said != first.name else first.name
    return f"{' '.join(words.split())[: TITLE_CHARS - len(more)]}{more}"


def priority(alerts: Sequence[Incoming]) -> Priority:
    """The highest that an alert of the group has."""
    found = {_priority(alert) for alert in alerts}
    ranked = (Priority.CRITICAL, Priority.HIGH, Priority.MEDIUM, Priority.LOW)
    return next(each for each in ranked if each in found)


def _priority(alert: Incoming) -> Priority:
    said = next((alert.labels[name] for name in SEVERITY if name in alert.labels), "")
    return PRIORITIES.get(said.strip().lower(), Priority.MEDIUM)


def target(alert: Incoming) -> str:
    """What the alert is about, as far as its labels say: `checkout in namespace shop`."""
    workload = _first(alert, WORKLOAD)
    namespace = _first(alert, NAMESPACE)
    if not namespace:
        return workload
    return f"{workload} in namespace {namespace}" if workload else f"namespace {namespace}"


def description(alerts: Sequence[Incoming]) -> str:
    """The wish first, as a person would put it, then everything that the alerts say."""
    about = target(alerts[0]) or " ".join(alerts[0].name.split())
    parts = [f"Find out what is wrong with {about}, and mend it."]
    parts += [_told(alert) for alert in alerts[:MOST_LISTED]]
    if len(alerts) > MOST_LISTED:
        parts.append(f"And {len(alerts) - MOST_LISTED} more alerts of the same group.")
    return "\n\n".join(parts)[:DESCRIPTION_CHARS]


def _told(alert: Incoming) -> str:
    since = f", firing since {alert.since}" if alert.since else ""
    lines = [f"Alert {alert.name} of {alert.source.value}{since}"]
    explained = [name for name in EXPLAINS if name in alert.annotations]
    lines += [f"{name}: {alert.annotations[name]}" for name in explained]
    rest = sorted(alert.annotations.keys() - {*EXPLAINS})
    lines += [f"{name}: {alert.annotations[name]}" for name in rest]
    lines += [f"{name}={alert.labels[name]}" for name in sorted(alert.labels)]
    if alert.link:
        lines.append(f"link: {alert.link}")
    return "\n".join(lines)


def _first(alert: Incoming, names: Sequence[str]) -> str:
    """In one line: what follows the first line of a description is the alert's own words."""
    said = next((alert.labels[name] for name in names if alert.labels.get(name)), "")
    return " ".join(said.split())
