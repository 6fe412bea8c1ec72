"""What went wrong, from what the server and litellm said; and what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.runtime.litellm_model.exchange import OK, Exchange
from agents.runtime.litellm_model.library import library
from agents.runtime.litellm_model.replies import Unusable
from agents.runtime.llm import FailureKind, ModelFailure

NOT_FOUND = 404

ADVICE = {
    FailureKind.RATE_LIMITED: (
        "{model} takes no more requests for now: a rate limit or quota is used up. Wait, raise the"
        " quota of AURA_LLM_API_KEY, or name another model in AURA_LLM_FALLBACK_MODELS."
    ),
    FailureKind.TIMEOUT: (
        "{model} did not finish its answer within {timeout_s:g} s. Set AURA_LLM_TIMEOUT_S higher"
        " if this model is just slow."
    ),
    FailureKind.UNAVAILABLE: (
        "{model} is not available{where}. Check that the provider is up and that"
        " AURA_LLM_BASE_URL is right."
    ),
    FailureKind.CREDENTIALS: (
        "{model} does not accept the credentials. Check AURA_LLM_API_KEY, and that it belongs to"
        " the provider of AURA_LLM_MODEL."
    ),
    FailureKind.CONTEXT_OVERFLOW: (
        "The conversation is longer than {model} can read. Choose a model with a larger context in"
        " AURA_LLM_MODEL or AURA_LLM_FALLBACK_MODELS, or split the ticket."
    ),
    FailureKind.REFUSED: (
        "{model} refused the request. Check AURA_LLM_MODEL, AURA_LLM_BASE_URL and"
        " AURA_LLM_TOOL_MODE."
    ),
    FailureKind.BAD_REPLY: (
        "{model} sent an answer that cannot be used. If this repeats, choose another"
        " AURA_LLM_MODEL or AURA_LLM_TOOL_MODE."
    ),
}


def another_may_do(failure: ModelFailure) -> bool:
    return failure.retryable or failure.kind is FailureKind.CONTEXT_OVERFLOW


def first_with_note(failures: Sequence[tuple[str, ModelFailure]]) -> ModelFailure:
    (_, first), *others = failures
    if not others:
        return first
    tried = ", ".join(f"{model} ({failure.kind})" for model, failure in others)
    return ModelFailure(
        first.kind,
        f"{first.message} The fallback models failed too: {tried}.",
        retry_after_s=first.retry_after_s,
        usage=first.usage,
    )


def status_of(error: Exception, exchange: Exchange) -> int | None:
    """The HTTP status that counts: the server's own if it is an error, else the exception's.

    Some gateways answer 200 with an error inside; there the exception carries the code.
    """
    if exchange.status not in (None, OK):
        return exchange.status
    said = getattr(error, "status_code", None)
    return said if isinstance(said, int) else None


def kind_of(error: Exception, status: int | None, exchange: Exchange) -> FailureKind:  # noqa: PLR0911 - a rule a line
    """The first rule that holds; the order matters."""
    import openai  # noqa: PLC0415 - loaded with litellm, whose Timeout derives from openai's

    if exchange.overflow or isinstance(error, library().ContextWindowExceededError):
        return FailureKind.CONTEXT_OVERFLOW
    if type(error) is openai.OpenAIError:
        return FailureKind.CREDENTIALS  # the SDK found no key to start with
    if exchange.status is None and isinstance(error, openai.APITimeoutError):
        return FailureKind.TIMEOUT
    if status in KIND_BY_STATUS:
        return KIND_BY_STATUS[status]
    if isinstance(error, Unusable) or OK in (exchange.status, status):
        return FailureKind.BAD_REPLY
    if status is None or status >= 500:  # noqa: PLR2004 - HTTP
        return FailureKind.UNAVAILABLE
    return FailureKind.REFUSED


KIND_BY_STATUS = {
    401: FailureKind.CREDENTIALS,
    403: FailureKind.CREDENTIALS,
    408: FailureKind.TIMEOUT,
    429: FailureKind.RATE_LIMITED,
}


def hint(status: int | None) -> str:
    if status in (None, OK):
        return ""
    return "HTTP 404, no such model or address:" if status == NOT_FOUND else f"HTTP {status}:"


def headers_of(error: Exception, exchange: Exchange) -> Mapping[str, str]:
    found = exchange.headers or getattr(error, "litellm_response_headers", None)
    return found if isinstance(found, Mapping) else {}
