"""Rows of governance: what happened, and who said yes to what."""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Cast, Concat, Left, Now, Replace

from governance.types import ActionClass, ActorKind, Role

KEY_CHARS = 64


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
    key = models.CharField(max_length=KEY_CHARS, null=True)  # noqa: DJ001 - old events have none
    session_id = models.CharField(max_length=64, blank=True, default="", db_default="")
    agent = models.CharField(max_length=100, blank=True, default="", db_default="")
    action_class = models.CharField(max_length=16, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-recorded_at", "-id"]
        verbose_name = "event"
        indexes = [
            models.Index(  # of a trace, and of how one begins
                fields=["trace_id", "-recorded_at", "-id"],
                name="audit_by_trace",
                opclasses=["varchar_pattern_ops", "timestamptz_ops", "int8_ops"],
            ),
            models.Index(fields=["type", "-recorded_at", "-id"], name="audit_by_type"),
            # With the trace beside it, how one begins is looked for without the events themselves.
            models.Index(
                fields=["-recorded_at", "-id"], include=["trace_id"], name="audit_by_time"
            ),
            models.Index(fields=["actor", "-recorded_at", "-id"], name="audit_by_actor"),
            *(
                models.Index(  # partial: most events say nothing here
                    fields=[column, "-recorded_at", "-id"],
                    name=f"audit_by_{column}",
                    condition=~models.Q((column, "")),
                )
                for column in ("session_id", "agent", "action_class")
            ),
        ]
        # Not `unique=True`: that would make a second index, which nobody uses.
        constraints = [models.UniqueConstraint(fields=["key"], name="one_event_a_key")]

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
    # No constraint: it would lock, hence write, every event once more, and `verify` asks the same.
    event = models.OneToOneField(
        AuditEvent, on_delete=models.PROTECT, related_name="link", db_constraint=False
    )
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    leaf = models.BinaryField(max_length=32)

    class Meta:
        ordering = ["seq"]

    def __str__(self) -> str:
        return f"#{self.seq}"


class Checkpoint(models.Model):
    """What we signed of the log: `note` is a C2SP signed note over origin, size and root.

    `frontier` holds the complete subtrees behind `root`, so that the tree can be gone on with.
    """

    origin = models.CharField(max_length=200)
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    frontier = models.BinaryField()
    note = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        ordering = ["-size"]
        constraints = [
            models.UniqueConstraint(fields=["size", "origin"], name="one_checkpoint_a_size")
        ]

    def __str__(self) -> str:
        return f"{self.origin} {self.size}"


# For what an older version writes after a rollback; ours says both itself.
OLD_KEY = Concat(
    models.Value("apr_"),
    Left(Replace(Cast(RandomUUID(), models.TextField()), models.Value("-"), models.Value("")), 12),
)
OLD_EXPIRY = models.ExpressionWrapper(
    Now() + models.Value(timedelta(days=7)), output_field=models.DateTimeField()
)


def approval_key() -> str:
    """A fresh public id of a request, `apr_` and 12 hexadecimal digits."""
    return f"apr_{secrets.token_hex(6)}"


class ApprovalStatus(models.TextChoices):
    """Of an approved request `consumed` (used up), `revoked` or `expired` is the end; `pending` and
    `approved` are the two that are not final.
    """

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CONSUMED = "consumed"


class Approval(models.Model):
    """One request for one exact action, bound to it by `fingerprint`.

    It ends unanswered at `expires_at`. What was approved is good for one use until `use_by`; with a
    stated window (`valid_until`) for any number of uses until then. `requested_by` is the principal
    of the action, `requested_for` the person behind it, who cannot approve (`four_eyes`). `kind`
    says what it is where the action class does not: a plan is a `read`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(
        max_length=20, unique=True, default=approval_key, db_default=OLD_KEY, editable=False
    )
    fingerprint = models.CharField(max_length=64)
    tool_name = models.CharField(max_length=100)
    arguments = models.JSONField(default=dict)
    action_class = models.CharField(max_length=16, choices=[(c, c) for c in ActionClass])
    kind = models.CharField(max_length=16, blank=True, db_default="")
    resource_type = models.CharField(max_length=64)
    resource_name = models.CharField(max_length=500)
    requested_by = models.CharField(max_length=200)
    requested_for = models.CharField(max_length=150, blank=True, db_default="")
    agent_name = models.CharField(max_length=150, blank=True, db_default="")
    trace_id = models.CharField(max_length=64)
    event_key = models.CharField(max_length=KEY_CHARS, blank=True, db_default="")
    context = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    policy_name = models.CharField(max_length=100)
    reason = models.TextField(blank=True)
    quorum = models.PositiveSmallIntegerField(default=1, db_default=1)
    approver_role = models.CharField(
        max_length=16, choices=[(r, r) for r in Role], default=Role.APPROVER, db_default="approver"
    )
    four_eyes = models.BooleanField(default=True, db_default=True)
    reason_required = models.BooleanField(default=False, db_default=False)
    valid_minutes = models.PositiveIntegerField(null=True)
    status = models.CharField(
        max_length=16, choices=ApprovalStatus.choices, default=ApprovalStatus.PENDING
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_default=OLD_EXPIRY)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decision_reason = models.TextField(blank=True)
    broke_glass = models.BooleanField(default=False, db_default=False)
    valid_until = models.DateTimeField(null=True, blank=True)
    use_by = models.DateTimeField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0, db_default=0)
    consumed_at = models.DateTimeField(null=True, blank=True)
    callback_url = models.TextField(blank=True, db_default="")
    callback_sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at"]
        indexes = [
            models.Index(fields=["trace_id", "status"], name="approval_by_trace"),
            models.Index(fields=["status", "requested_at"], name="approval_queue"),
            models.Index(
                fields=["expires_at"],
                name="approval_expiry",
                condition=models.Q(status="pending"),
            ),
            models.Index(
                fields=["use_by"], name="approval_use_by", condition=models.Q(status="approved")
            ),
            models.Index(  # what a page shows of earlier decisions on the same thing
                fields=["resource_name", "tool_name", "-requested_at"],
                name="approval_earlier",
                condition=models.Q(decided_at__isnull=False),
            ),
        ]
        permissions = [
            ("decide_approval", "Can approve and deny requests"),
            ("break_glass", "Can release an action alone in an emergency"),
        ]

    def __str__(self) -> str:
        return f"{self.tool_name} on {self.resource_type}:{self.resource_name}"

    @property
    def shown_class(self) -> str:
        """`kind` where there is one, else the action class."""
        return self.kind or self.action_class


class Verdict(models.TextChoices):
    APPROVE = "approve"
    DENY = "deny"


class Vote(models.Model):
    """What one person said to one request. `verified`: known by a credential, not by a claim."""

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="votes")
    voter = models.CharField(max_length=150)
    verified = models.BooleanField()
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    reason = models.TextField(blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["approval", "voter"], name="one_vote_a_person")
        ]

    def __str__(self) -> str:
        return f"{self.voter}: {self.verdict}"


class EmergencyReview(models.Model):
    """A break-glass use that somebody else must look at; open until `closed_at`."""

    approval = models.OneToOneField(Approval, on_delete=models.PROTECT, related_name="review")
    opened_by = models.CharField(max_length=150)
    opened_at = models.DateTimeField(db_default=Now())
    reason = models.TextField()
    closed_by = models.CharField(max_length=150, blank=True, db_default="")
    closed_at = models.DateTimeField(null=True, blank=True)
    finding = models.TextField(blank=True, db_default="")

    class Meta:
        ordering = ["-opened_at", "-pk"]
        verbose_name = "break-glass review"

    def __str__(self) -> str:
        return f"break-glass by {self.opened_by}"


class ApprovalCallback(models.Model):
    """One message about a request: to its `callback_url` for each end it comes to, or to the
    webhook of the settings (`governance.approvals.notices`).

    It is due when `next_at` has come; neither sent nor given up while `next_at` is not null.
    """

    class Channel(models.TextChoices):
        CALLBACK = "callback"
        WEBHOOK = "webhook"

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="callbacks")
    channel = models.CharField(
        max_length=16, choices=Channel.choices, default=Channel.CALLBACK, db_default="callback"
    )
    message_id = models.CharField(max_length=64, unique=True)
    body = models.TextField()
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, db_default=Now())
    sent_at = models.DateTimeField(null=True)
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_at"], name="callback_due", condition=models.Q(next_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return self.message_id


class Notice(models.Model):
    """What people are told over one channel (`governance.notices`): `key` names it, `body` is the
    message. It is due when `next_at` has come; sent or given up while `next_at` is null.
    """

    key = models.CharField(max_length=150)
    channel = models.CharField(max_length=16)
    kind = models.CharField(max_length=16)
    body = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, db_default=Now())
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        default_permissions = ("view", "add")  # to add is to try the channels out
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["key", "channel"], name="one_notice_a_channel")
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="notice_newest"),
            models.Index(
                fields=["next_at"], name="notice_due", condition=models.Q(next_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class LinkUse(models.Model):
    """A person followed a link of a message, which they can do once; kept while it is good."""

    nonce = models.CharField(max_length=32)
    person = models.CharField(max_length=150)
    at = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["nonce", "person"], name="one_use_a_person")]

    def __str__(self) -> str:
        return f"link used by {self.person}"


class ApiToken(models.Model):
    """A bearer token of a person. Only its SHA-256 is kept; the token is shown once.

    It may do what its role may do and its owner may do too, looked up at each use.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100)
    role = models.CharField(
        max_length=16, choices=[(r, r) for r in Role], db_default=Role.VIEWER.value
    )
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


class PolicyVersion(models.Model):
    """A policy document, kept for good under the digest of what it says; at most one is active.

    One that loosens what is in force is `waiting` for a second person; it was compared with
    `proposed_over`, the digest then active. `shadow` is judged next to the active one.
    """

    digest = models.CharField(max_length=64, unique=True, editable=False)
    text = models.TextField()
    source = models.CharField(max_length=500)
    loaded_at = models.DateTimeField(auto_now_add=True)
    loaded_by = models.CharField(max_length=200)
    active = models.BooleanField(default=False)
    activated_at = models.DateTimeField(null=True, blank=True)
    proposed_by = models.CharField(max_length=200, blank=True)
    proposed_over = models.CharField(max_length=64, blank=True)
    waiting = models.BooleanField(default=False)
    confirmed_by = models.CharField(max_length=200, blank=True)
    shadow = models.BooleanField(default=False)
    shadow_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-loaded_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["active"], condition=models.Q(active=True), name="one_active_policy"
            ),
            models.UniqueConstraint(
                fields=["shadow"], condition=models.Q(shadow=True), name="one_shadow_policy"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.digest[:12]}"


class LogCheck(models.Model):
    """The verification of the whole log that was asked for last; one row.

    `number` counts them. A worker has `begun_at`, tells at `heard_at` that `checked` of `events`
    are looked at, and at `ended_at` what is wrong with the log: nothing where `fault` is empty.
    `error`: why it could not be finished.
    """

    number = models.BigIntegerField(default=0)
    asked_by = models.CharField(max_length=150, blank=True)
    asked_at = models.DateTimeField(null=True)
    begun_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    checked = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    fault = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"check {self.number} by {self.asked_by}"


class SecbotCursor(models.Model):
    """Up to where secbot has read the log; one row, whose lock makes one reader at a time.

    `hash` is that of the event at `place`. `state` is what its detectors remember, `counts` what it
    has counted since ever, `broken` what was wrong with the log when it was last verified.
    """

    place = models.BigIntegerField(default=0)
    hash = models.BinaryField(max_length=32, default=bytes)
    state = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    last_event_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    walked_at = models.DateTimeField(null=True)
    broken = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"secbot at {self.place}"


def incident_key() -> str:
    """A fresh public id of an incident, `inc_` and 12 hexadecimal digits."""
    return f"inc_{secrets.token_hex(6)}"


class SecurityIncident(models.Model):
    """What secbot found and somebody has to look at: open until a person has closed it with a
    reason (`closed_at`). The callback brings its `bundle`.
    """

    class Status(models.TextChoices):
        RECORDED = "recorded"
        BUNDLED = "bundled"

    key = models.CharField(max_length=20, unique=True, default=incident_key, editable=False)
    type = models.CharField(max_length=32)
    subject = models.CharField(max_length=200)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.RECORDED)
    note = models.TextField(blank=True)
    opened_at = models.DateTimeField()
    bundle = models.JSONField(null=True)
    bundled_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.TextField(blank=True, default="", db_default="")

    class Meta:
        ordering = ["-opened_at", "-pk"]
        indexes = [
            models.Index(fields=["type", "subject", "-opened_at"], name="incident_by_subject"),
            models.Index(
                fields=["opened_at"],
                name="incident_open",
                condition=models.Q(closed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.type}: {self.subject}"


class SecurityAlert(models.Model):
    """One alert of secbot; `event_key` and `place` name the event that raised it.

    `incident`: what it opened, or was still open; empty for a repetition within the cooldown.
    """

    type = models.CharField(max_length=32)
    severity = models.CharField(max_length=16)
    subject = models.CharField(max_length=200)
    message = models.TextField()
    event_key = models.CharField(max_length=KEY_CHARS, blank=True)
    trace_id = models.CharField(max_length=64, blank=True)
    place = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    incident = models.ForeignKey(
        SecurityIncident, on_delete=models.PROTECT, null=True, related_name="alerts"
    )

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="alert_by_time"),
            models.Index(fields=["type", "-at", "-id"], name="alert_by_type"),
        ]

    def __str__(self) -> str:
        return f"{self.type}: {self.subject}"
