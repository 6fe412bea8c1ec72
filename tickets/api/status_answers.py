"""Response bodies of health, information and statistics."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class Health(serializers.Serializer[Any]):
    """Without a login (and with `AURA_AUTH=on`) the status alone."""

    status = serializers.ChoiceField(choices=["healthy", "unhealthy"])
    version = serializers.CharField(required=False)
    uptime = serializers.IntegerField(required=False, help_text="seconds")
    database = serializers.ChoiceField(choices=["connected", "disconnected"], required=False)
    git = serializers.ChoiceField(choices=["available", "unavailable"], required=False)
    llm = serializers.ChoiceField(choices=["available", "unavailable"], required=False)
    stopped = serializers.BooleanField(required=False, help_text="present while it is true")


class Stopped(serializers.Serializer[Any]):
    """Present while all agents are stopped."""

    by = serializers.CharField()
    reason = serializers.CharField()
    since = serializers.DateTimeField()


class Llm(serializers.Serializer[Any]):
    model = serializers.CharField()
    provider = serializers.CharField()


class Features(serializers.Serializer[Any]):
    planApprovalRequired = serializers.BooleanField()
    destructiveActionApproval = serializers.BooleanField()
    autoMergeOnResolution = serializers.BooleanField()


class Info(serializers.Serializer[Any]):
    version = serializers.CharField()
    environment = serializers.CharField()
    llm = Llm()
    features = Features()
    stopped = Stopped(required=False)


class TicketCounts(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    byStatus = serializers.DictField(child=serializers.IntegerField())


class TokenTotals(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    estimatedCost = serializers.FloatField(required=False)
    last24h = serializers.IntegerField()
    last7d = serializers.IntegerField()


class AgentTotals(serializers.Serializer[Any]):
    totalTurns = serializers.IntegerField()
    averageTurnsPerTicket = serializers.IntegerField()
    toolCalls = serializers.DictField(child=serializers.IntegerField())


class Stats(serializers.Serializer[Any]):
    tickets = TicketCounts()
    tokenUsage = TokenTotals()
    agent = AgentTotals()
