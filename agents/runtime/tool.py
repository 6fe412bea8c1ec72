"""What a tool is. A tool declares its blast radius; the door decides whether it may run.

To add one: write a pydantic model for its arguments and a function that takes them with a
`CallContext` and returns a `ToolResult` (or `Suspended`); list the `Tool` in its family's factory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, WithJsonSchema

from agents.types import WaitKind
from governance.types import SYSTEM, ActionClass, Impact, Principal, Resource


class ToolFailure(Exception):
    """The tool could not do it. The text is told to the model, so it says what to do instead."""


class TransientFailure(ToolFailure):
    """The outside did not answer (remote down, time-out): the same call may work later."""


class NeedsPerson(ToolFailure):
    """Nothing the model does will help (no access, no such repository): a person must mend it."""


@dataclass(frozen=True, slots=True)
class SecretMark:
    """Marks an argument whose value is shown to nobody; see `Secret`."""


# The type of an argument that holds a credential: the log has a pseudonym of it, and nothing else.
Secret = Annotated[str, SecretMark(), WithJsonSchema({"type": "string", "writeOnly": True})]


class Arguments(BaseModel):
    """Base of every tool's arguments: an argument nobody declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def secret_values(self) -> Iterator[str]:
        """Values of the arguments that are declared as `Secret`, alone or within another type."""
        for name, declared in type(self).model_fields.items():
            marked = any(map(_is_secret, (*declared.metadata, declared.annotation)))
            for value in _leaves(getattr(self, name)):
                if isinstance(value, Arguments):
                    yield from value.secret_values()
                elif marked and isinstance(value, str):
                    yield value


def _is_secret(declared: object) -> bool:
    """Whether a type, such as `Secret | None` or `list[Secret]`, has the mark somewhere."""
    return isinstance(declared, SecretMark) or any(map(_is_secret, get_args(declared)))


def _leaves(value: object) -> Iterator[object]:
    """A value, or those that it holds."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list | tuple | set | frozenset):
        yield value
        return
    for item in value:
        yield from _leaves(item)


class NoArguments(Arguments):
    """For tools that take none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a call would touch, seen before anybody is asked whether it may.

    `impact` is judged by the policy; `plan` is shown to who approves, and `trouble`, folded, why
    something of it could not be seen; `preconditions` (JSON) are bound into what is approved: where
    they no longer hold, the call asks anew.
    """

    impact: Impact = field(default_factory=Impact)
    plan: str = ""
    trouble: str = ""
    preconditions: Mapping[str, Any] = field(default_factory=dict)


UNSEEN = Inspection()


def _anything(impact: Impact) -> None:
    """Of a call that no policy was asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """Which call this is. `call_id` is unique for ever: effects carry it for the probes.

    `principal` is who the call is made for, `purpose` what they say it is for. `preconditions` are
    those of the inspection that was approved. `permits` judges the call again by what was measured
    during the effect, before it is committed; it raises `ToolFailure` when that is not allowed.
    `waits_since`: of a call that was suspended to be run again. `asks`: of an inspection, a person
    will be asked about the call, as far as the policy can tell without it.
    """

    call_id: str
    trace_id: str
    principal: Principal = SYSTEM
    purpose: str = ""
    preconditions: Mapping[str, Any] = field(default_factory=dict)
    permits: Callable[[Impact], None] = _anything
    waits_since: datetime | None = None
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that became true by the call and belongs in the log, e.g. `commit_created`."""

    type: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """`content`: what the model reads; `data`: what the log keeps; `facts`: what became true."""

    content: str
    data: Mapping[str, Any] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """The call has no result yet: its turn ends, and somebody answers the call later.

    With `again_in_s` nobody does: the same call is run again then, so it must be a read.
    """

    kind: WaitKind
    detail: Mapping[str, Any] = field(default_factory=dict)
    again_in_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One thing an agent can do.

    `action_class` is the class of every call, or a function that tells it from the arguments.
    `idempotent` says that running the same call twice leaves the same state as running it once.
    `probe` looks, after a crash, whether the effect of this very call is there: it returns the
    result the call would have had, or None when the effect is certainly absent; it raises
    `ToolFailure` when neither can be told. `check` refuses arguments that fit the schema and make
    no sense, before anyone is asked to approve them. `alone`: never run beside other calls.
    `trusted`: the result is our own words, not data from outside. `polls`: to be called again with
    the same answer is no sign of being stuck. `lasting`: call and result stay in the conversation
    however long it grows. `inspect` looks, before the policy is asked about a call with an effect,
    what the effect would touch; a `ToolFailure` of its refuses the call. `pages`: it cuts its own
    results and has arguments to read on, so they are shown as they are. `title`, `tags` and
    `examples` are what catalogues say of the tool.
    """

    name: str
    description: str
    action_class: ActionClass | Callable[[Any], ActionClass]
    parameters: type[Arguments]
    run: Callable[[Any, CallContext], ToolResult | Suspended]
    resource: Callable[[Any], Resource]
    idempotent: bool = False
    probe: Callable[[Any, CallContext], ToolResult | None] | None = None
    check: Callable[[Any], None] | None = None
    alone: bool = False
    trusted: bool = False
    polls: bool = False
    lasting: bool = False
    pages: bool = False
    inspect: Callable[[Any, CallContext], Inspection] | None = None
    title: str = ""
    tags: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    def classify(self, arguments: Arguments) -> ActionClass:
        """The action class of a call with these arguments."""
        if isinstance(self.action_class, ActionClass):
            return self.action_class
        return self.action_class(arguments)


class Toolset:
    """Tools by name; the order is kept, names are unique."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._by_name: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in self._by_name:
                raise ValueError(f"two tools are called {tool.name}")
            self._by_name[tool.name] = tool
        self.lasting = frozenset(tool.name for tool in self if tool.lasting)
        self.polling = frozenset(tool.name for tool in self if tool.polls)

    def get(self, name: str) -> Tool | None:
        return self._by_name.get(name)

    def __iter__(self) -> Any:
        return iter(self._by_name.values())

    @property
    def names(self) -> list[str]:
        return list(self._by_name)
