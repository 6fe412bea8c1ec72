"""`LiteLLM`: what is sent, what came back, what went wrong, for one model after the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from agents.runtime import breaker
from agents.runtime.litellm_model.exchange import Exchange, litellm_words
from agents.runtime.litellm_model.failures import (
    ADVICE,
    another_may_do,
    first_with_note,
    headers_of,
    hint,
    kind_of,
    status_of,
)
from agents.runtime.litellm_model.library import address, library, model_facts, provider
from agents.runtime.litellm_model.native import JSON, native_conversation
from agents.runtime.litellm_model.replies import (
    Unusable,
    count,
    explain_emptiness,
    first_choice,
    native_calls,
    with_unique_ids,
)
from agents.runtime.litellm_model.schema_mode import json_conversation, parse_json_reply
from agents.runtime.llm import FailureKind, ModelFailure, Reply, Request, Usage
from aura.config import Settings
from aura.kernel.backoff import retry_after_s
from aura.kernel.text import one_line

ToolMode = Literal["native", "json_schema"]

SLACK_S = 0.25  # a hanging read ends by its own timeout first, which leaves no thread behind
DETAIL_CHARS = 200
# What the next request would only meet again: the breaker counts it.
AWAY = frozenset({FailureKind.UNAVAILABLE, FailureKind.TIMEOUT, FailureKind.RATE_LIMITED})


@dataclass(slots=True, kw_only=True, eq=False)
class LiteLLM:
    """A model by its litellm name (`provider/model`; without a slash it is OpenAI's).

    `timeout_s` is the wall-clock limit of each attempt; every fallback model is one more attempt.
    Prices are USD per 1,000 tokens and win over litellm's list. `api_key` and `base_url` go to
    models of the main model's provider; a fallback of another provider finds its key where litellm
    looks for it. Safe to share between threads.
    """

    model: str
    api_key: str = field(default="", repr=False)
    base_url: str = field(default="", repr=False)
    fallback_models: Sequence[str] = ()
    max_tokens: int = 4096
    temperature: float = 0.1
    timeout_s: float = 120.0
    tool_mode: ToolMode = "native"
    prompt_price_per_1k: Decimal | None = None
    completion_price_per_1k: Decimal | None = None
    cost_tracking: bool = True
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.model

    @classmethod
    def from_settings(cls, settings: Settings) -> LiteLLM:
        """The model that the AURA_LLM_* and AURA_COST_* settings describe."""
        return cls(
            model=settings.llm_model,
            api_key=settings.llm_api_key,
            base_url=settings.llm_base_url,
            fallback_models=settings.llm_fallback_models,
            max_tokens=settings.llm_max_tokens,
            temperature=settings.llm_temperature,
            timeout_s=settings.llm_timeout_s,
            tool_mode=settings.llm_tool_mode,
            prompt_price_per_1k=settings.cost_prompt_price,
            completion_price_per_1k=settings.cost_completion_price,
            cost_tracking=settings.cost_tracking_enabled,
        )

    def complete(self, request: Request) -> Reply:
        """Ask the model, then each fallback once. Raises `ModelFailure`, the first one met."""
        failures: list[tuple[str, ModelFailure]] = []
        for model in (self.model, *self.fallback_models):
            try:
                return self._guarded(model, request)
            except ModelFailure as failure:
                failures.append((model, failure))
            if not another_may_do(failures[0][1]):
                break
        raise first_with_note(failures)

    def _guarded(self, model: str, request: Request) -> Reply:
        """`_ask`, unless the breaker of the model's provider is open."""
        guard = breaker.of(f"{provider(model)}{address(self._access(model)[1])}")
        try:
            trial = guard.admit()
        except breaker.Open as left_alone:
            raise self._failure(
                model,
                FailureKind(left_alone.reason),
                f"it failed {breaker.FAILURES_TO_OPEN} times in a row and is {left_alone}",
                retry_after_s=left_alone.retry_after_s,
            ) from None
        try:
            reply = self._ask(model, request)
        except ModelFailure as failure:
            guard.tell(
                answered=failure.kind not in AWAY,
                trial=trial,
                retry_after_s=failure.retry_after_s or 0.0,
                reason=failure.kind,
            )
            raise
        except BaseException:
            guard.forget(trial=trial)
            raise
        guard.tell(answered=True, trial=trial)
        return reply

    def _ask(self, model: str, request: Request) -> Reply:
        litellm = library()  # before the clock starts: the first import takes seconds
        exchange = Exchange()
        outcome = exchange.run(
            lambda: litellm.completion(**self._arguments(model, request, exchange)),
            limit_s=self.timeout_s + SLACK_S,
        )
        if outcome is None:
            raise self._failure(model, FailureKind.TIMEOUT)
        if isinstance(outcome, Exception):
            raise self._failure_of(outcome, model, exchange)
        usage = self._usage(model, outcome)
        try:
            return self._reply(model, request, outcome, usage)
        except Unusable as why:
            failure = self._failure(model, why.kind, str(why), usage=usage)
        raise failure

    # --- what is sent ---

    def _access(self, model: str) -> tuple[str, str]:
        """(key, URL) for a model; both empty where litellm is to look for its own."""
        if provider(model) != provider(self.model):
            return "", ""
        if self.base_url and not self.api_key:
            return "none", self.base_url  # why: else OPENAI_API_KEY of the machine would go there
        return self.api_key, self.base_url

    def _arguments(self, model: str, request: Request, exchange: Exchange) -> JSON:
        key, url = self._access(model)
        arguments: JSON = {
            "model": model if "/" in model else f"openai/{model}",
            "api_key": key or None,
            "base_url": url or None,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "timeout": float(self.timeout_s),
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,
        }
        if self.tool_mode == "json_schema" and request.tools:
            arguments |= json_conversation(request)
        else:
            arguments |= native_conversation(request)
        if provider(model) == "openai":
            arguments["client"] = exchange.client(key=key, url=url, timeout_s=self.timeout_s)
        return arguments

    # --- what came back ---

    def _reply(self, model: str, request: Request, response: Any, usage: Usage) -> Reply:
        choice = first_choice(response)
        text = choice.message.content or ""
        calls = native_calls(choice.message.tool_calls or ())
        if not text and not calls:
            explain_emptiness(choice.finish_reason)
        if self.tool_mode == "json_schema" and request.tools and not calls:
            text, calls = parse_json_reply(text)
        facts = model_facts(model)
        return Reply(
            text=text,
            tool_calls=with_unique_ids(calls, request),
            usage=usage,
            model=model,
            context_tokens=count((facts.get("max_input_tokens") or 0) - self.max_tokens),
        )

    def _usage(self, model: str, response: Any) -> Usage:
        reported = getattr(response, "usage", None)
        prompt = count(getattr(reported, "prompt_tokens", 0))
        completion = count(getattr(reported, "completion_tokens", 0))
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            cost=self._cost(model, response, prompt, completion) if self.cost_tracking else None,
        )

    def _cost(self, model: str, response: Any, prompt: int, completion: int) -> Decimal | None:
        """USD; None where a price, or what was used, is not known: that is not the same as 0."""
        if not prompt and not completion:
            return None
        if (self.prompt_price_per_1k, self.completion_price_per_1k) != (None, None):
            prices = (
                _price(self.prompt_price_per_1k, model, "input_cost_per_token"),
                _price(self.completion_price_per_1k, model, "output_cost_per_token"),
            )
            if prices[0] is None or prices[1] is None:
                return None
            return (prompt * prices[0] + completion * prices[1]) / Decimal(1000)
        try:
            cost = library().completion_cost(completion_response=response, model=model)
            return Decimal(str(cost))
        except Exception:  # noqa: BLE001 - a model without a known price raises many types
            return None

    # --- what went wrong ---

    def _failure_of(self, error: Exception, model: str, exchange: Exchange) -> ModelFailure:
        status = status_of(error, exchange)
        detail = exchange.detail if exchange.status else litellm_words(str(error))
        return self._failure(
            model,
            kind_of(error, status, exchange),
            self._printable(f"{hint(exchange.status)} {detail}"),
            retry_after_s=retry_after_s(headers_of(error, exchange)),
        )

    def _failure(
        self,
        model: str,
        kind: FailureKind,
        detail: str = "",
        *,
        usage: Usage | None = None,
        retry_after_s: float | None = None,
    ) -> ModelFailure:
        advice = ADVICE[kind].format(
            model=model, timeout_s=self.timeout_s, where=address(self._access(model)[1])
        )
        if kind is FailureKind.CREDENTIALS:
            detail = ""  # why: providers quote parts of the key here
        message = f"{advice} ({detail})" if detail else advice
        return ModelFailure(kind, message, retry_after_s=retry_after_s, usage=usage)

    def _printable(self, text: str) -> str:
        """At most 200 characters of the provider's words, and none that hold a credential."""
        if self.api_key and self.api_key in text:
            return ""
        return one_line(re.sub(r"://[^/\s]*@", "://", text), DETAIL_CHARS)


def _price(configured: Decimal | None, model: str, fact: str) -> Decimal | None:
    """USD for 1,000 tokens: as configured, else as litellm knows it."""
    if configured is not None:
        return configured
    known = model_facts(model).get(fact)
    return None if known is None else Decimal(str(known)) * 1000
