"""Rows of governance: what happened, and who said yes to what."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from governance.types import ActionClass, ActorKind, Role


class AuditEvent(models.Model):
    """One event of the log. `body` holds the canonical bytes that are hashed; every other column
    is derived from it for querying. Insert-only, by database trigger.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    recorded_at = models.DateTimeField()
    type = models.CharField(max_length=64)
    trace_id = models.CharField(max_length=64, blank=True)
    actor = models.CharField(max_length=16, choices=[(k, k) for k in ActorKind])
    actor_name = models.CharField(max_length=150, blank=True)
    action = models.CharField(max_length=200)
    body = models.BinaryField()

    class Meta:
        ordering = ["-recorded_at", "-id"]
        indexes = [
            models.Index(fields=["trace_id", "-recorded_at", "-id"], name="audit_by_trace"),
            models.Index(fields=["type", "-recorded_at", "-id"], name="audit_by_type"),
            models.Index(fields=["-recorded_at", "-id"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.action}"


class AuditPending(models.Model):
    """An event not linked yet. Filled by a database trigger, emptied by the sequencer."""

    event_id = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return str(self.event_id)


class AuditLink(models.Model):
    """The place of an event in the chain: `hash = SHA-256(prev_hash || body)`; `leaf` is RFC 6962's
    SHA-256(0x00 || body). `seq` rises from 1 without gaps.
    """

    seq = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="link")
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    leaf = models.BinaryField(max_length=32)

    class Meta:
        ordering = ["seq"]

    def __str__(self) -> str:
        return f"#{self.seq}"


class ApprovalStatus(models.TextChoices):
    """`consumed` is the end of an approved request: its one use has happened."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"
    CONSUMED = "consumed"


class Approval(models.Model):
    """One request for one exact action, bound to it by `fingerprint`; good for one use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    fingerprint = models.CharField(max_length=64)
    tool_name = models.CharField(max_length=100)
    arguments = models.JSONField(default=dict)
    action_class = models.CharField(max_length=16, choices=[(c, c) for c in ActionClass])
    resource_type = models.CharField(max_length=64)
    resource_name = models.CharField(max_length=500)
    requested_by = models.CharField(max_length=200)
    trace_id = models.CharField(max_length=64)
    policy_name = models.CharField(max_length=100)
    reason = models.TextField(blank=True)
    status = models.CharField(
        max_length=16, choices=ApprovalStatus.choices, default=ApprovalStatus.PENDING
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decision_reason = models.TextField(blank=True)
    consumed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at"]
        indexes = [
            models.Index(fields=["trace_id", "status"], name="approval_by_trace"),
            models.Index(fields=["status", "requested_at"], name="approval_queue"),
        ]
        permissions = [("decide_approval", "Can approve and deny requests")]

    def __str__(self) -> str:
        return f"{self.tool_name} on {self.resource_type}:{self.resource_name}"


class ApiToken(models.Model):
    """A bearer token of a person. Only its SHA-256 is kept; the token is shown once.

    It may do what its role may do and its owner may do too, looked up at each use.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=16, choices=[(r, r) for r in Role])
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API token"
        permissions = [("manage_tokens", "Can see, make and revoke tokens of others")]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"
