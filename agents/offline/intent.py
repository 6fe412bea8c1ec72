"""What a ticket asks for, as a value. Later words win: `merged` adds an answer or a feedback."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from agents.offline.values import Image


class Action(StrEnum):
    """What is to happen to an application."""

    DEPLOY = "deploy"
    SCALE = "scale"
    IMAGE = "image"
    CONFIGURE = "configure"
    REMOVE = "remove"


class Slot(StrEnum):
    """A part of an intent that can be missing, wrong, or left out on purpose."""

    ACTION = "action"
    NAME = "name"
    IMAGE = "image"
    VERSION = "version"
    REPLICAS = "replicas"
    PORT = "port"
    NAMESPACE = "namespace"
    HOST = "host"
    ENVIRONMENT = "environment"
    ENV = "env"
    RESOURCES = "resources"
    SECRET = "secret"  # noqa: S105 - the name of a slot
    CONTAINER = "container"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the text that must not be written, and why; `why` is a sentence for a person."""

    slot: Slot
    why: str


Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A ticket as slots; None or empty is "not said".

    `software` is a key of the catalogue, `hint` an image that may be meant, `newest` the wish for
    whatever is newest. `rivals` are other applications that the text asks for. `by` is a relative
    number of replicas. `resources` are pairs such as ("limits.memory", "512Mi"). `unmet` are wishes
    that were seen and are not carried out. `without` and `accepted` are slots that a person left
    out or agreed to.
    """

    action: Action | None = None
    name: str | None = None
    rivals: tuple[str, ...] = ()
    software: str | None = None
    image: Image | None = None
    version: str | None = None
    newest: bool = False
    hint: Image | None = None
    replicas: int | None = None
    by: int | None = None
    port: int | None = None
    namespace: str | None = None
    host: str | None = None
    environments: tuple[str, ...] = ()
    env: Pairs = ()
    unset: tuple[str, ...] = ()
    resources: Pairs = ()
    in_configmap: bool = False
    container: str | None = None
    unmet: tuple[str, ...] = ()
    without: frozenset[Slot] = frozenset()
    accepted: frozenset[Slot] = frozenset()
    faults: tuple[Fault, ...] = ()

    @property
    def slots(self) -> frozenset[Slot]:
        """The slots that the text fills with a usable value."""
        filled = {
            Slot.IMAGE: self.image or self.version,
            Slot.VERSION: self.image or self.version,
            Slot.REPLICAS: self.replicas is not None or self.by,
            Slot.PORT: self.port,
            Slot.NAMESPACE: self.namespace,
            Slot.HOST: self.host,
            Slot.ENVIRONMENT: self.environments,
            Slot.ENV: self.env or self.unset,
            Slot.RESOURCES: self.resources,
            Slot.CONTAINER: self.container,
        }
        return frozenset(slot for slot, value in filled.items() if value)

    @property
    def empty(self) -> bool:
        """True when the text said nothing that this planner understands."""
        return self == Intent(unmet=self.unmet, newest=self.newest, hint=self.hint)

    def fault(self, slot: Slot | None = None) -> Fault | None:
        """The first thing that is wrong (with `slot`)."""
        return next((f for f in self.faults if slot in (None, f.slot)), None)


def merged(base: Intent, later: Intent) -> Intent:
    """`base` as amended by `later`: said again is said anew, and mends what was wrong."""
    mended = later.slots | later.without | later.accepted | ({Slot.NAME} if later.name else set())
    kept = (f for f in base.faults if f.slot not in mended)
    image, version = _image(base, later)
    counted = later if later.replicas is not None or later.by is not None else base
    both = Intent(
        action=_action(base, later),
        name=later.name or base.name,
        rivals=later.rivals if later.name else base.rivals or later.rivals,
        software=later.software or base.software,
        image=image,
        version=version,
        newest=base.newest or later.newest,
        hint=base.hint or later.hint,
        replicas=counted.replicas,
        by=counted.by,
        port=later.port or base.port,
        namespace=later.namespace or base.namespace,
        host=later.host or base.host,
        environments=later.environments or base.environments,
        env=_pairs(base.env, later.env, dropped=later.unset),
        unset=_unset(base, later),
        resources=_pairs(base.resources, later.resources),
        in_configmap=later.in_configmap or base.in_configmap,
        container=later.container or base.container,
        unmet=tuple(dict.fromkeys([*base.unmet, *later.unmet])),
        without=(base.without - later.slots) | later.without,
        accepted=base.accepted | later.accepted,
        faults=tuple(dict.fromkeys([*kept, *later.faults])),
    )
    left_out = [_LEFT_OUT[slot] for slot in later.without if slot in _LEFT_OUT]
    return replace(both, **{key: value for fields in left_out for key, value in fields.items()})


_LEFT_OUT: dict[Slot, dict[str, Any]] = {
    Slot.HOST: {"host": None},
    Slot.PORT: {"port": None},
    Slot.NAMESPACE: {"namespace": None},
    Slot.ENVIRONMENT: {"environments": ()},
    Slot.ENV: {"env": (), "unset": ()},
    Slot.RESOURCES: {"resources": ()},
    Slot.REPLICAS: {"replicas": None, "by": None},
}


def _action(base: Intent, later: Intent) -> Action | None:
    """Feedback such as "use 3 replicas" leaves a deployment a deployment."""
    if base.action is None or later.action is Action.REMOVE:
        return later.action or base.action
    return base.action


def _image(base: Intent, later: Intent) -> tuple[Image | None, str | None]:
    """A new image forgets the old version, and a new version the old tag."""
    image = later.image or base.image
    version = later.version or (None if later.image and later.image.pinned else base.version)
    if later.version and later.image is None and image is not None:
        image = image.tagged(later.version)
    return image, version


def _pairs(base: Pairs, later: Pairs, *, dropped: tuple[str, ...] = ()) -> Pairs:
    pairs = dict(base) | dict(later)
    return tuple((key, value) for key, value in pairs.items() if key not in dropped)


def _unset(base: Intent, later: Intent) -> tuple[str, ...]:
    given = {name for name, _ in later.env}
    return tuple(dict.fromkeys(n for n in [*base.unset, *later.unset] if n not in given))
