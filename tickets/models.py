"""Tickets and the steps of their plans."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now

from agents.models import Run

# What the API and the console take; the documents leave these bounds open.
TITLE_CHARS = 255
DESCRIPTION_CHARS = 100_000
REASON_CHARS = 10_000
MAX_TURNS = 100_000


class Priority(models.TextChoices):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Status(models.TextChoices):
    """Where a ticket is; the moves between them are in `lifecycle`."""

    DRAFT = "draft"
    PLANNING = "planning"
    PENDING_PLAN_APPROVAL = "pending_plan_approval"
    EXECUTING = "executing"
    PENDING_APPROVAL = "pending_approval"
    PENDING_INPUT = "pending_input"
    OBSERVING = "observing"
    PAUSED = "paused"
    RESOLVED = "resolved"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Ticket(models.Model):
    """A piece of work somebody asked for. `status` is assigned in `lifecycle.move()` alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=TITLE_CHARS)
    description = models.TextField()
    priority = models.CharField(max_length=16, choices=Priority.choices, default=Priority.MEDIUM)
    status = models.CharField(
        max_length=32, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    resolved_at = models.DateTimeField(null=True, editable=False)

    max_turns = models.PositiveIntegerField(default=50)
    current_turn = models.PositiveIntegerField(default=0, editable=False)
    prompt_tokens = models.PositiveBigIntegerField(default=0, editable=False)
    completion_tokens = models.PositiveBigIntegerField(default=0, editable=False)
    estimated_cost = models.DecimalField(max_digits=14, decimal_places=8, null=True, editable=False)

    plan = models.JSONField(null=True, editable=False)
    plan_version = models.PositiveIntegerField(default=0, editable=False)
    plan_approved_at = models.DateTimeField(null=True, editable=False)
    plan_approved_by = models.CharField(max_length=150, blank=True, editable=False)

    working_branch = models.CharField(max_length=200, blank=True, editable=False)
    commits = models.JSONField(default=list, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    run = models.ForeignKey(
        Run, on_delete=models.PROTECT, null=True, related_name="tickets", editable=False
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="ticket_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="ticket_by_status"),
        ]

    def __str__(self) -> str:
        return self.title


class StepStatus(models.TextChoices):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


class PlanStep(models.Model):
    """One step of one version of a ticket's plan, and how far it got."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="steps")
    version = models.PositiveIntegerField()
    index = models.PositiveIntegerField()
    description = models.TextField()
    tool = models.CharField(max_length=100)
    path = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=16, choices=StepStatus.choices, default=StepStatus.PENDING)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    output = models.TextField(blank=True)
    error = models.TextField(blank=True)
    retry_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["version", "index"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "version", "index"], name="one_step_a_place")
        ]

    def __str__(self) -> str:
        return f"{self.index + 1}. {self.description}"
