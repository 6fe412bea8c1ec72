"""Events of a namespace or an object, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from pydantic import Field

from agents.kubernetes import listing
from agents.kubernetes.client import Cluster, Listed
from agents.kubernetes.failures import ClusterError
from agents.kubernetes.kinds import EVENT, Object
from agents.kubernetes.reading import at, name_of, namespace_of, number, part, text, uid_of
from agents.kubernetes.targets import AnyNamespaceArguments, OptionalName
from agents.kubernetes.words import age, cell, plain, table
from agents.runtime.tool import ToolResult
from aura.kernel.secrets import redact

MOST_OF_ONE: Final = 25  # events in the description of an object


class EventsArguments(AnyNamespaceArguments):
    resource_name: OptionalName = Field(
        default="", description="Only events about the object of this name, e.g. a pod"
    )
    event_type: Literal["", "Normal", "Warning"] = Field(
        default="", description="Only events of this type"
    )


def get_events(arguments: EventsArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{events: […], count, message?}`, newest first."""
    wanted = {"involvedObject.name": arguments.resource_name, "type": arguments.event_type}
    fields = ",".join(f"{key}={value}" for key, value in wanted.items() if value)
    found = cluster.list(EVENT, namespace, fields=fields)
    return answer(found, cluster, namespace)


def answer(found: Listed, cluster: Cluster, namespace: str) -> ToolResult:
    """Events as an answer."""
    newest = Listed(items=sorted(found.items, key=last_seen, reverse=True), more=found.more)
    return listing.answer(
        "events",
        newest,
        row,
        columns={
            "LAST SEEN": lambda row: age(row["last_seen"]),
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "TYPE": "type",
            "REASON": "reason",
            "OBJECT": "object",
            "COUNT": "count",
            "MESSAGE": "message",
        },
        empty="" if found.items else listing.nothing(cluster, EVENT, namespace),
    )


def row(event: Object) -> dict[str, Any]:
    """An event as data; times as the API has them."""
    about = part(event, "involvedObject")
    return {
        "type": text(event, "type"),
        "reason": text(event, "reason"),
        "message": redact(plain(text(event, "message"))),
        "object": f"{text(about, 'kind').lower()}/{text(about, 'name')}",
        "namespace": namespace_of(event),
        "source": text(event, "source", "component") or text(event, "reportingComponent"),
        "first_seen": text(event, "firstTimestamp") or last_seen(event),
        "last_seen": last_seen(event),
        "count": max(number(event, "count"), number(event, "series", "count"), 1),
    }


def last_seen(event: Object) -> str:
    """When it came last: events are of two generations, each with times of its own."""
    times = (
        at(event, "series", "lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event.get("firstTimestamp"),
        at(event, "metadata", "creationTimestamp"),
    )
    return next((str(time) for time in times if time), "")


def section(cluster: Cluster, obj: Object) -> str:
    """The events about an object, as the last part of its description."""
    # A kubelet writes the name of its node where the uid belongs.
    exact = f"uid={uid_of(obj)}" if namespace_of(obj) else f"kind={text(obj, 'kind')}"
    fields = f"involvedObject.name={name_of(obj)},involvedObject.{exact}"
    try:
        found = cluster.list(EVENT, namespace_of(obj), fields=fields)
    except ClusterError as error:
        return f"Events: cannot be shown. {error.diagnosis}"
    return words(found.items)


def words(events: Iterable[Object]) -> str:
    """Events in lines, newest first."""
    newest = sorted(events, key=last_seen, reverse=True)
    if not newest:
        return "Events: none"
    shown = [row(event) for event in newest[:MOST_OF_ONE]]
    lines = table(
        ("TYPE", "REASON", "AGE", "FROM", "MESSAGE"),
        (
            (
                it["type"],
                it["reason"],
                age(it["last_seen"]) + (f" (x{it['count']})" if it["count"] > 1 else ""),
                it["source"],
                cell(it["message"]),
            )
            for it in shown
        ),
    )
    older = f"\n… and {len(newest) - len(shown)} older" if len(newest) > len(shown) else ""
    return f"Events:\n{lines}{older}"
