"""What a namespace was like at one moment: objects, events, logs. Rules read nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, TypeVar, cast

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import at, name_of, namespace_of, part, text
from agents.kubernetes.triage import certificates, facts
from agents.kubernetes.triage.happened import Event, place
from agents.kubernetes.triage.seen import matches, service_line
from agents.kubernetes.words import moment, plain
from agents.triage.findings import Evidence
from aura.kernel.secrets import redact

T = TypeVar("T")
LogKey = tuple[str, str, str, bool]  # namespace, pod, container, previous
EVENTS: Final = "events"
OBJECTS: Final = "objects"
LINE_CHARS: Final = 1000  # of a log
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CLUSTER_WIDE: Final = frozenset(
    {
        "clusterrole",
        "clusterrolebinding",
        "customresourcedefinition",
        "ingressclass",
        "namespace",
        "node",
        "persistentvolume",
        "priorityclass",
        "storageclass",
        "validatingwebhookconfiguration",
        "mutatingwebhookconfiguration",
        "apiservice",
    }
)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """`kinds`: those that were read completely, so that what is not here is not there; `absent`:
    the places of single objects that were looked for in vain.

    `missing`: what could not be read, each with what to run. Sources of evidence: `events`,
    `objects` (the names of all), `kind/namespace/name` (an object's facts), the same with ` seen`
    (for a Service: the pods it selects), `log/namespace/pod/container` with ` previous` after it.
    """

    namespace: str
    taken_at: datetime
    items: tuple[Object, ...]
    events: tuple[Event, ...] = ()
    logs: Mapping[LogKey, tuple[str, ...]] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    _made: dict[object, object] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(  # noqa: PLR0913 - what may be recorded of a namespace
        cls,
        objects: Iterable[Object],
        *,
        namespace: str = "",
        events: Iterable[Object] = (),
        logs: Mapping[LogKey, str] | None = None,
        kinds: Iterable[str] | None = None,
        absent: Iterable[str] = (),
        missing: Iterable[str] = (),
        taken_at: datetime | None = None,
    ) -> Snapshot:
        """Of plain JSON: objects (Lists are opened, Events may be among them) and texts.

        `kinds` are the kinds that are complete; by default those of which there is an object.
        Without `taken_at` it is the latest time that anything here speaks of.
        """
        opened = [_public(item) for obj in objects for item in _opened(obj)]
        said = [*(it for it in opened if it.get("kind") == "Event"), *events]
        items = tuple(it for it in opened if it.get("kind") != "Event" and name_of(it))
        happened = tuple(map(Event.of, (event for it in said for event in _opened(it))))
        return cls(
            namespace=namespace or _usual_namespace(items),
            taken_at=taken_at or _latest(items, happened),
            items=items,
            events=happened,
            logs={key: log_lines(log) for key, log in (logs or {}).items()},
            kinds=frozenset(kinds if kinds is not None else (text(it, "kind") for it in items)),
            absent=frozenset(absent),
            missing=tuple(missing),
        )

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[Object, ...]]:
        found: dict[str, list[Object]] = {}
        for item in self.items:
            found.setdefault(text(item, "kind"), []).append(item)
        return {kind: tuple(items) for kind, items in found.items()}

    @cached_property
    def _by_place(self) -> Mapping[str, Object]:
        return {self.place(item): item for item in self.items}

    @cached_property
    def _events_of(self) -> Mapping[str, tuple[Event, ...]]:
        found: dict[str, list[Event]] = {}
        for event in self.events:
            found.setdefault(self.usual(event.about), []).append(event)
        return {about: tuple(events) for about, events in found.items()}

    def once(self, make: Callable[[Snapshot], T]) -> T:
        """What a function makes of this snapshot, made once."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast(T, self._made[make])

    def all(self, *kinds: str) -> Iterator[Object]:
        """The objects of these kinds, e.g. `Pod`."""
        for kind in kinds:
            yield from self._by_kind.get(kind, ())

    def find(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """An object by its name; in the snapshot's own namespace unless another is said."""
        wide = kind.lower() in _CLUSTER_WIDE
        where = "" if wide else namespace or self.namespace
        return self._by_place.get(place(kind, where, name))

    def lacks(self, kind: str, name: str, namespace: str = "") -> bool:
        """Whether it is known that there is no such object."""
        elsewhere = namespace and namespace != self.namespace
        known = kind in self.kinds and not elsewhere
        known = known or place(kind, namespace or self.namespace, name) in self.absent
        return bool(name) and known and self.find(kind, name, namespace) is None

    def place(self, obj: Object) -> str:
        """`pod/shop/web-1`: how findings and evidence name an object."""
        kind, where = text(obj, "kind"), namespace_of(obj)
        wide = kind.lower() in _CLUSTER_WIDE
        return place(kind, "" if wide else where or self.namespace, name_of(obj))

    def usual(self, about: str) -> str:
        """The name of what an event is of, as `place` has it."""
        kind, *rest = about.split("/")
        if kind in _CLUSTER_WIDE or len(rest) > 1 or not self.namespace:
            return place(kind, "", rest[-1]) if kind in _CLUSTER_WIDE and rest else about
        return place(kind, self.namespace, rest[-1] if rest else "")

    def events_of(self, obj: Object | str, *reasons: str) -> tuple[Event, ...]:
        """Events about an object, of these reasons where some are said; newest last."""
        about = obj if isinstance(obj, str) else self.place(obj)
        found = (it for it in self._events_of.get(about, ()) if not reasons or it.reason in reasons)
        return tuple(sorted(found, key=lambda it: it.last or NEVER))

    def log(self, pod: Object, container: str, *, previous: bool = False) -> tuple[str, ...]:
        """The lines of a log; none where it was not read."""
        where = namespace_of(pod) or self.namespace
        return self.logs.get((where, name_of(pod), container, previous), ())

    def since(self, stamp: object) -> float:
        """Seconds from a time of the API to the snapshot; infinite where it is none."""
        then = moment(stamp) if isinstance(stamp, str) else None
        return (self.taken_at - then).total_seconds() if then else float("inf")

    # -- evidence

    def fact(self, obj: Object, *path: str) -> tuple[Evidence, ...]:
        """One field of an object as proof; nothing where it is not said."""
        line = facts.fact(obj, *path)
        return (Evidence(source=self.place(obj), line=line),) if line else ()

    def facts(self, obj: Object, *paths: tuple[str, ...]) -> tuple[Evidence, ...]:
        return tuple(evidence for path in paths for evidence in self.fact(obj, *path))

    def listed(self, obj: Object) -> tuple[Evidence, ...]:
        """That the object is there."""
        return (Evidence(source=OBJECTS, line=self.place(obj)),)

    def happened(self, *events: Event) -> tuple[Evidence, ...]:
        return tuple(Evidence(source=EVENTS, line=event.line) for event in events)

    def written(
        self, pod: Object, container: str, *lines: str, previous: bool = False
    ) -> tuple[Evidence, ...]:
        """Lines of a log as proof."""
        where = namespace_of(pod) or self.namespace
        source = log_source((where, name_of(pod), container, previous))
        return tuple(Evidence(source=source, line=line) for line in lines)

    def text(self, source: str) -> str:
        """All lines of a source; "" for one that is not here."""
        if source == EVENTS:
            return "\n".join(event.line for event in self.events)
        if source == OBJECTS:
            return "\n".join(map(self.place, self.items))
        if source.startswith("log/"):
            return "\n".join(self._log_texts.get(source, ()))
        if source.endswith(_SEEN):
            return self._seen.get(source.removesuffix(_SEEN), "")
        obj = self._by_place.get(source)
        return "\n".join(facts.flat(obj)) if obj else ""

    @cached_property
    def _log_texts(self) -> Mapping[str, tuple[str, ...]]:
        return {log_source(key): lines for key, lines in self.logs.items()}

    @cached_property
    def _behind(self) -> Mapping[str, tuple[Object, ...]]:
        labelled = [(it, part(it, "metadata", "labels")) for it in self.all("Pod")]
        found = {}
        for service in self.all("Service"):
            selector = part(service, "spec", "selector")
            own = (pod for pod, labels in labelled if matches(selector, labels))
            found[self.place(service)] = tuple(own)
        return found

    def behind(self, service: Object) -> tuple[Object, ...]:
        """The pods that a Service selects."""
        return self._behind.get(self.place(service), ())

    @cached_property
    def _seen(self) -> Mapping[str, str]:
        pods = len(self._by_kind.get("Pod", ()))
        services = (it for it in self.all("Service") if at(it, "spec", "selector"))
        return {self.place(it): service_line(it, self.behind(it), pods) for it in services}

    def seen(self, service: Object) -> tuple[Evidence, ...]:
        """How many pods the selector of a Service matches, as proof."""
        about = self.place(service)
        line = self._seen.get(about)
        return (Evidence(source=about + _SEEN, line=line),) if line else ()


_SEEN: Final = " seen"


def log_source(key: LogKey) -> str:
    """How evidence names a log."""
    namespace, pod, container, previous = key
    return f"log/{namespace}/{pod}/{container}" + (" previous" if previous else "")


def _public(obj: Object) -> Object:
    """Secrets without their values, from the first on."""
    return certificates.public(obj) if obj.get("kind") == "Secret" else obj


def _opened(obj: Object) -> Iterator[Object]:
    """The items of a List, or the object itself; items of a typed list learn their kind."""
    items = obj.get("items")
    if not isinstance(items, list):
        if isinstance(obj, dict):
            yield obj
        return
    kind = text(obj, "kind").removesuffix("List")
    for item in items:
        if isinstance(item, dict):
            yield item if item.get("kind") or not kind else {**item, "kind": kind}


def log_lines(log: str) -> tuple[str, ...]:
    """The lines of a log as rules read them: cut, for patterns take long over long lines."""
    return tuple(line[:LINE_CHARS] for line in redact(plain(log)).splitlines())


def _usual_namespace(items: tuple[Object, ...]) -> str:
    """That of most objects."""
    counted: dict[str, int] = {}
    for item in items:
        if where := namespace_of(item):
            counted[where] = counted.get(where, 0) + 1
    return max(counted, key=lambda it: counted[it], default="default")


def _latest(items: tuple[Object, ...], events: tuple[Event, ...]) -> datetime:
    stamps = [event.last for event in events if event.last]
    for item in items:
        told = [
            at(item, "metadata", "creationTimestamp"),
            at(item, "metadata", "deletionTimestamp"),
        ]
        for row in at(item, "status", "conditions") or ():
            told += [at(row, key) for key in ("lastTransitionTime", "lastHeartbeatTime")]
        for status in at(item, "status", "containerStatuses") or ():
            told += [
                at(status, state, which, key)
                for state in ("state", "lastState")
                for which in ("running", "terminated")
                for key in ("startedAt", "finishedAt")
            ]
        stamps += [stamp for stamp in map(moment, told) if stamp]
    return max((it for it in stamps if it.tzinfo), default=NEVER)
