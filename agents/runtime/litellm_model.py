"""The language model of any provider, through litellm: one HTTP request a `complete()`.

litellm costs 4-10 s and 100-200 MB to import, so that happens at the first request, in the process
that makes it. Three of its habits are worked around here (1.106.2, measured over the wire):

* its exception classes do not tell what happened: a refused connection and a garbled 200 are both
  InternalServerError, some 401s are BadRequestError, and of `context_length_exceeded` only certain
  wordings count. So for `openai/…` models, which includes every OpenAI-compatible server, the
  HTTP answer itself is noted (`_Exchange`) and outranks the class;
* it sends again by itself after some 400s and follows redirects: `_Exchange` lets one request out;
* its timeout holds for each single read, so a provider that drips bytes never ends: the request
  runs in a thread that is given up when the time is over.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from itertools import groupby
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from agents.runtime.llm import (
    FailureKind,
    Message,
    ModelFailure,
    Reply,
    Request,
    ToolCall,
    ToolSpec,
    Usage,
)
from aura.config import Settings

JSON = dict[str, Any]
ToolMode = Literal["native", "json_schema"]

OPENAI_URL = "https://api.openai.com/v1"
OK, NOT_FOUND = 200, 404
SLACK_S = 0.25  # a hanging read ends by its own timeout first, which leaves no thread behind
DETAIL_CHARS = 200
LOOPBACK = "localhost,127.0.0.1,::1"


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
                return self._ask(model, request)
            except ModelFailure as failure:
                failures.append((model, failure))
            if not _another_may_do(failures[0][1]):
                break
        raise _first_with_note(failures)

    def _ask(self, model: str, request: Request) -> Reply:
        litellm = _library()  # before the clock starts: the first import takes seconds
        exchange = _Exchange()
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
        except _Unusable as why:
            failure = self._failure(model, why.kind, str(why), usage=usage)
        raise failure

    # --- what is sent ---

    def _access(self, model: str) -> tuple[str, str]:
        """(key, URL) for a model; both empty where litellm is to look for its own."""
        if _provider(model) != _provider(self.model):
            return "", ""
        if self.base_url and not self.api_key:
            return "none", self.base_url  # why: else OPENAI_API_KEY of the machine would go there
        return self.api_key, self.base_url

    def _arguments(self, model: str, request: Request, exchange: _Exchange) -> JSON:
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
            arguments |= _as_json_conversation(request)
        else:
            arguments |= _as_native_conversation(request)
        if _provider(model) == "openai":
            arguments["client"] = exchange.client(key=key, url=url, timeout_s=self.timeout_s)
        return arguments

    # --- what came back ---

    def _reply(self, model: str, request: Request, response: Any, usage: Usage) -> Reply:
        choice = _first_choice(response)
        text = choice.message.content or ""
        calls = _native_calls(choice.message.tool_calls or ())
        if not text and not calls:
            _explain_emptiness(choice.finish_reason)
        if self.tool_mode == "json_schema" and request.tools and not calls:
            text, calls = _parse_json_reply(text)
        return Reply(
            text=text, tool_calls=_with_unique_ids(calls, request), usage=usage, model=model
        )

    def _usage(self, model: str, response: Any) -> Usage:
        reported = getattr(response, "usage", None)
        prompt = _count(getattr(reported, "prompt_tokens", 0))
        completion = _count(getattr(reported, "completion_tokens", 0))
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            cost=self._cost(model, response, prompt, completion) if self.cost_tracking else None,
        )

    def _cost(self, model: str, response: Any, prompt: int, completion: int) -> Decimal | None:
        prices = (self.prompt_price_per_1k, self.completion_price_per_1k)
        if prices != (None, None):
            return (prompt * (prices[0] or 0) + completion * (prices[1] or 0)) / Decimal(1000)
        try:
            cost = _library().completion_cost(completion_response=response, model=model)
            return Decimal(str(cost))
        except Exception:  # noqa: BLE001 - a model without a known price raises many types
            return None

    # --- what went wrong ---

    def _failure_of(self, error: Exception, model: str, exchange: _Exchange) -> ModelFailure:
        status = _status(error, exchange)
        detail = exchange.detail if exchange.status else _litellm_words(str(error))
        return self._failure(
            model,
            _kind(error, status, exchange),
            self._printable(f"{_hint(exchange.status)} {detail}"),
            retry_after_s=_retry_after_s(_headers(error, exchange)),
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
            model=model, timeout_s=self.timeout_s, where=_address(self._access(model)[1])
        )
        if kind is FailureKind.CREDENTIALS:
            detail = ""  # why: providers quote parts of the key here
        message = f"{advice} ({detail})" if detail else advice
        return ModelFailure(kind, message, retry_after_s=retry_after_s, usage=usage)

    def _printable(self, text: str) -> str:
        """At most 200 characters of the provider's words, and none that hold a credential."""
        if self.api_key and self.api_key in text:
            return ""
        text = re.sub(r"://[^/\s]*@", "://", " ".join(text.split()))
        return text if len(text) <= DETAIL_CHARS else f"{text[:DETAIL_CHARS]}…"


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


class _Unusable(Exception):
    """A reply arrived whole, and still nothing can be done with it."""

    def __init__(self, why: str, kind: FailureKind = FailureKind.BAD_REPLY) -> None:
        super().__init__(why)
        self.kind = kind


# --- one HTTP exchange --------------------------------------------------------------------------


class _Exchange:
    """The single HTTP request of one attempt, and how the server answered it.

    `status`, `headers` and `detail` stay empty when no answer came, and for providers whose
    transport litellm keeps to itself.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.detail = ""
        self.overflow = False
        self._sent = False
        self._http: Any = None

    def client(self, *, key: str, url: str, timeout_s: float) -> Any:
        """An OpenAI client for litellm that sends once and never by way of a proxy to loopback."""
        import httpx  # noqa: PLC0415 - with openai 1 s of CPU, paid by the process that needs it
        import openai  # noqa: PLC0415 - as above

        self._http = httpx.Client(
            verify=_tls(),
            timeout=timeout_s,
            trust_env=not _is_loopback(url),
            follow_redirects=False,
            event_hooks={"request": [self._before], "response": [self._after]},
        )
        return openai.OpenAI(
            api_key=key or None, base_url=url or OPENAI_URL, http_client=self._http, max_retries=0
        )

    def run(self, work: Any, *, limit_s: float) -> Any:
        """What `work()` returned or raised; None when it took longer than `limit_s`."""
        outcome: list[Any] = []

        def attempt() -> None:
            try:
                outcome.append(work())
            except Exception as error:  # noqa: BLE001 - raised anew, as a ModelFailure, by the caller
                outcome.append(error)
            finally:
                self.close()

        # why: a daemon, not a pool: a pool's threads hold up the end of the process. Once it is
        # given up, the closed sockets end it at its next read.
        thread = threading.Thread(target=attempt, name="llm-request", daemon=True)
        thread.start()
        thread.join(limit_s)
        if not outcome:
            self.close()
            return None
        return _Unusable("litellm returned nothing") if outcome[0] is None else outcome[0]

    def close(self) -> None:
        """Let go of the connection; also from another thread."""
        if self._http is not None:
            self._http.close()

    def _before(self, _: Any) -> None:
        if self._sent:
            raise RuntimeError("one request an attempt")
        self._sent = True

    def _after(self, response: Any) -> None:
        body = response.read().decode("utf-8", "replace")
        if response.status_code != OK:
            self.detail = _provider_words(body)
            self.overflow = "context_length_exceeded" in body
        self.headers = response.headers
        self.status = response.status_code  # last: a body that broke off is no answer


def _provider_words(body: str) -> str:
    """The sentence in an error body: `{"error": {"message"}}` or one of its common relatives."""
    try:
        found = json.loads(body)
    except ValueError:
        return body
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    return found if isinstance(found, str) else json.dumps(found)


def _litellm_words(text: str) -> str:
    """An exception's text without litellm's preamble `litellm.XError: XError: YException - `."""
    return _provider_words(re.sub(r"^litellm\..*?Exception - ", "", text, count=1))


# --- conversation to OpenAI's shape -------------------------------------------------------------


def _as_native_conversation(request: Request) -> JSON:
    """`messages`, and `tools` if there are any, in the shape of the chat completions API."""
    arguments: JSON = {"messages": [_native_message(message) for message in request.messages]}
    if request.tools:
        arguments["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                },
            }
            for tool in request.tools
        ]
    return arguments


def _native_message(message: Message) -> JSON:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": _sendable(call.arguments)},
        }
        for call in message.tool_calls
    ]
    said = {"content": message.content} if message.content else {}
    return {"role": message.role, **said, "tool_calls": calls}


def _sendable(arguments: str) -> str:
    """The model's own arguments, wrapped if they are no JSON object: servers parse the history."""
    return arguments if _object(arguments) is not None else json.dumps({"unreadable": arguments})


def _object(text: str) -> JSON | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # text of a model: it may nest as deep as it likes
        return None
    return found if isinstance(found, dict) else None


# --- conversation for models that keep to a schema and know no tools -----------------------------

JSON_RULES = """\
Answer with one JSON object and nothing else:
{"reasoning": "your thoughts, or your answer", "calls": [{"name": "a tool", "arguments": {}}]}
Put the tools to run into calls; what they return comes in the next message. When no tool is
needed any more, leave calls empty and give your answer in reasoning. The tools:"""


def _as_json_conversation(request: Request) -> JSON:
    """`messages` in text alone, with tools and results described, and a `response_format`."""
    rules = "\n".join([JSON_RULES, *map(_described, request.tools)])
    turns = [("system", rules), *_spoken(request.messages)]
    turns.sort(key=lambda turn: turn[0] != "system")
    # why: small models' chat templates accept one system message and strictly alternating turns
    messages = [
        {"role": role, "content": "\n\n".join(content for _, content in group)}
        for role, group in groupby(turns, key=lambda turn: turn[0])
    ]
    return {
        "messages": messages,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "turn", "schema": _turn_schema(request.tools)},
        },
    }


def _described(tool: ToolSpec) -> str:
    return f"- {tool.name}: {tool.description} Arguments: {json.dumps(dict(tool.parameters))}"


def _spoken(messages: Sequence[Message]) -> Iterator[tuple[str, str]]:
    """(role, text) of each message; calls take the form that the model is asked for."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    for message in messages:
        if message.role == "tool":
            name = names.get(message.tool_call_id or "", "a tool")
            yield "user", f"Result of {name}:\n{message.content}"
        elif message.role == "assistant":
            calls = [
                {"name": call.name, "arguments": json.loads(_sendable(call.arguments))}
                for call in message.tool_calls
            ]
            yield "assistant", json.dumps({"reasoning": message.content, "calls": calls})
        else:
            yield message.role, message.content


def _turn_schema(tools: Sequence[ToolSpec]) -> JSON:
    call = {"anyOf": [_call_schema(tool) for tool in tools]}
    return {
        "type": "object",
        "properties": {
            "reasoning": {"type": "string"},
            "calls": {"type": "array", "items": call},
        },
        "required": ["reasoning", "calls"],
        "additionalProperties": False,
    }


def _call_schema(tool: ToolSpec) -> JSON:
    # why: "#/$defs/…" would point into the outer schema; such arguments are checked by us anyway
    flat = "$defs" not in tool.parameters
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": [tool.name]},
            "arguments": dict(tool.parameters) if flat else {"type": "object"},
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _parse_json_reply(text: str) -> tuple[str, list[tuple[object, str, str]]]:
    """(reasoning, calls) of a reply in `_turn_schema`; raises `_Unusable` for any other."""
    found = _object(re.sub(r"^```(?:json)?\s*|\s*```$", "", text.strip()))
    if found is None or not isinstance(found.get("calls"), list):
        raise _Unusable("it is not the JSON object that AURA_LLM_TOOL_MODE=json_schema asks for")
    reasoning = found.get("reasoning")
    calls: list[tuple[object, str, str]] = [_json_call(call) for call in found["calls"]]
    if not calls and not reasoning:
        _explain_emptiness(None)
    return reasoning if isinstance(reasoning, str) else "", calls


def _json_call(call: object) -> tuple[None, str, str]:
    match call:
        case {"name": str(name), "arguments": dict(arguments)}:
            return None, name, json.dumps(arguments)
        case {"name": str(name), **others} if others.get("arguments") is None:
            return None, name, "{}"
        case _:
            raise _Unusable("one of its calls has no name, or arguments that are no object")


# --- reply from OpenAI's shape ------------------------------------------------------------------


def _first_choice(response: Any) -> Any:
    choices = getattr(response, "choices", None)
    if not choices:
        raise _Unusable("it holds no choices")
    return choices[0]


def _explain_emptiness(finish_reason: str | None) -> NoReturn:
    if finish_reason == "length":
        raise _Unusable("it was cut before the first word; set AURA_LLM_MAX_TOKENS higher")
    if finish_reason == "content_filter":
        raise _Unusable("the provider's content filter held it back", FailureKind.REFUSED)
    raise _Unusable("it holds neither text nor calls")


def _native_calls(calls: Sequence[Any]) -> list[tuple[object, str, str]]:
    """(id, name, arguments) of each call; ids as they came."""
    return [(call.id, _name(call), _arguments_text(call.function.arguments)) for call in calls]


def _name(call: Any) -> str:
    name = call.function.name
    if not isinstance(name, str) or not name:
        raise _Unusable("one of its calls names no tool")
    return name


def _arguments_text(arguments: object) -> str:
    if isinstance(arguments, str):
        return arguments or "{}"
    return "{}" if arguments is None else json.dumps(arguments)


def _with_unique_ids(
    calls: Sequence[tuple[object, str, str]], request: Request
) -> tuple[ToolCall, ...]:
    """The calls with ids that nothing else in the conversation has.

    Results are stored by id, and some servers number from call_0 in every reply or leave ids out.
    A made-up id depends on the conversation and the place alone: the same reply gives the same ids.
    """
    taken = {call.id for message in request.messages for call in message.tool_calls}
    seed = hashlib.sha256(repr(request.messages).encode()).hexdigest()[:16]
    repaired = []
    for place, (call_id, name, arguments) in enumerate(calls):
        if not isinstance(call_id, str) or not call_id or call_id in taken:
            call_id = f"call_{seed}_{place}"  # noqa: PLW2901 - the repair
        taken.add(call_id)
        repaired.append(ToolCall(id=call_id, name=name, arguments=arguments))
    return tuple(repaired)


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


# --- failures -----------------------------------------------------------------------------------


def _another_may_do(failure: ModelFailure) -> bool:
    return failure.retryable or failure.kind is FailureKind.CONTEXT_OVERFLOW


def _first_with_note(failures: Sequence[tuple[str, ModelFailure]]) -> ModelFailure:
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


def _status(error: Exception, exchange: _Exchange) -> int | None:
    """The HTTP status that counts: the server's own if it is an error, else the exception's.

    Some gateways answer 200 with an error inside; there the exception carries the code.
    """
    if exchange.status not in (None, OK):
        return exchange.status
    said = getattr(error, "status_code", None)
    return said if isinstance(said, int) else None


def _kind(error: Exception, status: int | None, exchange: _Exchange) -> FailureKind:  # noqa: PLR0911 - a rule a line
    """The first rule that holds; the order matters."""
    import openai  # noqa: PLC0415 - loaded with litellm, whose Timeout derives from openai's

    if exchange.overflow or isinstance(error, _library().ContextWindowExceededError):
        return FailureKind.CONTEXT_OVERFLOW
    if type(error) is openai.OpenAIError:
        return FailureKind.CREDENTIALS  # the SDK found no key to start with
    if exchange.status is None and isinstance(error, openai.APITimeoutError):
        return FailureKind.TIMEOUT
    if status in KIND_BY_STATUS:
        return KIND_BY_STATUS[status]
    if isinstance(error, _Unusable) or OK in (exchange.status, status):
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


def _hint(status: int | None) -> str:
    if status in (None, OK):
        return ""
    return "HTTP 404, no such model or address:" if status == NOT_FOUND else f"HTTP {status}:"


def _headers(error: Exception, exchange: _Exchange) -> Mapping[str, str]:
    found = exchange.headers or getattr(error, "litellm_response_headers", None)
    return found if isinstance(found, Mapping) else {}


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After, in seconds or as a date (RFC 9110 section 10.2.3)."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


# --- addresses and the library ------------------------------------------------------------------


def _provider(model: str) -> str:
    return model.split("/", 1)[0] if "/" in model else "openai"


def _address(url: str) -> str:
    """` at scheme://host:port`, without user, password and path; empty for no URL."""
    parts = urlsplit(url)
    return f" at {parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def _tls() -> Any:
    """One TLS context a process: reading the certificates costs 30 ms."""
    import httpx  # noqa: PLC0415 - see _Exchange.client

    return httpx.create_ssl_context()


_loading = threading.Lock()


def _library() -> Any:
    """The litellm module, imported once, whoever comes first."""
    with _loading:
        return _import_litellm()


@cache
def _import_litellm() -> Any:
    # why: litellm is configured by the environment alone, at import. Without these it fetches
    # its price map and two more files from the network and loads a .env of the directory it is in.
    os.environ.update(  # noqa: TID251 - written for the library, nothing is read
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS="True",
        LITELLM_LOCAL_BLOG_POSTS="True",
        LITELLM_MODE="PRODUCTION",
    )
    _keep_proxies_off_loopback()
    import litellm  # noqa: PLC0415 - the only place, and only when a model is asked

    litellm.suppress_debug_info = True  # else it prints to stdout at every error
    return litellm


def _keep_proxies_off_loopback() -> None:
    """A model server on this machine (ollama, vLLM) is not behind the machine's proxy."""
    proxies = getproxies_environment()
    if proxies:
        bypass = ",".join(part for part in (proxies.get("no", ""), LOOPBACK) if part)
        os.environ["no_proxy"] = bypass  # noqa: TID251 - written for the library's transports
