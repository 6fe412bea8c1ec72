"""Questions and direct calls, driven as a worker drives them, through the one door."""

from __future__ import annotations

import pytest

from agents.helpdesk import drive, tasks
from agents.models import CallState, HelpdeskTask, TaskState, ToolExecution
from agents.runtime.llm import LanguageModel, Reply, Request, ToolCall
from agents.runtime.tool import Inspection
from governance import approvals
from governance.audit.record import data_of
from governance.models import Approval, AuditEvent
from governance.policy import current
from governance.types import Impact, Resource
from tests.agents.helpdesk.desk import ADA, BEA, NAME, Desk, away

pytestmark = pytest.mark.django_db(transaction=True)


def called(tool: str, **arguments: object) -> HelpdeskTask:
    """A direct call, worked on until it can go no further."""
    task = tasks.call(NAME, tool, arguments, by=ADA, trace_id="dt_1")
    return worked(task)


def worked(task: HelpdeskTask, model: LanguageModel | None = None) -> HelpdeskTask:
    drive.advance(task.run_id, model)
    found = tasks.find(task.key)
    assert found is not None
    return found


def events(task: HelpdeskTask) -> list[str]:
    found = AuditEvent.objects.filter(trace_id=task.trace_id).order_by("pk")
    return list(found.values_list("type", flat=True))


def released(task: HelpdeskTask) -> None:
    approvals.approve(task.approval, by=BEA, reason="go on")


class TestDirectCalls:
    def test_a_read_is_answered_at_once(self, desk: Desk):
        task = called("look", text="hello")
        assert (task.state, task.text) == (TaskState.COMPLETED, "look: hello")
        assert task.artifacts[0]["parts"] == '{"said": "hello"}'
        assert task.tool_calls == ["look"]
        assert events(task) == ["tool_called", "gateway_request"]

    def test_every_event_carries_the_trace_and_the_caller(self, desk: Desk):
        task = called("look", text="hello")
        for event in AuditEvent.objects.filter(trace_id="dt_1"):
            body = data_of(event.body)
            assert (event.agent, event.session_id) == (NAME, task.key)
            assert body["actor"]["name"] == "ada"

    def test_the_tool_is_told_who_asks(self, desk: Desk):
        called("look")
        (context,) = desk.contexts
        assert (context.principal, context.trace_id) == (ADA, "dt_1")

    @pytest.mark.parametrize(
        ("tool", "arguments", "says"),
        [
            ("look", {"text": 5}, "text"),
            ("look", {"other": "x"}, "other"),
            ("look", {"text": "x" * 101}, "text"),
            ("nothing", {}, "there is no tool 'nothing'"),
        ],
    )
    def test_what_does_not_fit_fails_and_runs_nothing(self, desk: Desk, tool, arguments, says):
        task = called(tool, **arguments)
        assert (task.state, task.failure) == (TaskState.FAILED, "failed")
        assert says in task.text
        assert desk.ran == []

    def test_what_is_not_in_the_inventory_is_denied(self, desk: Desk):
        desk.resource = Resource(type="database", name="elsewhere")
        task = called("look")
        assert (task.state, task.failure) == (TaskState.FAILED, "denied")
        assert "policy denied" in task.text
        assert desk.ran == []

    def test_an_outside_that_is_away_is_told_at_once(self, desk: Desk):
        desk.fault = away()
        task = called("look")
        assert (task.state, task.failure) == (TaskState.FAILED, "failed")
        assert "connection refused" in task.text
        assert task.run.due_at is None

    def test_an_effect_that_got_no_answer_may_have_happened(self, desk: Desk):
        task = called("change")
        desk.fault = away()
        released(task)
        task = worked(task)
        assert task.state == TaskState.FAILED
        assert "look before doing it again" in task.text


class TestApprovals:
    def test_a_write_waits_for_a_person_and_goes_on_by_itself(self, desk: Desk):
        task = called("change", text="x")
        assert task.state == TaskState.INPUT_REQUIRED
        assert task.approval.startswith("apr_")
        assert task.approval in task.text
        assert desk.ran == []
        released(task)
        assert tasks.find(task.key).state == TaskState.WORKING
        task = worked(task)
        assert (task.state, task.text, desk.ran) == (TaskState.COMPLETED, "change: x", ["change"])
        assert "tool_invoked" in events(task)

    def test_who_asks_cannot_approve_what_destroys(self, desk: Desk):
        task = called("destroy")
        with pytest.raises(Exception, match="ada"):
            approvals.approve(task.approval, by=ADA, reason="mine")
        assert desk.ran == []

    def test_a_denial_is_the_answer(self, desk: Desk):
        task = called("change")
        approvals.deny(task.approval, by=BEA, reason="not today")
        task = worked(task)
        assert (task.state, task.failure) == (TaskState.FAILED, "denied")
        assert "not today" in task.text
        assert desk.ran == []

    def test_a_cancelled_task_withdraws_its_request(self, desk: Desk):
        task = called("change")
        tasks.cancel(task.key, by=ADA)
        assert Approval.objects.get(key=task.approval).status == "cancelled"
        assert tasks.find(task.key).state == TaskState.CANCELED
        assert worked(task).state == TaskState.CANCELED
        with pytest.raises(tasks.NotCancelable):
            tasks.cancel(task.key, by=ADA)
        assert desk.ran == []

    def test_a_decision_that_nobody_heard_of_is_found(self, desk: Desk, monkeypatch):
        task = called("change")
        monkeypatch.setattr(tasks, "settle", lambda task: None)
        released(task)
        monkeypatch.undo()
        assert tasks.find(task.key).state == TaskState.INPUT_REQUIRED
        tasks.settle_decided()
        assert tasks.find(task.key).state == TaskState.WORKING
        assert tasks.due_runs() == [task.run_id]


class TestInspections:
    def test_what_it_would_touch_is_shown_to_who_approves(self, desk: Desk):
        desk.seen = Inspection(plan="UPDATE of 3 rows", preconditions={"uid": "a"})
        task = called("change")
        assert Approval.objects.get(key=task.approval).context["preview"] == "UPDATE of 3 rows"

    def test_what_has_changed_since_is_asked_for_anew(self, desk: Desk):
        desk.seen = Inspection(preconditions={"uid": "a"})
        task = called("change")
        first = task.approval
        desk.seen = Inspection(preconditions={"uid": "b"})
        released(task)
        task = worked(task)
        assert task.state == TaskState.INPUT_REQUIRED
        assert task.approval != first
        assert desk.ran == []
        released(task)
        assert worked(task).state == TaskState.COMPLETED
        assert desk.contexts[-1].preconditions == {"uid": "b"}

    def test_what_cannot_be_inspected_is_refused_before_anybody_is_asked(self, desk: Desk):
        desk.uninspectable = "there is no session 42"
        task = called("destroy")
        assert (task.state, task.text) == (TaskState.FAILED, "there is no session 42")
        assert not Approval.objects.exists()

    def test_a_crash_in_between_does_not_run_it_twice(self, desk: Desk):
        desk.seen = Inspection(preconditions={"uid": "a"})
        task = called("change")
        released(task)
        call = ToolExecution.objects.get(run=task.run)
        ToolExecution.objects.filter(pk=call.pk).update(state=CallState.BEGUN)
        task = worked(task)
        assert task.state == TaskState.FAILED
        assert "outcome unknown" in task.text
        assert desk.ran == []


class TestMeasured:
    def test_more_than_the_policy_allows_is_not_committed(self, desk: Desk, monkeypatch):
        limited(monkeypatch, rows=10)
        desk.measured = Impact(rows=11)
        task = called("change")
        released(task)
        task = worked(task)
        assert task.state == TaskState.FAILED
        assert "policy denied" in task.text
        assert desk.ran == []


def limited(monkeypatch: pytest.MonkeyPatch, *, rows: int) -> None:
    """The policy in force has a limit for writes."""
    text = f"""
version: "1"
policies:
  - name: limited
    resources: [{{type: database}}]
    rules:
      - action: write
        effect: require_approval
        conditions: {{max_rows_affected: {rows}}}
"""
    monkeypatch.setattr(current, "built_in_text", lambda: text)
    current.forget()


@pytest.fixture(autouse=True)
def forget_the_policy():
    yield
    current.forget()


class Talker:
    """A model that says what it is given, one reply after the other."""

    name = "test/talker"

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []

    def complete(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0)


class TestQuestions:
    def test_without_a_model_the_facts_are_listed(self, desk: Desk):
        desk.questions = [("look", {"text": "one"}), ("look", {"text": "two"})]
        task = worked(tasks.ask(NAME, "look at it", by=ADA))
        assert task.state == TaskState.COMPLETED
        assert "look: one" in task.text
        assert "look: two" in task.text
        assert "<data-" not in task.text
        assert task.trace_id.startswith("tr_")
        assert len(task.trace_id) == len("tr_0f8fad5b-d9c")

    def test_without_a_rule_it_says_what_can_be_asked(self, desk: Desk):
        task = worked(tasks.ask(NAME, "sing", by=ADA))
        assert task.state == TaskState.COMPLETED
        assert "What is there?" in task.text

    def test_a_model_uses_the_tools_and_answers(self, desk: Desk):
        model = Talker(
            Reply(tool_calls=(ToolCall(id="1", name="look", arguments='{"text": "x"}'),)),
            Reply(text="It says x."),
        )
        task = worked(tasks.ask(NAME, "what is it?", by=ADA), model)
        assert (task.state, task.text) == (TaskState.COMPLETED, "It says x.")
        said = [message.content for message in model.requests[0].messages]
        assert said == ["secret instructions", "what is it?"]

    def test_the_same_person_goes_on_in_the_same_context(self, desk: Desk):
        first = worked(
            tasks.ask(NAME, "one?", by=ADA, context_id="c1"), Talker(Reply(text="first"))
        )
        model = Talker(Reply(text="second"))
        worked(tasks.ask(NAME, "two?", by=ADA, context_id=first.context_id), model)
        said = [message.content for message in model.requests[0].messages]
        assert said[1:] == ["one?", "first", "two?"]
        other = Talker(Reply(text="third"))
        worked(tasks.ask(NAME, "three?", by=BEA, context_id=first.context_id), other)
        assert [m.content for m in other.requests[0].messages][1:] == ["three?"]

    def test_a_model_that_never_ends_is_ended(self, desk: Desk):
        calls = [
            Reply(tool_calls=(ToolCall(id=str(n), name="look", arguments="{}"),)) for n in range(30)
        ]
        task = worked(tasks.ask(NAME, "go", by=ADA), Talker(*calls))
        assert (task.state, task.failure) == (TaskState.FAILED, "failed")
        assert len(desk.ran) == 20
