"""Cutting a conversation by rule."""

from __future__ import annotations

import json

import pytest

from agents.runtime import history
from agents.runtime.llm import Message, ToolCall

LONG = "x" * 5000
HEAD = [Message(role="system", content="rules"), Message(role="user", content="the ticket")]


def turn(number: int, tool: str = "git_read_file", result: str = LONG) -> list[Message]:
    arguments = json.dumps({"path": f"{number}.yaml", "content": LONG})
    call = ToolCall(id=f"c{number}", name=tool, arguments=arguments)
    return [
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content=result, tool_call_id=f"c{number}"),
    ]


def conversation(turns: int) -> list[Message]:
    return [*HEAD, *(m for n in range(1, turns + 1) for m in turn(n))]


def sent(messages: list[Message], cut_turns: int) -> tuple[Message, ...]:
    return history.sent(messages, cut_turns=cut_turns, lasting={"submit_plan"})


def test_nothing_is_cut_before_it_must():
    messages = conversation(3)
    assert sent(messages, 0) == tuple(messages)


def test_old_results_become_one_line_that_says_what_to_do_and_new_ones_stay_whole():
    short = sent(conversation(4), 2)
    assert short[:2] == tuple(HEAD)
    for place in (3, 5):
        assert "5000 characters" in short[place].content
        assert "read it again" in short[place].content
        assert "\n" not in short[place].content
    assert short[6:] == tuple(conversation(4)[6:])


def test_every_call_keeps_its_result_and_its_arguments_stay_json():
    short = sent(conversation(4), 4)
    said = [call.id for m in short for call in m.tool_calls]
    assert [m.tool_call_id for m in short if m.role == "tool"] == said
    arguments = json.loads(short[2].tool_calls[0].arguments)
    assert arguments["path"] == "1.yaml"
    assert len(arguments["content"]) < 500


def test_arguments_that_are_no_json_are_cut_too():
    messages = [
        *HEAD,
        Message(
            role="assistant",
            content="",
            tool_calls=(ToolCall(id="c", name="t", arguments="{" * 5000),),
        ),
        Message(role="tool", content="Error: no", tool_call_id="c"),
    ]
    short = sent(messages, 1)
    assert isinstance(json.loads(short[2].tool_calls[0].arguments), dict)
    assert short[3].content == "Error: no"


def test_a_cut_failure_is_still_one():
    messages = [*HEAD, *turn(1, result=f"Error: {LONG}")]
    assert sent(messages, 1)[3].content.startswith("Error: [cut: ")


def test_the_plan_is_never_cut():
    messages = [*HEAD, *turn(1, "submit_plan"), *turn(2)]
    assert sent(messages, 2)[2:4] == tuple(messages[2:4])


def test_each_cut_takes_half_of_what_is_whole_and_the_last_one_everything():
    messages, cuts, cut = conversation(8), [], 0
    while (following := history.next_cut(messages, cut)) is not None:
        cut = following
        cuts.append(cut)
    assert cuts == [4, 6, 7, 8]


def test_a_conversation_without_turns_cannot_be_cut():
    assert history.next_cut(HEAD, 0) is None


def test_the_beginning_stays_the_same_while_the_conversation_grows():
    assert sent(conversation(9), 4)[:16] == sent(conversation(8), 4)[:16]


@pytest.mark.parametrize(
    ("known", "context", "foreseen"),
    [(1000, 2600, True), (1000, 2700, False), (0, 2000, False), (1000, 0, False)],
)
def test_an_overflow_is_foreseen_where_the_figures_are_known(known, context, foreseen):
    found = history.too_long(conversation(2), known_tokens=known, context_tokens=context)
    assert found is foreseen
