"""Answers as the OpenAPI document tells of them. `governance.helpdesk` makes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from governance.helpdesk.requests import STATUSES
from governance.types import ActorKind


def optional(**options: Any) -> serializers.CharField:
    return serializers.CharField(required=False, **options)


class Principal(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=[(each.value, each.value) for each in ActorKind])
    name = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField(), required=False)


class Session(serializers.Serializer[Any]):
    id = serializers.CharField(allow_blank=True)
    user_id = optional()
    agent_name = optional()
    started_at = serializers.CharField(allow_null=True)
    delegation_count = serializers.IntegerField()


class Event(serializers.Serializer[Any]):
    """Parts that an event has not are left out. `timestamp` is the teller's, `recorded_at` ours."""

    event_id = serializers.CharField()
    event_type = serializers.CharField(allow_blank=True)
    timestamp = serializers.CharField()
    recorded_at = serializers.DateTimeField()
    posted = serializers.BooleanField(
        required=False, help_text="true: told by `principal`, whatever it is about, and not by Aura"
    )
    trace_id = optional()
    parent_id = optional()
    action_class = optional()
    prev_hash = optional(min_length=64, max_length=64)
    event_hash = optional(min_length=64, max_length=64)
    principal = Principal()
    session = Session()
    input = serializers.DictField()
    output = serializers.DictField(required=False)
    tool = serializers.DictField(required=False)
    approval = serializers.DictField(required=False)
    decision = serializers.DictField(required=False)
    policy_decision = serializers.DictField(required=False)
    agent_reasoning = serializers.DictField(required=False)
    governance_violation = serializers.DictField(required=False)
    delegation_verification = serializers.DictField(required=False)
    outcome = serializers.DictField(required=False)
    details = serializers.DictField(required=False)


class Place(serializers.Serializer[Any]):
    event_id = serializers.CharField()
    event_hash = serializers.CharField(min_length=64, max_length=64)
    prev_hash = serializers.CharField(min_length=64, max_length=64)


class OutcomeKept(serializers.Serializer[Any]):
    event_id = serializers.CharField()
    status = serializers.CharField()


class Verdict(serializers.Serializer[Any]):
    """`broken_at` counts from 0 and is -1 in a log that is whole; up to `verified_before` events
    were looked at by an earlier run.
    """

    valid = serializers.BooleanField()
    total_events = serializers.IntegerField()
    hashed_events = serializers.IntegerField()
    legacy_events = serializers.IntegerField()
    broken_at = serializers.IntegerField()
    error = optional()
    first_event_id = serializers.CharField(allow_blank=True)
    last_event_id = serializers.CharField(allow_blank=True)
    last_hash = serializers.CharField(allow_blank=True)
    checked_at = serializers.DateTimeField()
    verified_before = serializers.IntegerField()


class Vote(serializers.Serializer[Any]):
    voter = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["approve", "deny"])
    reason = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()


class ApprovalCreated(serializers.Serializer[Any]):
    approval_id = serializers.CharField()
    status = serializers.CharField()
    expires_at = serializers.DateTimeField()


def blank() -> serializers.CharField:
    return serializers.CharField(allow_blank=True)


def moment() -> serializers.DateTimeField:
    return serializers.DateTimeField(allow_null=True)


class Approval(serializers.Serializer[Any]):
    approval_id = serializers.CharField()
    event_id = blank()
    trace_id = blank()
    status = serializers.ChoiceField(choices=[(each, each) for each in STATUSES])
    action_class = serializers.CharField()
    tool_name = blank()
    agent_name = blank()
    resource_type = blank()
    resource_name = blank()
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    request_context = serializers.DictField()
    resolved_by = blank()
    resolved_at = moment()
    resolution_reason = blank()
    expires_at = serializers.DateTimeField()
    approval_valid_until = moment()
    policy_name = blank()
    approver_role = serializers.CharField()
    callback_url = blank()
    callback_sent_at = moment()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    requested_for = blank()
    fingerprint = serializers.CharField()
    quorum = serializers.IntegerField()
    four_eyes = serializers.BooleanField()
    reason_required = serializers.BooleanField()
    votes = Vote(many=True)
    uses = serializers.IntegerField()
    used_at = moment()


class Info(serializers.Serializer[Any]):
    policy = serializers.DictField()
    approvals = serializers.DictField()
    audit = serializers.DictField()
    config = serializers.DictField()
    timestamp = serializers.DateTimeField()


class Policies(serializers.Serializer[Any]):
    enabled = serializers.BooleanField()
    policy_file = serializers.CharField()
    version = serializers.CharField()
    dry_run = serializers.BooleanField()
    policies = serializers.ListField(child=serializers.DictField())


class Trace(serializers.Serializer[Any]):
    """Why a decision is as it is."""

    decision = serializers.DictField()
    policies_evaluated = serializers.ListField(child=serializers.DictField())
    policy_version = serializers.CharField()
    default_applied = serializers.BooleanField(required=False)
    explanation = serializers.CharField()


class Checked(serializers.Serializer[Any]):
    effect = serializers.ChoiceField(choices=["allow", "require_approval", "deny"])
    policy_name = serializers.CharField()
    message = blank()
    explanation = serializers.CharField()
    requires_approval = serializers.BooleanField()
    trace = Trace()
    event_id = serializers.CharField()
    trace_id = serializers.CharField()


class Journey(serializers.Serializer[Any]):
    trace_id = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    user_id = optional()
    user_query = optional()
    agent = optional()
    category = optional()
    delegations = serializers.ListField(child=serializers.DictField(), required=False)
    tools_used = serializers.ListField(child=serializers.CharField())
    outcome = optional()
    event_count = serializers.IntegerField()
    retry_count = serializers.IntegerField(required=False)


class Infrastructure(serializers.Serializer[Any]):
    configured = serializers.BooleanField()
    message = optional()
    db_servers = serializers.IntegerField(required=False)
    k8s_clusters = serializers.IntegerField(required=False)
    vms = serializers.IntegerField(required=False)
    databases = serializers.ListField(child=serializers.CharField(), required=False)
    summary = optional()


class Databases(serializers.Serializer[Any]):
    databases = serializers.ListField(child=serializers.DictField())
    count = serializers.IntegerField(required=False)
    message = optional()
