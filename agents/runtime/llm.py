"""The protocol of a language model, as small as the runtime needs it.

Two implementations: `agents.runtime.litellm_model.LiteLLM` (any provider) and
`agents.offline.planner.OfflinePlanner` (rules, no key, no tokens).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call as the model said it: `arguments` is unchecked JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation. `tool_call_id` is set on `tool` messages alone.

    `result` is what `read_result` knows the whole of it by; empty where nobody can read on.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    result: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """What a model is told of a tool; `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The work as data, for planners that do not read prose. `planned`: its plan is approved."""

    title: str
    description: str
    planned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One model request: the whole conversation and the tools that may be called."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]
    task: Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one request; `cost` in USD, None where no price is known."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model answered: text, calls, or both.

    `context_tokens`: how many tokens a conversation may have at most; 0 where that is not known.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    context_tokens: int = 0


class FailureKind(StrEnum):
    """Why a model gave no usable answer."""

    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"
    CREDENTIALS = "credentials"
    CONTEXT_OVERFLOW = "context_overflow"
    REFUSED = "refused"
    BAD_REPLY = "bad_reply"


RETRYABLE = frozenset({FailureKind.RATE_LIMITED, FailureKind.TIMEOUT, FailureKind.UNAVAILABLE})


class ModelFailure(Exception):
    """The model gave no usable answer. `message` tells a person what happened and what to do.

    `retry_after_s` is the provider's own wish, if it stated one. `usage` holds the tokens that
    were spent all the same, if the provider reported them.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        retry_after_s: float | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retry_after_s = retry_after_s
        self.usage = usage or Usage()

    @property
    def retryable(self) -> bool:
        """True when the same request may work later."""
        return self.kind in RETRYABLE


class LanguageModel(Protocol):
    """Anything that continues a conversation."""

    name: str

    def complete(self, request: Request) -> Reply:
        """Continue the conversation. Raises `ModelFailure`, and nothing else on purpose."""
        ...
