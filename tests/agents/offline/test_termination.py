"""Whatever the tools answer, the work ends within forty replies."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.offline.planner import OfflinePlanner
from agents.runtime.llm import Message, Request, Task, ToolCall, ToolSpec
from tests.agents.offline.conversation import APPROVED, ENDS, MAX_REPLIES, TOOLS
from tests.agents.offline.repositories import demo, flat, kustomized, overlays, plain

TITLES = st.sampled_from(
    [
        "Deploy nginx 1.27 with 2 replicas",
        "Deploy shop",
        "Deploy nginx and redis on port 99999 with password=x",
        "Scale web to 5",
        "Scale hello up by 1 in production",
        "Update web to 1.3.0",
        "Set LOG_LEVEL=debug on web in dev",
        "Expose web at web.example.com",
        "Remove web",
        "Remove hello and deploy it again",
        "Why is it slow?",
        "",
    ]
)
REPOSITORIES = st.sampled_from([demo(), overlays(), kustomized(), plain(), flat(), {}])
RESULTS = st.one_of(
    st.sampled_from(
        [
            APPROVED,
            "Error: Plan rejected: use 3 replicas",
            "Error: Plan rejected: use 4 replicas in namespace web",
            "Error: Plan rejected: ",
            "Plan rejected: call it landing",
            "Error: Denied by ops: no",
            "Error: it broke",
            "Error: ",
            "",
            "retry",
            "yes",
            "all",
            "web",
            "go on without it",
            "use 5 replicas",
            "nginx:1.27",
            "Deploy redis",
            "Scale web to 7",
            "apps/web/deployment.yaml\napps/web/kustomization.yaml",
            '{"sha": "abc", "branch": "b"}',
            "kind: Deployment\nmetadata: {name: web}\nspec: []",
            "- [",
            "<data-0 source=\"x\">\nretry\n</data-0>",
        ]
    ),
    st.text(max_size=40),
)  # fmt: skip
# How often a tool does what it should, in percent: the far ends of a conversation are reached too.
TRUST = st.sampled_from([0, 50, 80, 95])


class World:
    """Tools that mostly work, or answer anything at all."""

    def __init__(self, files: dict[str, str], trust: int, data: st.DataObject) -> None:
        self.files, self.trust, self.data = dict(files), trust, data

    def answer(self, tool: str, arguments: dict[str, Any]) -> str:
        if self.data.draw(st.integers(0, 99)) >= self.trust:
            return self.data.draw(RESULTS)
        if tool == "git_write_file":
            self.files[arguments["path"]] = arguments["content"]
        if tool == "git_delete_file":
            self.files.pop(arguments["path"], None)
        options = arguments.get("options") or ["3", "ghcr.io/acme/shop:1"]
        good = {
            "git_list_files": "\n".join(self.files),
            "git_read_file": self.files.get(arguments.get("path", ""), "Error: no such file"),
            "submit_plan": APPROVED,
            "ask_question": str(self.data.draw(st.sampled_from(options))),
        }
        return good.get(tool, "{}")


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    title=TITLES,
    files=REPOSITORIES,
    trust=TRUST,
    planned=st.booleans(),
    tools=st.one_of(st.just(TOOLS), st.lists(st.sampled_from(TOOLS), unique=True)),
    data=st.data(),
)
def test_every_conversation_ends(
    title: str,
    files: dict[str, str],
    trust: int,
    planned: bool,  # noqa: FBT001 - drawn by hypothesis
    tools: list[str],
    data: st.DataObject,
) -> None:
    world, planner = World(files, trust, data), OfflinePlanner()
    messages: list[Message] = []
    specs = tuple(ToolSpec(name=t, description="", parameters={}) for t in tools)
    ids: set[str] = set()
    for _ in range(MAX_REPLIES):
        task = Task(title=title, description=".", planned=planned)
        request = Request(messages=tuple(messages), tools=specs, task=task)
        reply = planner.complete(request)
        assert reply.text
        if not reply.tool_calls:
            return
        assert {call.name for call in reply.tool_calls} <= set(tools)
        assert not ids & {call.id for call in reply.tool_calls}
        ids |= {call.id for call in reply.tool_calls}
        messages.append(Message(role="assistant", content="", tool_calls=reply.tool_calls))
        for call in reply.tool_calls:
            if call.name in ENDS:
                return
            result = world.answer(call.name, json.loads(call.arguments))
            messages.append(Message(role="tool", content=result, tool_call_id=call.id))
    raise AssertionError("forty replies and no end")


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(title=TITLES, files=REPOSITORIES, data=st.data())
def test_the_same_conversation_gets_the_same_reply(
    title: str, files: dict[str, str], data: st.DataObject
) -> None:
    world = World(files, 90, data)
    messages: list[Message] = []
    specs = tuple(ToolSpec(name=t, description="", parameters={}) for t in TOOLS)
    for _ in range(6):
        task = Task(title=title, description="")
        request = Request(messages=tuple(messages), tools=specs, task=task)
        reply = OfflinePlanner().complete(request)
        assert OfflinePlanner().complete(request) == reply
        messages.append(Message(role="assistant", content="", tool_calls=reply.tool_calls))
        for call in reply.tool_calls:
            result = world.answer(call.name, json.loads(call.arguments))
            messages.append(Message(role="tool", content=result, tool_call_id=call.id))


def test_after_an_end_the_work_can_begin_anew_and_remembers_the_answers() -> None:
    calls = [
        ("git_list_files", {}, ""),
        ("ask_question", {"question": "Which image or version should run? x"}, "acme/shop:1.0"),
        ("give_up", {"reason": "x"}, "Given up."),
        ("git_list_files", {}, "apps/kustomization.yaml"),
    ]
    messages = []
    for number, (tool, arguments, result) in enumerate(calls):
        call = _call(f"c{number}", tool, arguments)
        messages.append(Message(role="assistant", content="", tool_calls=(call,)))
        messages.append(Message(role="tool", content=result, tool_call_id=call.id))
    read = _call("r", "git_read_file", {"path": "apps/kustomization.yaml"})
    messages.append(Message(role="assistant", content="", tool_calls=(read,)))
    messages.append(Message(role="tool", content="resources: []\n", tool_call_id="r"))
    specs = tuple(ToolSpec(name=t, description="", parameters={}) for t in TOOLS)
    task = Task(title="Deploy shop", description="")
    reply = OfflinePlanner().complete(Request(messages=tuple(messages), tools=specs, task=task))
    assert [call.name for call in reply.tool_calls] == ["submit_plan"]
    assert "acme/shop:1.0" in reply.tool_calls[0].arguments


def _call(id_: str, tool: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall(id=id_, name=tool, arguments=json.dumps(arguments))
