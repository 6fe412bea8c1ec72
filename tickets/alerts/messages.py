"""What Alertmanager, Grafana and PagerDuty send, read into one shape. Pure.

Formats: Alertmanager webhook version 4 (Grafana's contact point "webhook" sends the same with more
keys), and PagerDuty's V3 webhook subscriptions, of which the events of incidents matter here.
Nothing that looks like a credential comes further than this.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from aura.kernel.errors import ValidationFailed
from aura.kernel.secrets import redact
from governance.audit.canonical import storable

MOST: Final = 1000  # alerts of one message
CHARS: Final = 4000  # of one label or annotation
MOST_WORDS: Final = 100  # labels, or annotations, of one alert
KEY_CHARS: Final = 200

FIRES: Final = frozenset({"incident.triggered", "incident.reopened"})
RESOLVES: Final = frozenset({"incident.resolved"})


class Source(StrEnum):
    """Who sends."""

    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    PAGERDUTY = "pagerduty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One alert of a message. `group`: what its sender notifies of together, in 64 characters."""

    source: Source
    fingerprint: str
    group: str
    firing: bool
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    link: str = ""
    since: str = ""


def read(source: Source, body: Any) -> tuple[Incoming, ...]:
    """The alerts of a message; none where it is about something else. Raises `ValidationFailed`."""
    if not isinstance(body, dict):
        raise _invalid("body", "Must be a JSON object")
    kept = storable(body)
    return tuple(_incident(kept) if source is Source.PAGERDUTY else _alerts(source, kept))


def _alerts(source: Source, body: Mapping[str, Any]) -> Iterator[Incoming]:
    alerts = body.get("alerts")
    if not isinstance(alerts, list):
        raise _invalid("alerts", "Must be a list, as Alertmanager's webhook sends it")
    if len(alerts) > MOST:
        raise _invalid("alerts", f"Must hold at most {MOST}: set max_alerts at the receiver")
    group = str(body.get("groupKey") or "")
    for place, alert in enumerate(alerts):
        yield _alert(source, alert, group, f"alerts.{place}")


def _alert(source: Source, alert: Any, group: str, where: str) -> Incoming:
    if not isinstance(alert, dict):
        raise _invalid(where, "Must be an object")
    status = alert.get("status")
    if status not in ("firing", "resolved"):
        raise _invalid(f"{where}.status", "Must be firing or resolved")
    labels = _words(alert.get("labels"), f"{where}.labels")
    # Alertmanager before 0.19 sends none; the labels are what it is made of.
    fingerprint = str(alert.get("fingerprint") or _digest(labels))[:KEY_CHARS]
    return Incoming(
        source=source,
        fingerprint=fingerprint,
        group=_digest(group or fingerprint),
        firing=status == "firing",
        name=_clean(labels.get("alertname") or "Alert"),
        labels=_cleaned(labels),
        annotations=_cleaned(_words(alert.get("annotations"), f"{where}.annotations")),
        link=_clean(str(alert.get("generatorURL") or "")),
        since=str(alert.get("startsAt") or "")[:KEY_CHARS],
    )


def _incident(body: Mapping[str, Any]) -> Iterator[Incoming]:
    event = body.get("event")
    if not isinstance(event, dict) or not isinstance(event.get("data"), dict):
        raise _invalid("event", "Must be an event with its data, as PagerDuty's V3 webhooks are")
    kind, data = str(event.get("event_type")), event["data"]
    if kind not in FIRES | RESOLVES:
        return  # acknowledged, annotated and the like; `pagey.ping` tests the connection
    number = str(data.get("id") or "")[:KEY_CHARS]
    if not number:
        raise _invalid("event.data.id", "Must name the incident")
    priority = data.get("priority")
    said = {
        "service": _summary(data.get("service")),
        "urgency": str(data.get("urgency") or ""),
        "priority": _summary(priority),
        "incident_key": str(data.get("incident_key") or ""),
    }
    yield Incoming(
        source=Source.PAGERDUTY,
        fingerprint=number,
        group=_digest(number),
        firing=kind in FIRES,
        name=_clean(str(data.get("title") or "PagerDuty incident")),
        labels=_cleaned({name: value for name, value in said.items() if value}),
        link=_clean(str(data.get("html_url") or "")),
        since=str(data.get("created_at") or "")[:KEY_CHARS],
    )


def _summary(reference: Any) -> str:
    """How PagerDuty names what it refers to."""
    return str(reference.get("summary") or "") if isinstance(reference, dict) else ""


def _words(said: Any, where: str) -> dict[str, str]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise _invalid(where, "Must be an object of texts")
    if len(said) > MOST_WORDS:
        raise _invalid(where, f"Must hold at most {MOST_WORDS}")
    return {str(name): str(value) for name, value in said.items()}


def _cleaned(words: Mapping[str, str]) -> dict[str, str]:
    """Without credentials, then cut. Each is read as a line `name: value`: beside `token` what
    looks random goes, and the name of a Secret in the label `secret` stays.
    """
    clean = {}
    for name, value in words.items():
        said = redact(name)
        rest = redact(f"{name}: {value}").removeprefix(f"{said}: ")
        clean[said[:KEY_CHARS]] = rest[:CHARS]
    return clean


def _clean(text: str) -> str:
    return redact(text)[:CHARS]


def _digest(said: object) -> str:
    text = said if isinstance(said, str) else json.dumps(said, sort_keys=True)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _invalid(field_name: str, why: str) -> ValidationFailed:
    return ValidationFailed("This is not an alert of this kind", details={field_name: [why]})
