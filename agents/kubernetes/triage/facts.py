"""Objects as facts, one a line: `status.containerStatuses[web].state.waiting.reason: ErrImagePull`.

Elements of a list go by their name or type where they have one, by their place otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from agents.kubernetes.kinds import Object
from aura.kernel.secrets import redact
from aura.kernel.text import cut

_LABELS: Final = ("name", "type")
_HIDDEN: Final = frozenset({"managedFields", "kubectl.kubernetes.io/last-applied-configuration"})
MOST: Final = 500  # characters of a value


def line(path: str, value: object) -> str:
    """A fact without what passes for a secret; line ends of the value are spaces."""
    said = redact(" ".join(str(value).split()))
    return f"{path}: {cut(said, MOST)}"


def flat(value: object, path: str = "") -> Iterator[str]:
    """Every fact of a JSON value. Values of Secrets are not facts anybody shall read."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in _HIDDEN:
                yield from flat(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from flat(item, f"{path}[{label(item, place)}]")
    elif value is not None:
        yield line(path, value)


def label(item: object, place: int) -> str:
    """What an element of a list goes by."""
    if isinstance(item, dict):
        return next((str(item[key]) for key in _LABELS if item.get(key)), str(place))
    return str(place)


def fact(obj: Object, *path: str) -> str | None:
    """The fact at a path such as ("status", "conditions", "Ready", "message"), if it is said."""
    value: Any = obj
    steps = ""
    for step in path:
        if isinstance(value, list):
            named = (item for place, item in enumerate(value) if label(item, place) == step)
            value = next(named, None)
            steps += f"[{step}]"
        else:
            value = value.get(step) if isinstance(value, dict) else None
            steps += f".{step}" if steps else step
    if value is None or isinstance(value, dict | list):
        return None
    return line(steps, value)
