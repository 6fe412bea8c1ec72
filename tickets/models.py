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
SECRET_CHARS, SECRET_KEYS = 65_536, 64  # of one value; at once


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


class TicketCount(models.Model):
    """Part of the number of tickets of a status and priority; the sum of all its rows is exact.

    Kept by triggers of the database (migration 0003), which spread writers over several rows.
    """

    id = models.BigAutoField(primary_key=True)
    status = models.CharField(max_length=32)
    priority = models.CharField(max_length=16)
    tickets = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["status", "priority"], name="count_of_tickets")]

    def __str__(self) -> str:
        return f"{self.tickets:+d} {self.status} {self.priority}"


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


class Alert(models.Model):
    """An alert of a monitoring system, from its first message until it resolves, and its ticket.

    `fingerprint` tells alerts of one source apart; `group` is what the source notifies of together.
    `times` counts the messages in which it fired.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="alerts")
    source = models.CharField(max_length=16)
    fingerprint = models.CharField(max_length=200)
    group = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    labels = models.JSONField(default=dict)
    annotations = models.JSONField(default=dict)
    link = models.TextField(blank=True)
    times = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        ordering = ["-received_at", "-id"]
        indexes = [models.Index(fields=["-received_at", "-id"], name="alert_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "fingerprint"],
                name="one_firing_alert",
                condition=models.Q(resolved_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.name


class SecretValue(models.Model):
    """A value that a person entered for a Secret of the cluster, until it is sealed.

    `value` is sealed (`aura.kernel.sealing`), and empty once the call `used_by` has put it into a
    manifest. The row goes when `expires_at` has come or the ticket is over.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="secret_values")
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=253)
    key = models.CharField(max_length=253)
    value = models.TextField(blank=True)
    used_by = models.CharField(max_length=64, blank=True)
    given_by = models.CharField(max_length=150)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "namespace", "name", "key"], name="one_value_a_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.namespace}/{self.name}"


class Notification(models.Model):
    """A message of an agent to people, by the call that sent it; due when `next_at` has come."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="notifications")
    call = models.CharField(max_length=64, unique=True)
    body = models.JSONField()
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["next_at"],
                name="notification_due",
                condition=models.Q(next_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"notification of {self.ticket_id}"


class Preview(models.Model):
    """The branch of a ticket in the cluster before it is merged (`agents.argocd.previewing`).

    The row is written before Argo CD is asked, and stays open until all is as it was: who finds it
    open after its run has ended, or after `end_at`, puts everything back. `revision` is what the
    application followed before. `attempts`, `next_at` and `error` are of putting back.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="previews")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="+")
    call = models.CharField(max_length=64, unique=True)
    mode = models.CharField(max_length=32)
    app = models.CharField(max_length=253)
    branch = models.CharField(max_length=200)
    revision = models.CharField(max_length=253, blank=True)
    namespace = models.CharField(max_length=63, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    end_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["app"],
                name="one_preview_an_application",
                condition=models.Q(ended_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.branch} in {self.app}"


class DailyUse(models.Model):
    """What agents did on one day (UTC), counted from turns and calls by `tickets.daily`.

    `tools`: `{"agent", "tool", "calls", "denied", "failed", "median_ms"}` (null where none has
    ended), `usage`: `{"model", "tokens", "cost"}`, US dollars.
    """

    day = models.DateField(primary_key=True)
    counted_at = models.DateTimeField()
    tools = models.JSONField(default=list)
    usage = models.JSONField(default=list)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.day)


class WebhookEndpoint(models.Model):
    """A receiver of webhooks, and its place in the queue.

    `cursor` is the place of the log up to which its deliveries are rows. It belongs to the worker
    that raised `token` until `lease_until`: one request at a time. Secrets are sealed
    (`aura.kernel.sealing`); `old_secret` signs too until `old_secret_until`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    url = models.TextField()
    description = models.CharField(max_length=200, blank=True)
    events = models.JSONField(default=list)
    active = models.BooleanField(default=True, editable=False)
    secret = models.TextField(editable=False)
    old_secret = models.TextField(blank=True, editable=False)
    old_secret_until = models.DateTimeField(null=True, editable=False)
    created_by = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    disabled_reason = models.TextField(blank=True, editable=False)

    cursor = models.BigIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    token = models.BigIntegerField(default=0, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    rests_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["created_at", "id"]
        verbose_name = "webhook"

    def __str__(self) -> str:
        return self.url


class DeliveryState(models.TextChoices):
    """`dead`: given up, until somebody replays it."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class WebhookDelivery(models.Model):
    """One message for one endpoint; it is due when `next_at` has come. `body` is what is signed.

    What came of the last attempt: `status_code` or `error`, the beginning of the answer.
    """

    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries"
    )
    message_id = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=64)
    ticket_id = models.CharField(max_length=64, blank=True)
    body = models.TextField()
    state = models.CharField(
        max_length=16, choices=DeliveryState.choices, default=DeliveryState.PENDING
    )
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, db_default=Now())
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.TextField(blank=True)
    response = models.TextField(blank=True)
    duration_ms = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["-seq", "-id"]
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "message_id"], name="one_delivery_a_message"
            )
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_at"],
                name="delivery_due",
                condition=models.Q(state="pending"),
            ),
            models.Index(fields=["endpoint", "-seq"], name="delivery_log"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}"
