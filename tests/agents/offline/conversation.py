"""A whole conversation played in memory: the planner's calls run on a dict of files.

Answers, verdicts and failures are played in the order in which they are needed.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.offline.planner import OfflinePlanner
from agents.runtime.fence import fence
from agents.runtime.llm import Message, Reply, Request, Task, ToolCall, ToolSpec

TOOLS = [
    *("git_list_files", "git_read_file", "git_write_file", "git_delete_file", "git_stage"),
    *("git_diff", "git_commit", "git_push", "submit_plan", "ask_question", "resolve", "give_up"),
]
APPROVED = "Plan approved. Carry it out now, step by step, and nothing else."
ENDS = {"resolve", "give_up"}
MAX_REPLIES = 40


@dataclass
class Conversation:
    """One ticket from its first reply to its end.

    `answers` are given to questions, `verdicts` to plans (None approves, a text rejects with it).
    `fails` may return an error text for a call (number of earlier calls of that tool is passed).
    `report` is what triage answers.
    """

    files: dict[str, str]
    title: str
    description: str = "."
    answers: Iterable[str] = ()
    verdicts: Iterable[str | None] = ()
    fails: Callable[[str, Mapping[str, Any], int], str | None] = lambda *_: None
    tools: Iterable[str] = tuple(TOOLS)
    report: str = ""
    messages: list[Message] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.before = dict(self.files)
        self._answers, self._verdicts = iter(self.answers), iter(self.verdicts)
        self.planned = False
        self.waits_for_answer = False

    def run(self) -> Conversation:
        """Play until the ticket ends, a question has no answer, or the planner says nothing."""
        planner = OfflinePlanner()
        specs = tuple(ToolSpec(name=t, description="", parameters={}) for t in self.tools)
        for _ in range(MAX_REPLIES):
            task = Task(title=self.title, description=self.description, planned=self.planned)
            request = Request(messages=tuple(self.messages), tools=specs, task=task)
            reply = planner.complete(request)
            self.replies.append(reply)
            self.messages.append(
                Message(role="assistant", content=reply.text, tool_calls=reply.tool_calls)
            )
            for call in reply.tool_calls:
                self.waits_for_answer = not self._play(call)
            if self.waits_for_answer or not reply.tool_calls or self.end:
                return self
        raise AssertionError("the conversation does not end")

    def _play(self, call: ToolCall) -> bool:
        arguments = json.loads(call.arguments)
        earlier = sum(1 for name, _, _ in self.calls if name == call.name)
        result = self.fails(call.name, arguments, earlier)
        if result is None:
            try:
                result = self._result(call, arguments)
            except StopIteration:
                self.calls.append((call.name, arguments, "waiting"))
                return False
        self.calls.append((call.name, arguments, result))
        self.messages.append(Message(role="tool", content=result, tool_call_id=call.id))
        return True

    def _result(self, call: ToolCall, arguments: dict[str, Any]) -> str:
        match call.name:
            case "submit_plan":
                verdict = next(self._verdicts, None)
                self.planned = verdict is None
                return APPROVED if verdict is None else f"Error: Plan rejected: {verdict}"
            case "ask_question":
                text = str(next(self._answers))
            case "triage_namespace":
                text = self.report
            case "git_commit":
                text = json.dumps({"sha": "abc1234", "message": arguments["message"]})
            case "git_push":
                text = json.dumps({"branch": "aura/ticket-1", "sha": "abc1234"})
            case _ if "file" in call.name:
                text = self._file(call.name, **arguments)
            case _:
                return "done"
        return text if text.startswith("Error") else fence(text, source=call.name, key=call.id)

    def _file(self, tool: str, path: str = "", content: str = "", prefix: str = "") -> str:
        match tool:
            case "git_list_files":
                return (
                    "\n".join(sorted(p for p in self.files if p.startswith(prefix))) or "no files"
                )
            case "git_read_file":
                return self.files.get(path, f"Error: there is no file {path}")
            case "git_write_file":
                self.files[path] = content
                return f"wrote {path}"
            case _:
                del self.files[path]
                return f"deleted {path}"

    @property
    def end(self) -> str:
        """The call that ended the work, or ""."""
        return next((n for n, _, r in self.calls if n in ENDS and not r.startswith("Error")), "")

    def of(self, tool: str) -> list[dict[str, Any]]:
        """The arguments of every call of a tool."""
        return [arguments for name, arguments, _ in self.calls if name == tool]

    @property
    def questions(self) -> list[str]:
        return [q["question"] for q in self.of("ask_question")]

    @property
    def plan(self) -> dict[str, Any]:
        """The last plan submitted."""
        return self.of("submit_plan")[-1]

    @property
    def summary(self) -> str:
        return str(self.of("resolve")[-1]["summary"])

    @property
    def reason(self) -> str:
        return str(self.of("give_up")[-1]["reason"])

    @property
    def changed(self) -> dict[str, str | None]:
        """Path -> new text (None: deleted) of everything that is not as it was."""
        paths = {**self.before, **self.files}
        return {p: self.files.get(p) for p in paths if self.files.get(p) != self.before.get(p)}

    def diff(self, path: str) -> list[str]:
        """The changed lines of a file, as `-old` and `+new`."""
        old, new = self.before.get(path, "").splitlines(), self.files.get(path, "").splitlines()
        lines = difflib.unified_diff(old, new, n=0, lineterm="")
        return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def converse(
    files: Mapping[str, str], title: str, description: str = ".", **how: Any
) -> Conversation:
    """Run a conversation to its end on a copy of `files`."""
    return Conversation(dict(files), title, description, **how).run()
