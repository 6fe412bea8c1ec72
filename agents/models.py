"""Conversations as rows: a Run, its Turns (model round trips) and their ToolExecutions.

Rows are only ever added, or given their outcome: what a turn writes does not grow with the
conversation.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models.functions import Now

from agents.types import WaitKind
from governance.models import Approval
from governance.types import ActionClass, ActorKind, Principal


class Run(models.Model):
    """One conversation of an agent, and its place in the queue.

    The row is the queue: it is due when `due_at` has come, and belongs to the worker that raised
    `token` until `lease_until`. Every write of a worker is fenced by that token.

    `failures`: turns in a row that led nowhere, judged by `recent`. `outside_failures`
    and `bad_replies`: requests, since `failing_since`, that something outside did not serve, or
    answered with what cannot be used; `NO_FAILURES` after one that was served. `cut_turns`: of so
    many of the oldest turns the model is told the outline alone. `budget_from`: what was used up
    when a person last started the run or let it go on.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.CharField(max_length=64)
    trace_id = models.CharField(max_length=64, db_index=True)
    prompt = models.JSONField(default=list)
    context = models.JSONField(default=dict)
    due_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    token = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    announced_turn = models.PositiveIntegerField(default=0)
    outside_failures = models.PositiveIntegerField(default=0, db_default=0)
    bad_replies = models.PositiveIntegerField(default=0, db_default=0)
    cut_turns = models.PositiveIntegerField(default=0, db_default=0)
    recent = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    worked_ms = models.PositiveBigIntegerField(default=0, db_default=0)
    budget_from = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], name="run_due", condition=models.Q(due_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.agent} {self.id}"


NO_FAILURES: dict[str, Any] = {"failing_since": None, "outside_failures": 0, "bad_replies": 0}


class Turn(models.Model):
    """One model request and its answer. `number` counts over the whole trace, from 1."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="turns")
    number = models.PositiveIntegerField()
    phase = models.CharField(max_length=32)
    text = models.TextField(blank=True)
    model = models.CharField(max_length=200, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=8, null=True)
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_turn_a_number")]
        indexes = [models.Index(fields=["answered_at"], name="turn_by_time")]

    def __str__(self) -> str:
        return f"turn {self.number}"


class CallState(models.TextChoices):
    """`begun`: the intent is committed and the effect may be there; `done`: the result is known."""

    PROPOSED = "proposed"
    WAITING = "waiting"
    BEGUN = "begun"
    DONE = "done"


class ToolExecution(models.Model):
    """One tool call: what the model asked, what was allowed, what came of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="calls")
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, related_name="calls")
    position = models.PositiveIntegerField()
    call_id = models.TextField()  # some providers pack a signature of kilobytes into it
    tool = models.CharField(max_length=100)
    raw_arguments = models.TextField()
    arguments = models.JSONField(default=dict)
    action_class = models.CharField(
        max_length=16, choices=[(c, c) for c in ActionClass], default=ActionClass.UNKNOWN
    )
    resource = models.CharField(max_length=600, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    policy = models.CharField(max_length=100, blank=True)
    decision = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    inspection = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    state = models.CharField(max_length=16, choices=CallState.choices, default=CallState.PROPOSED)
    wait = models.CharField(max_length=32, blank=True, choices=[(k, k) for k in WaitKind])
    wait_detail = models.JSONField(default=dict)
    approval = models.ForeignKey(
        Approval, on_delete=models.PROTECT, null=True, related_name="calls"
    )
    token = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    failed = models.BooleanField(default=False)
    result = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    waiting_since = models.DateTimeField(null=True)
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["turn__number", "position"]
        constraints = [
            models.UniqueConstraint(fields=["turn", "position"], name="one_call_a_position")
        ]
        indexes = [
            models.Index(
                fields=["run"],
                name="call_open",
                condition=~models.Q(state="done"),
            ),
            models.Index(fields=["tool"], name="call_by_tool"),
        ]

    def __str__(self) -> str:
        return self.tool


class TaskState(models.TextChoices):
    """The states of A2A, by their names on the wire."""

    SUBMITTED = "submitted"
    WORKING = "working"
    INPUT_REQUIRED = "input-required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"


ENDED_TASK = frozenset(
    {TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED, TaskState.REJECTED}
)


class TaskFailure(models.TextChoices):
    """Why a task has no answer: somebody said no, a tool could not, or nobody was there to work."""

    NONE = ""
    DENIED = "denied"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


class HelpdeskTask(models.Model):
    """One question to a helpdesk agent, or one direct call of a tool; a task as A2A has it.

    `tool` is empty for a question. `message` is what the client sent, as it sent it, `artifacts`
    are `{"id", "name", "parts"}` with one text each. `asked_by` is who asked, by their credential;
    `roles` are those they had then. `approval` is the key of the request that is waited for.
    `version` rises with every change that people are shown.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=32, unique=True)
    agent = models.CharField(max_length=64)
    context_id = models.CharField(max_length=128, db_index=True)
    trace_id = models.CharField(max_length=64, db_index=True)
    tool = models.CharField(max_length=100, blank=True)
    arguments = models.JSONField(default=dict)
    question = models.TextField(blank=True)
    message = models.JSONField(default=dict)
    asked_kind = models.CharField(max_length=16)
    asked_by = models.CharField(max_length=150)
    roles = models.JSONField(default=list)
    purpose = models.CharField(max_length=200, blank=True)
    purpose_note = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=TaskState.choices, default=TaskState.SUBMITTED)
    failure = models.CharField(max_length=16, choices=TaskFailure.choices, blank=True)
    text = models.TextField(blank=True)
    artifacts = models.JSONField(default=list)
    tool_calls = models.JSONField(default=list)
    approval = models.CharField(max_length=32, blank=True)
    turns = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="task")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "question to agents"
        verbose_name_plural = "questions to agents"
        indexes = [
            models.Index(
                fields=["state"],
                name="task_waits",
                condition=models.Q(state=TaskState.INPUT_REQUIRED),
            )
        ]
        permissions = [("ask_agents", "Can ask the helpdesk's agents and call their tools")]

    def __str__(self) -> str:
        return self.key

    @property
    def principal(self) -> Principal:
        """Who asked."""
        return Principal(
            kind=ActorKind(self.asked_kind), name=self.asked_by, roles=frozenset(self.roles)
        )


class TaskMessage(models.Model):
    """A further message to a task that had not ended, in the shape of A2A 1.0."""

    task = models.ForeignKey(HelpdeskTask, on_delete=models.CASCADE, related_name="messages")
    message = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"message to {self.task_id}"


class PushConfig(models.Model):
    """A URL that a client wants to be told how its task stands (A2A push notifications).

    `token` and `credentials` are sealed. `told_version`: the version of the task that it was told
    last; `next_at`: when it may be told the next one, null when there is nothing left to tell.
    """

    task = models.ForeignKey(HelpdeskTask, on_delete=models.CASCADE, related_name="push_configs")
    name = models.CharField(max_length=128)
    protocol = models.CharField(max_length=8)
    url = models.CharField(max_length=2048)
    token = models.TextField(blank=True)
    scheme = models.CharField(max_length=64, blank=True)
    credentials = models.TextField(blank=True)
    told_version = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    status_code = models.PositiveIntegerField(null=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "name"], name="one_push_a_name")]
        indexes = [
            models.Index(
                fields=["next_at"], name="push_due", condition=models.Q(next_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.task_id} {self.name}"


class DatabaseSnapshot(models.Model):
    """What a database of the inventory was like at one time: what later looks are compared with.

    `figures` as `agents.database.snapshots` takes them, without credentials.
    """

    target = models.CharField(max_length=200)
    taken_at = models.DateTimeField(db_default=Now())
    taken_by = models.CharField(max_length=150)
    figures = models.JSONField()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["target", "-id"], name="snapshot_of_target")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.target} at {self.taken_at:%Y-%m-%d %H:%M}"


class Incident(models.Model):
    """One diagnostic bundle. `key` is its public id, 8 hexadecimal digits.

    `call` is the tool call that made it: done again after a crash, it makes no second one. `path`
    is where the archive lies on the machine `host`, `sha256` what it was when it was written.
    `errors` are lines `layer/file: error`. `callback_next_at` is when the receiver is told next;
    empty when it was told, or is told no more.
    """

    key = models.CharField(max_length=8, unique=True)
    call = models.UUIDField(unique=True)
    trace_id = models.CharField(max_length=64, db_index=True)
    asked_by = models.CharField(max_length=200)
    infra_key = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    layers = models.JSONField(default=list)
    errors = models.JSONField(default=list)
    host = models.CharField(max_length=255)
    path = models.TextField()
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    callback_url = models.TextField(blank=True)
    callback_attempts = models.PositiveIntegerField(default=0)
    callback_next_at = models.DateTimeField(null=True)
    callback_sent_at = models.DateTimeField(null=True)
    callback_error = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "incident bundle"
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="incident_by_time"),
            models.Index(
                fields=["callback_next_at"],
                name="incident_callback_due",
                condition=models.Q(callback_next_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.infra_key}"

    @property
    def timestamp(self) -> str:
        """When it was made, as the archive is named: `YYYYMMDD-HHMMSS`, UTC."""
        return f"{self.created_at:%Y%m%d-%H%M%S}"

    @property
    def name(self) -> str:
        """Name of the archive without its suffix, and of the one folder in it."""
        return f"incident-{self.key}-{self.timestamp}"

    def as_result(self) -> dict[str, Any]:
        """What `create_incident_bundle` answers (behaviour §4.4)."""
        errors = {"errors": self.errors} if self.errors else {}
        return {
            "incident_id": self.key,
            "bundle_path": self.path,
            "timestamp": self.timestamp,
            "layers": self.layers,
            **errors,
        }

    def as_listed(self) -> dict[str, Any]:
        """What `list_incidents` says of it."""
        return {
            "incident_id": self.key,
            "infra_key": self.infra_key,
            "description": self.description,
            "timestamp": self.timestamp,
            "bundle_path": self.path,
            "layers": self.layers,
            "error_count": len(self.errors),
        }


class Probe(models.Model):
    """What a worker saw when it last looked at something outside: Git, the model."""

    name = models.CharField(max_length=32, primary_key=True)
    available = models.BooleanField()
    detail = models.TextField(blank=True)
    checked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {'available' if self.available else self.detail}"


class StopSwitch(models.Model):
    """At most one row; while it is there, no agent does anything (`agents.runtime.stop`)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    reason = models.TextField()
    stopped_by = models.CharField(max_length=150)
    stopped_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "stop switch"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_stop_switch")]
        default_permissions = ()
        permissions = [("stop_everything", "Can stop all agents and start them again")]

    def __str__(self) -> str:
        return f"stopped by {self.stopped_by}: {self.reason}"
