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
from governance.types import ActionClass


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
