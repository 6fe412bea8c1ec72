"""The litellm adapter over real HTTP, against a scripted server on loopback."""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from urllib.request import proxy_bypass

import pytest

from agents.runtime import breaker
from agents.runtime.interrupt import Interrupt, Interrupted, held_by
from agents.runtime.litellm_model import LiteLLM
from agents.runtime.litellm_model.library import keep_proxies_off_loopback
from agents.runtime.llm import (
    FailureKind,
    Message,
    ModelFailure,
    Request,
    Task,
    ToolCall,
    ToolSpec,
)
from aura.config import Settings
from tests.stubs.openai_server import (
    ScriptedOpenAI,
    calls,
    completion,
    error,
    hang,
    raw,
    says,
    status,
    trickle,
)

KEY = "sk-wire-0123456789abcdef"
STATUS = ToolSpec(
    name="git_status", description="Show it.", parameters={"type": "object", "properties": {}}
)
READ = ToolSpec(
    name="git_read_file",
    description="Read a file.",
    parameters={
        "type": "object",
        "properties": {"path": {"type": "string"}},
        "required": ["path"],
    },
)
HELLO = Message(role="user", content="hello")
REDIRECT = status(307, headers={"location": "/v1/elsewhere"})

# litellm's way of saying that a provider sent something else than documented, as some do here
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")

contacted: list[object] = []  # every host that this process asked for, from the import on


def watch_the_network(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        contacted.append(arguments[0])
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        contacted.append(arguments[1][0])


@pytest.fixture(autouse=True)
def every_provider_is_asked():
    """What another test found out about a provider does not count."""
    breaker.reset()


@pytest.fixture(scope="module", autouse=True)
def warm():
    """The import and a first call take up to 10 s; no test should pay for them in its limit."""
    contacted.clear()
    sys.addaudithook(watch_the_network)
    with ScriptedOpenAI([says("warm")]) as server:
        ask(server, timeout_s=60.0)


@pytest.fixture
def server():
    with ScriptedOpenAI() as running:
        yield running


def conversation(*messages: Message, tools: tuple[ToolSpec, ...] = (STATUS, READ)) -> Request:
    return Request(
        messages=messages or (HELLO,), tools=tools, task=Task(title="t", description="d")
    )


def model(server: ScriptedOpenAI, **changes) -> LiteLLM:
    settings = {"model": "openai/scripted", "api_key": KEY, "base_url": server.base_url}
    return LiteLLM(**{"timeout_s": 20.0, **settings, **changes})


def ask(server: ScriptedOpenAI, *messages: Message, **changes):
    return model(server, **changes).complete(conversation(*messages))


def failure(server: ScriptedOpenAI, answer, **changes) -> ModelFailure:
    """What `complete()` raises at this answer, sent as often as it is asked for."""
    server.play(lambda _: answer)
    with pytest.raises(ModelFailure) as caught:
        ask(server, **changes)
    return caught.value


# --- replies ------------------------------------------------------------------------------------


def test_a_text_reply(server):
    server.play([says("All pods run.")])
    reply = ask(server)
    assert (reply.text, reply.tool_calls, reply.model) == ("All pods run.", (), "openai/scripted")


def test_one_tool_call(server):
    server.play([calls(("git_read_file", {"path": "a.yaml"}), text="Let me look.")])
    reply = ask(server)
    assert reply.text == "Let me look."
    assert reply.tool_calls == (
        ToolCall(id="call_1", name="git_read_file", arguments='{"path": "a.yaml"}'),
    )


def test_several_tool_calls_keep_their_order(server):
    server.play([calls(("git_status", {}), ("git_read_file", {"path": "b"}), ("git_status", {}))])
    reply = ask(server)
    assert [(call.id, call.name) for call in reply.tool_calls] == [
        ("call_1", "git_status"),
        ("call_2", "git_read_file"),
        ("call_3", "git_status"),
    ]


def test_what_is_sent_has_the_documented_shape(server):
    server.play([says("done")])
    ask(
        server,
        Message(role="system", content="You run things."),
        HELLO,
        Message(
            role="assistant",
            content="",
            tool_calls=(
                ToolCall(id="c1", name="git_status", arguments="{}"),
                ToolCall(id="c2", name="git_read_file", arguments='{"path":"a"}'),
            ),
        ),
        Message(role="tool", content="clean", tool_call_id="c1"),
        Message(role="tool", content="kind: Pod", tool_call_id="c2"),
        max_tokens=77,
        temperature=0.5,
    )
    [seen] = server.requests
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.json == {
        "model": "scripted",
        "max_tokens": 77,
        "temperature": 0.5,
        "messages": [
            {"role": "system", "content": "You run things."},
            {"role": "user", "content": "hello"},
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "git_status", "arguments": "{}"},
                    },
                    {
                        "id": "c2",
                        "type": "function",
                        "function": {"name": "git_read_file", "arguments": '{"path":"a"}'},
                    },
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "clean"},
            {"role": "tool", "tool_call_id": "c2", "content": "kind: Pod"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "git_status",
                    "description": "Show it.",
                    "parameters": {"type": "object", "properties": {}},
                },
            },
            {
                "type": "function",
                "function": {
                    "name": "git_read_file",
                    "description": "Read a file.",
                    "parameters": {
                        "type": "object",
                        "properties": {"path": {"type": "string"}},
                        "required": ["path"],
                    },
                },
            },
        ],
    }


def test_no_tools_means_no_tools_field(server):
    server.play([says("a plan")])
    model(server).complete(conversation(tools=()))
    assert "tools" not in server.requests[0].json


@pytest.mark.parametrize("garbled", ['{"path": ', "[1]", "[" * 100_000])
def test_garbled_arguments_of_an_earlier_turn_are_sent_as_valid_json(server, garbled):
    server.play([says("sorry")])
    call = ToolCall(id="c1", name="git_status", arguments=garbled)
    ask(
        server,
        HELLO,
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content="not JSON", tool_call_id="c1"),
    )
    [sent] = server.requests[0].json["messages"][1]["tool_calls"]
    assert json.loads(sent["function"]["arguments"]) == {"unreadable": garbled}


# --- usage and cost -----------------------------------------------------------------------------


def test_configured_prices_count_per_thousand_tokens(server):
    server.play([says("x", prompt_tokens=1234, completion_tokens=56)])
    prices = {
        "prompt_price_per_1k": Decimal("0.01"),
        "completion_price_per_1k": Decimal("0.03"),
    }
    usage = ask(server, model="openai/gpt-4o", **prices).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (1234, 56)
    assert usage.cost == Decimal("0.01402")


def test_without_configured_prices_litellm_knows_those_of_public_models(server):
    server.play([says("x", prompt_tokens=1000, completion_tokens=1000)])
    cost = ask(server, model="openai/gpt-4o").usage.cost
    assert isinstance(cost, Decimal)
    assert cost > 0


def test_an_unknown_model_has_no_cost(server):
    server.play([says("x")])
    assert ask(server).usage.cost is None


def test_one_unknown_price_makes_the_cost_unknown(server):
    server.play([says("x")])
    assert ask(server, prompt_price_per_1k=Decimal("0.01")).usage.cost is None


def test_a_price_that_is_not_configured_is_the_models_own(server):
    server.play([says("x", prompt_tokens=1000, completion_tokens=1000)])
    cost = ask(server, model="openai/gpt-4o", prompt_price_per_1k=Decimal(0)).usage.cost
    assert cost == Decimal("0.01")


def test_what_was_used_and_is_not_told_has_no_cost(server):
    server.play([completion({"role": "assistant", "content": "x"}, usage={})])
    assert ask(server, prompt_price_per_1k=Decimal(1)).usage.cost is None


def test_how_long_a_conversation_may_be_is_told_where_it_is_known(server):
    server.play([says("x"), says("x")])
    assert ask(server, model="openai/gpt-4o", max_tokens=1000).context_tokens == 127_000
    assert ask(server).context_tokens == 0


def test_cost_tracking_can_be_off(server):
    server.play([says("x")])
    usage = ask(server, cost_tracking=False, prompt_price_per_1k=Decimal(1)).usage
    assert (usage.prompt_tokens, usage.cost) == (10, None)


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": -5, "completion_tokens": None}])
def test_usage_that_makes_no_sense_counts_as_none(server, usage):
    server.play([completion({"role": "assistant", "content": "x"}, usage=usage)])
    counted = ask(server).usage
    assert (counted.prompt_tokens, counted.completion_tokens) == (0, 0)


# --- sloppy providers ---------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [(None, None), ("", ""), ("same", "same"), (7, 7)])
def test_missing_and_doubled_ids_become_unique(server, ids):
    server.play([calls(("git_status", {}), ("git_status", {}), ids=ids)])
    first, second = ask(server).tool_calls
    assert isinstance(first.id, str)
    assert isinstance(second.id, str)
    assert first.id
    assert second.id
    assert first.id != second.id


def test_an_id_that_the_conversation_already_has_is_replaced_the_same_way_each_time(server):
    server.play(lambda _: calls(("git_status", {}), ids=("call_0",)))
    earlier = ToolCall(id="call_0", name="git_status", arguments="{}")
    history = (
        HELLO,
        Message(role="assistant", content="", tool_calls=(earlier,)),
        Message(role="tool", content="clean", tool_call_id="call_0"),
    )
    [once], [again] = ask(server, *history).tool_calls, ask(server, *history).tool_calls
    assert once.id != "call_0"
    assert once.id == again.id


@pytest.mark.parametrize(
    ("sent", "arguments"), [(None, "{}"), ("", "{}"), ("{", "{"), ('{"a": 1}', '{"a": 1}')]
)
def test_arguments_stay_the_text_they_were(server, sent, arguments):
    server.play([calls(("git_status", sent))])
    assert ask(server).tool_calls[0].arguments == arguments


def test_arguments_sent_as_an_object_become_json_text(server):
    function = {"name": "git_status", "arguments": {"path": "a"}}
    call = {"id": "c", "type": "function", "function": function}
    server.play([completion({"role": "assistant", "content": None, "tool_calls": [call]})])
    assert json.loads(ask(server).tool_calls[0].arguments) == {"path": "a"}


# --- failures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (status(429), FailureKind.RATE_LIMITED),
        (status(500), FailureKind.UNAVAILABLE),
        (status(500, error("rate limit service is down")), FailureKind.UNAVAILABLE),
        (status(502, "bad gateway"), FailureKind.UNAVAILABLE),
        (status(503), FailureKind.UNAVAILABLE),
        (status(504), FailureKind.UNAVAILABLE),
        (status(408), FailureKind.TIMEOUT),
        (status(401), FailureKind.CREDENTIALS),
        (status(401, error("No.", kind="invalid_request_error")), FailureKind.CREDENTIALS),
        (status(403), FailureKind.CREDENTIALS),
        (status(400), FailureKind.REFUSED),
        (status(404, error("no such model", code="model_not_found")), FailureKind.REFUSED),
        (status(422), FailureKind.REFUSED),
        (REDIRECT, FailureKind.REFUSED),
        (
            status(400, error("maximum context length is 8192", code="context_length_exceeded")),
            FailureKind.CONTEXT_OVERFLOW,
        ),
        (
            status(400, error("Too long.", code="context_length_exceeded")),
            FailureKind.CONTEXT_OVERFLOW,
        ),
        (
            status(400, error("This model's maximum context length is 8192 tokens.")),
            FailureKind.CONTEXT_OVERFLOW,
        ),
        (status(200, {"error": {"message": "slow down", "code": 429}}), FailureKind.RATE_LIMITED),
        (status(200, {"error": {"message": "odd", "code": "odd"}}), FailureKind.BAD_REPLY),
    ],
)
def test_each_http_error_has_its_kind(server, answer, kind):
    assert failure(server, answer).kind is kind
    assert len(server.requests) == 1


def test_an_error_nested_deeper_than_can_be_read_keeps_the_kind_of_its_status(server):
    body = b"[" * 100_000
    assert failure(server, replace(status(401), body=body)).kind is FailureKind.CREDENTIALS


@pytest.mark.parametrize(
    "body",
    [
        b"{not json",
        b"<html>proxy login</html>",
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": "x"}',
        b'{"choices": [{"index": 0, "message": null}]}',
        b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": 5}}]}',
        b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": null}}]}',
        b'{"choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": "x"}}]}',
    ],
)
def test_a_reply_that_cannot_be_read_is_a_bad_reply(server, body):
    assert failure(server, raw(body)).kind is FailureKind.BAD_REPLY
    assert len(server.requests) == 1


@pytest.mark.parametrize("arguments", [[1], 5, True])
def test_arguments_of_a_wrong_type_are_a_bad_reply(server, arguments):
    answer = calls(("git_status", arguments))
    assert failure(server, answer).kind is FailureKind.BAD_REPLY


def test_a_call_without_a_tool_name_is_a_bad_reply(server):
    nameless = calls((None, {}))  # type: ignore[arg-type]
    assert failure(server, nameless).kind is FailureKind.BAD_REPLY


def test_an_empty_reply_still_tells_what_it_cost(server):
    empty = completion({"role": "assistant", "content": ""}, finish_reason="length")
    prices = {"prompt_price_per_1k": Decimal(1), "completion_price_per_1k": Decimal(0)}
    raised = failure(server, empty, **prices)
    assert raised.kind is FailureKind.BAD_REPLY
    assert "AURA_LLM_MAX_TOKENS" in raised.message
    assert (raised.usage.prompt_tokens, raised.usage.cost) == (10, Decimal("0.01"))


def test_a_filtered_reply_is_a_refusal(server):
    empty = completion({"role": "assistant", "content": None}, finish_reason="content_filter")
    assert failure(server, empty).kind is FailureKind.REFUSED


@pytest.mark.parametrize(("value", "wanted"), [("7", 7.0), ("1.5", 1.5), ("-3", 0.0)])
def test_retry_after_is_handed_on(server, value, wanted):
    assert failure(server, status(429, headers={"retry-after": value})).retry_after_s == wanted


@pytest.mark.parametrize("value", ["soon", "nan", "inf", ""])
def test_a_retry_after_that_makes_no_sense_is_none(server, value):
    assert failure(server, status(429, headers={"retry-after": value})).retry_after_s is None


def test_retry_after_may_be_a_date(server):
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)  # noqa: TID251 - no Django here
    wish = failure(server, status(503, headers={"retry-after": then})).retry_after_s
    assert wish == pytest.approx(90, abs=10)


def test_a_refused_connection_is_unavailable_and_names_the_address_without_its_credentials(server):
    raised = failure(server, says("x"), base_url="http://ops:hunter2@127.0.0.1:9/v1")
    assert raised.kind is FailureKind.UNAVAILABLE
    assert "http://127.0.0.1:9" in raised.message
    assert "hunter2" not in raised.message


def test_a_connection_that_breaks_off_is_unavailable(server):
    broken = status(200, {"choices": []}, {"content-length": "1000", "connection": "close"})
    assert failure(server, broken).kind is FailureKind.UNAVAILABLE


@pytest.mark.parametrize("name", ["openai", "scripted/model"])
def test_an_unknown_provider_is_refused_before_anything_is_sent(server, name):
    raised = failure(server, says("x"), model=f"nobody/{name}")
    assert raised.kind is FailureKind.REFUSED
    assert "AURA_LLM_MODEL" in raised.message
    assert server.requests == []


def test_no_key_and_no_url_is_a_matter_of_credentials(server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    raised = failure(server, says("x"), api_key="", base_url="")
    assert raised.kind is FailureKind.CREDENTIALS


@pytest.mark.parametrize(
    "answer", [hang(30), trickle(every_s=0.1), trickle(every_s=0.1, head=True)]
)
def test_the_wall_clock_limit_holds_however_the_bytes_come(server, answer):
    started = time.monotonic()
    raised = failure(server, answer, timeout_s=0.6)
    assert raised.kind is FailureKind.TIMEOUT
    assert "0.6 s" in raised.message
    assert time.monotonic() - started < 20


def test_a_request_that_was_given_up_leaves_no_thread_behind(server):
    failure(server, trickle(every_s=0.05), timeout_s=0.3)
    deadline = time.monotonic() + 20
    while any(thread.name == "llm-request" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    "answer",
    [
        status(401, error(f"Incorrect API key provided: {KEY}")),
        status(403, error(f"{KEY[:9]}***{KEY[-4:]} may not")),
        status(400, error(f"header Bearer {KEY} is odd")),
        status(429, error(f"{KEY} is out of quota")),
        status(500, f"{'x' * 195}{KEY}"),
        raw(KEY.encode()),
        completion({"role": "assistant", "content": None, "refusal": KEY}),
    ],
)
def test_the_key_is_in_no_text_of_a_failure(server, answer, caplog, capfd):
    caplog.set_level("DEBUG", logger="aura")
    raised = failure(server, answer)
    written = "".join(traceback.format_exception(raised)) + repr(raised) + raised.message
    printed = capfd.readouterr()
    for text in (written, caplog.text, printed.out, printed.err):
        assert KEY not in text
        assert KEY[-4:] not in text
    assert raised.__cause__ is None
    assert raised.__context__ is None


def test_the_key_is_not_in_the_repr(server):
    assert KEY not in repr(model(server))


def test_long_words_of_the_provider_are_cut(server):
    raised = failure(server, status(400, error("y" * 5000)))
    assert raised.message.count("y") < 300


def test_every_message_is_a_sentence_that_names_a_setting(server):
    for answer in (status(429), status(500), status(401), status(404), raw(b"{")):
        message = failure(server, answer).message
        assert "AURA_LLM_" in message
        assert message.startswith("openai/scripted ")
        assert "litellm" not in message


# --- one attempt --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        status(400, error("Conversation roles must alternate user/assistant/user")),
        status(400, error("Last message must have role `user`")),
        status(422, error(json.dumps({"detail": [{"loc": ["body", "tools"]}]}))),
        status(429),
        status(500),
        REDIRECT,
    ],
)
def test_a_failed_request_is_sent_exactly_once(server, answer):
    failure(server, answer)
    assert len(server.requests) == 1


def test_a_good_request_is_sent_exactly_once(server):
    server.play(lambda _: says("x"))
    ask(server)
    assert len(server.requests) == 1


def test_nothing_but_the_configured_server_is_contacted(server):
    server.play([says("x"), calls(("git_status", {})), status(500)])
    for _ in range(2):
        ask(server)
    with pytest.raises(ModelFailure):
        ask(server)
    assert set(contacted) <= {"127.0.0.1", b"127.0.0.1", "::1", "localhost"}


def test_proxies_of_the_environment_do_not_matter_on_loopback(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    server.play([says("straight")])
    assert ask(server).text == "straight"


def test_other_transports_are_told_to_keep_proxies_off_loopback(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "corp.example")
    keep_proxies_off_loopback()
    assert [host for host in ("127.0.0.1", "localhost", "corp.example") if proxy_bypass(host)] == [
        "127.0.0.1",
        "localhost",
        "corp.example",
    ]
    assert not proxy_bypass("api.openai.com")


# --- keys, providers, settings ------------------------------------------------------------------


def test_the_machines_own_key_is_not_sent_to_a_configured_address(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-machine")
    server.play([says("x")])
    ask(server, api_key="")
    assert "sk-of-the-machine" not in str(server.requests[0].headers)


def test_a_name_without_a_provider_is_openais(server):
    server.play([says("x")])
    assert ask(server, model="llama-3").model == "llama-3"
    assert server.requests[0].json["model"] == "llama-3"


@pytest.mark.parametrize("name", ["hosted_vllm/x", "lm_studio/x"])
def test_other_providers_go_through_litellms_own_transport(server, name):
    server.play([calls(("git_status", {})), status(429, headers={"retry-after": "3"})])
    assert ask(server, model=name).tool_calls[0].name == "git_status"
    with pytest.raises(ModelFailure) as caught:
        ask(server, model=name)
    assert (caught.value.kind, caught.value.retry_after_s) == (FailureKind.RATE_LIMITED, 3.0)
    assert len(server.requests) == 2
    failed = failure(server, trickle(every_s=0.1), model=name, timeout_s=0.5)
    assert failed.kind is FailureKind.TIMEOUT


def test_settings_describe_the_model():
    settings = Settings(
        llm_model="openai/gpt-4o",
        llm_api_key=KEY,
        llm_base_url="http://127.0.0.1:1/v1",
        llm_fallback_models=("openai/b",),
        llm_max_tokens=9,
        llm_temperature=0.3,
        llm_timeout_s=5,
        llm_tool_mode="json_schema",
        cost_prompt_price=Decimal("0.01"),
        cost_completion_price=Decimal("0.03"),
        cost_tracking_enabled=False,
    )
    built = LiteLLM.from_settings(settings)
    assert (built.name, built.api_key, built.base_url) == (
        "openai/gpt-4o",
        KEY,
        settings.llm_base_url,
    )
    assert built.fallback_models == ("openai/b",)
    assert (built.max_tokens, built.temperature, built.timeout_s) == (9, 0.3, 5)
    assert (built.tool_mode, built.cost_tracking) == ("json_schema", False)
    assert (built.prompt_price_per_1k, built.completion_price_per_1k) == (
        Decimal("0.01"),
        Decimal("0.03"),
    )


# --- fallback models ----------------------------------------------------------------------------


def only(name: str, otherwise):
    """A server on which a single model works."""
    return lambda sent: says("hi") if sent["model"] == name else otherwise


@pytest.mark.parametrize(
    "answer",
    [status(429), status(503), status(400, error("long", code="context_length_exceeded"))],
)
def test_a_fallback_answers_in_the_place_of_a_model_that_cannot(server, answer):
    server.play(only("c", answer))
    reply = ask(server, fallback_models=("openai/b", "openai/c", "openai/d"))
    assert reply.model == "openai/c"
    assert [seen.json["model"] for seen in server.requests] == ["scripted", "b", "c"]


@pytest.mark.parametrize("answer", [status(401), status(400), raw(b"{")])
def test_no_fallback_is_asked_where_it_would_hide_a_mistake(server, answer):
    server.play(only("b", answer))
    with pytest.raises(ModelFailure):
        ask(server, fallback_models=("openai/b",))
    assert len(server.requests) == 1


def test_if_all_fail_the_first_failure_is_raised_and_names_the_others(server):
    answers = {"scripted": status(429, headers={"retry-after": "4"}), "b": status(401)}
    server.play(lambda sent: answers.get(sent["model"], status(503)))
    with pytest.raises(ModelFailure) as caught:
        ask(server, fallback_models=("openai/b", "openai/c"))
    assert (caught.value.kind, caught.value.retry_after_s) == (FailureKind.RATE_LIMITED, 4.0)
    assert "openai/b (credentials), openai/c (unavailable)" in caught.value.message


def test_a_fallback_of_another_provider_gets_neither_our_key_nor_our_address(server, monkeypatch):
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", server.base_url)
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "other-key")
    server.play(only("b", status(503)))
    assert ask(server, fallback_models=("hosted_vllm/b",)).model == "hosted_vllm/b"
    assert server.requests[1].headers["authorization"] == "Bearer other-key"


# --- models that keep to a schema ---------------------------------------------------------------

CALL_JSON = {
    "reasoning": "I need the file.",
    "calls": [
        {"name": "git_read_file", "arguments": {"path": "a"}},
        {"name": "git_status", "arguments": {}},
    ],
}


def ask_by_schema(server, *messages):
    return ask(server, *messages, tool_mode="json_schema")


@pytest.mark.parametrize("frame", ["{}", "```json\n{}\n```", "  {}\n"])
def test_schema_mode_reads_calls_from_json(server, frame):
    server.play(lambda _: says(frame.replace("{}", json.dumps(CALL_JSON))))
    reply, again = ask_by_schema(server), ask_by_schema(server)
    assert reply.text == "I need the file."
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [
        ("git_read_file", '{"path": "a"}'),
        ("git_status", "{}"),
    ]
    assert len({call.id for call in reply.tool_calls}) == 2
    assert reply.tool_calls == again.tool_calls


def test_schema_mode_without_calls_is_an_answer(server):
    server.play([says('{"reasoning": "All is well.", "calls": []}')])
    reply = ask_by_schema(server)
    assert (reply.text, reply.tool_calls) == ("All is well.", ())


def test_schema_mode_sends_text_and_a_schema_and_no_tools(server):
    server.play([says('{"reasoning": "ok", "calls": []}')])
    ask_by_schema(
        server,
        Message(role="system", content="You run things."),
        HELLO,
        Message(
            role="assistant",
            content="Looking.",
            tool_calls=(
                ToolCall(id="c1", name="git_status", arguments="{}"),
                ToolCall(id="c2", name="git_read_file", arguments='{"path": "a"}'),
            ),
        ),
        Message(role="tool", content="clean", tool_call_id="c1"),
        Message(role="tool", content="kind: Pod", tool_call_id="c2"),
    )
    sent = server.requests[0].json
    assert "tools" not in sent
    system, *turns = sent["messages"]
    assert system["role"] == "system"
    assert "You run things." in system["content"]
    assert "- git_read_file: Read a file." in system["content"]
    said = {
        "reasoning": "Looking.",
        "calls": [
            {"name": "git_status", "arguments": {}},
            {"name": "git_read_file", "arguments": {"path": "a"}},
        ],
    }
    assert turns == [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": json.dumps(said)},
        {
            "role": "user",
            "content": "Result of git_status:\nclean\n\nResult of git_read_file:\nkind: Pod",
        },
    ]
    assert sent["response_format"]["type"] == "json_schema"
    schema = sent["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["reasoning", "calls"]
    assert schema["properties"]["calls"]["items"]["anyOf"][1]["properties"] == {
        "name": {"type": "string", "enum": ["git_read_file"]},
        "arguments": {
            "type": "object",
            "properties": {"path": {"type": "string"}},
            "required": ["path"],
        },
    }


def test_schema_mode_without_tools_is_plain_text(server):
    server.play([says("a plan")])
    reply = model(server, tool_mode="json_schema").complete(conversation(tools=()))
    assert reply.text == "a plan"
    assert "response_format" not in server.requests[0].json


def test_schema_mode_does_not_nest_definitions_that_point_to_the_root(server):
    nested = ToolSpec(
        name="scale",
        description="",
        parameters={
            "$defs": {"Size": {"type": "integer"}},
            "properties": {"to": {"$ref": "#/$defs/Size"}},
        },
    )
    server.play([says('{"reasoning": "ok", "calls": []}')])
    model(server, tool_mode="json_schema").complete(conversation(tools=(nested,)))
    assert "$ref" not in json.dumps(server.requests[0].json["response_format"])


@pytest.mark.parametrize(
    "text",
    [
        "I think I should look at the file.",
        '{"reasoning": "cut',
        "[]",
        '{"reasoning": "no calls"}',
        '{"reasoning": "", "calls": []}',
        '{"reasoning": "", "calls": {}}',
        '{"reasoning": "", "calls": ["git_status"]}',
        '{"reasoning": "", "calls": [{"arguments": {}}]}',
        '{"reasoning": "", "calls": [{"name": "git_status", "arguments": [1]}]}',
    ],
)
def test_schema_mode_refuses_a_broken_reply_and_counts_its_tokens(server, text):
    raised = failure(server, says(text), tool_mode="json_schema")
    assert raised.kind is FailureKind.BAD_REPLY
    assert "AURA_LLM_TOOL_MODE" in raised.message
    assert raised.usage.prompt_tokens == 10


# --- threads ------------------------------------------------------------------------------------


def test_eight_threads_at_once_each_get_their_own_answer(server):
    together = threading.Barrier(8, timeout=60)

    def echo(sent):
        together.wait()  # answers only when eight requests are open at the same time
        return says(sent["messages"][-1]["content"])

    server.play(echo)
    shared = model(server)
    questions = [Message(role="user", content=f"question {n}") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda message: shared.complete(conversation(message)), questions))
    assert [reply.text for reply in replies] == [message.content for message in questions]
    assert len(server.requests) == 8


# --- circuit breaker and stop -------------------------------------------------------------------


def test_a_provider_that_keeps_failing_is_left_alone(server):
    for _ in range(breaker.FAILURES_TO_OPEN):
        failure(server, status(500))
    with pytest.raises(ModelFailure) as left_alone:
        ask(server)
    assert len(server.requests) == 1  # of the last failure; then nobody asked
    assert left_alone.value.kind is FailureKind.UNAVAILABLE
    assert (left_alone.value.retry_after_s or 0) >= 1
    assert "not asked for another" in left_alone.value.message


def test_a_provider_that_keeps_saying_too_many_is_left_alone_for_as_long_as_it_asks(server):
    for _ in range(breaker.FAILURES_TO_OPEN):
        failure(server, status(429, headers={"retry-after": "60"}))
    with pytest.raises(ModelFailure) as left_alone:
        ask(server)
    assert len(server.requests) == 1
    assert left_alone.value.kind is FailureKind.RATE_LIMITED
    assert (left_alone.value.retry_after_s or 0) > 1.5 * breaker.OPEN_S  # its own at most
    assert "quota" in left_alone.value.message


def test_a_provider_that_is_left_alone_is_skipped_and_its_fallback_answers(server, monkeypatch):
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", server.base_url)
    for _ in range(breaker.FAILURES_TO_OPEN):
        failure(server, status(503))
    server.play(only("b", status(503)))
    assert ask(server, fallback_models=("hosted_vllm/b",)).model == "hosted_vllm/b"
    assert [seen.json["model"] for seen in server.requests] == ["b"]


def test_when_the_fallbacks_are_left_alone_too_nobody_is_asked_and_all_are_named(
    server, monkeypatch
):
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", server.base_url)
    server.play(lambda _: status(503))
    for _ in range(breaker.FAILURES_TO_OPEN):
        with pytest.raises(ModelFailure):
            ask(server, fallback_models=("hosted_vllm/b",))
    before = len(server.requests)
    with pytest.raises(ModelFailure) as left_alone:
        ask(server, fallback_models=("hosted_vllm/b",))
    assert len(server.requests) == before == 2 * breaker.FAILURES_TO_OPEN
    assert "openai/scripted" in left_alone.value.message
    assert "hosted_vllm/b (unavailable)" in left_alone.value.message


@pytest.mark.parametrize("answer", [status(401), status(400), raw(b"nonsense")])
def test_an_answer_of_any_kind_proves_that_the_provider_is_there(server, answer):
    for _ in range(breaker.FAILURES_TO_OPEN + 1):
        failure(server, answer)
    assert len(server.requests) == 1


def test_a_request_in_flight_is_abandoned_within_a_second_of_the_stop(server):
    server.play([hang(20)])
    interrupt = Interrupt()
    threading.Timer(0.3, interrupt.set).start()
    began = time.monotonic()
    with held_by(interrupt), pytest.raises(Interrupted):
        ask(server)
    assert time.monotonic() - began < 15


def test_after_the_stop_nothing_is_asked_any_more(server):
    interrupt = Interrupt()
    interrupt.set()
    with held_by(interrupt), pytest.raises(Interrupted):
        ask(server)
    assert server.requests == []
