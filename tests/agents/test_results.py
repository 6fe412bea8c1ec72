"""Long results: whole in their row, cut for the model, read on with `read_result`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agents.definition import HelpdeskAgent
from agents.helpdesk import catalogue, drive, tasks
from agents.models import HelpdeskTask, ToolExecution
from agents.runtime import history
from agents.runtime.fence import unfence
from agents.runtime.llm import Message, Request
from agents.runtime.results import READ_RESULT
from agents.runtime.tool import NoArguments, Tool, ToolFailure, ToolResult
from governance.types import ActionClass, ActorKind, Principal, Resource, Role
from tests.fakes import ScriptedModel, call, says

pytestmark = pytest.mark.django_db

ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({Role.OPERATOR.value}))
LONG = "".join(f"{number:07d}\n" for number in range(5000))  # 40,000 characters
MOST = 16_000
HEAD, TAIL = 12_000, 4_000


def fail() -> str:
    raise ToolFailure(LONG)


def tool(name: str, text: Callable[[], str], **more: Any) -> Tool:
    return Tool(
        name=name,
        description=name,
        action_class=ActionClass.READ,
        parameters=NoArguments,
        run=lambda _, __: ToolResult(content=text()),
        resource=lambda _: Resource(type="web", name="x"),
        **more,
    )


@pytest.fixture(autouse=True)
def agent(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    """One agent with long answers, asked by a model that reads 16,000 characters of each."""
    settings.AURA = settings.AURA.model_copy(
        update={"llm_model": "scripted", "tool_result_chars": MOST}
    )
    made = HelpdeskAgent(
        name="reader",
        family="db",
        title="Reader",
        description="",
        instructions="read",
        tools=lambda: [
            tool("log", lambda: LONG),
            tool("own", lambda: LONG, trusted=True),
            tool("paged", lambda: LONG, pages=True),
            tool("broken", fail),
            tool("short", lambda: "x" * MOST),
        ],
        calls_for=lambda _: [("log", {})],
        port_index=0,
    )
    monkeypatch.setattr(catalogue, "agents", lambda: (made,))
    catalogue.toolset.cache_clear()
    yield
    catalogue.toolset.cache_clear()


def asked(*script: Any) -> tuple[HelpdeskTask, list[Message]]:
    """The task, and what the model was told by each call, in order."""
    model = ScriptedModel([*script, says(text="done")])
    task = tasks.ask("reader", "what is there?", by=ADA)
    drive.advance(task.run_id, model)
    found = tasks.find(task.key)
    assert found is not None
    last: Request = model.requests[-1]
    return found, [message for message in last.messages if message.role == "tool"]


def read_on(**arguments: Any) -> Any:
    return says(call(READ_RESULT, **arguments))


def test_head_and_tail_are_shown_with_how_to_read_on():
    _, (told,) = asked(says(call("log")))
    text = unfence(told.content)
    line = (
        f"\n[cut: characters {HEAD} to {40_000 - TAIL} of 40000 are left out; read on with"
        f' read_result(call="1.0", offset={HEAD})]\n'
    )
    assert text == LONG[:HEAD] + line + LONG[-TAIL:]


def test_the_row_keeps_the_whole():
    task, _ = asked(says(call("log")))
    assert ToolExecution.objects.get(run=task.run).result == LONG


def test_what_fits_is_shown_as_it_is():
    _, (told,) = asked(says(call("short")))
    assert unfence(told.content) == "x" * MOST


def test_reading_on_gives_all_of_it():
    _, told = asked(
        says(call("log")),
        read_on(call="1.0", offset=HEAD),
        read_on(call="1.0", offset=HEAD + MOST),
        read_on(call="1.0", offset=39_000, limit=10),
    )
    parts = [unfence(message.content) for message in told[1:]]
    end = HEAD + MOST
    assert parts[0] == (
        LONG[HEAD:end] + f"\n[cut: characters {HEAD} to {end} of 40000; read on with offset={end}]"
    )
    assert parts[1] == LONG[end:]
    assert parts[2].startswith(LONG[39_000:39_010] + "\n[cut: ")


def test_what_was_data_from_outside_stays_fenced_as_such():
    _, told = asked(says(call("log"), call("own")), read_on(call="1.0"), read_on(call="1.1"))
    fenced = [message.content.startswith("<data-") for message in told]
    assert fenced == [True, False, True, False]
    assert 'source="log"' in told[2].content


def test_a_long_failure_is_cut_and_can_be_read_on():
    _, told = asked(says(call("broken")), read_on(call="1.0", offset=HEAD, limit=8))
    assert told[0].content.startswith("Error: 0000000")
    assert "[cut: " in told[0].content
    assert unfence(told[1].content).startswith(LONG[HEAD : HEAD + 8])


@pytest.mark.parametrize("name", ["1.1", "2.0", "9.9", "7777.0"])
def test_a_result_that_is_not_there_is_a_sentence(name):
    _, told = asked(says(call("log")), read_on(call=name))
    assert told[1].content.startswith(f"Error: there is no result {name}")


@pytest.mark.parametrize(
    "arguments",
    [{}, {"call": "x"}, {"call": "1.0", "offset": -1}, {"call": "1.0", "limit": 0}]
)  # fmt: skip
def test_nonsense_is_refused(arguments):
    _, told = asked(says(call("log")), read_on(**arguments))
    assert told[1].content.startswith("Error: the arguments of read_result do not fit")


def test_reading_behind_the_end_says_how_long_it_is():
    _, told = asked(says(call("log")), read_on(call="1.0", offset=40_000))
    assert told[1].content == "Error: the result 1.0 has 40000 characters; read an earlier part"


def test_another_runs_results_cannot_be_read():
    asked(says(call("log"), call("log")))
    _, told = asked(says(call("short")), read_on(call="1.1"))
    assert told[1].content.startswith("Error: there is no result 1.1")


def test_a_tool_that_pages_is_not_cut_again():
    _, (told,) = asked(says(call("paged")))
    assert unfence(told.content) == LONG


def test_without_a_model_the_answer_is_whole(settings):
    settings.AURA = settings.AURA.model_copy(update={"llm_model": ""})
    task = tasks.ask("reader", "log", by=ADA)
    drive.advance(task.run_id)
    assert tasks.find(task.key).text == LONG


def test_a_direct_call_is_answered_with_the_whole():
    task = tasks.call("reader", "log", {}, by=ADA)
    drive.advance(task.run_id)
    assert tasks.find(task.key).text == LONG


def test_an_old_result_that_the_history_leaves_out_is_named():
    _, told = asked(says(call("log")))
    messages = [Message(role="assistant", content=""), *told]
    (_, short) = history.sent(messages, cut_turns=1, lasting=())
    assert 'it is still there for read_result(call="1.0")' in short.content
