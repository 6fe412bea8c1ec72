"""Response bodies of the looks at clusters and at Argo CD."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class Listed(serializers.Serializer[Any]):
    """What a list of the cluster or of Argo CD has beside its rows."""

    total = serializers.IntegerField(help_text="All that there are, also those not shown")
    message = serializers.CharField(required=False, help_text="Why there are none, or not all")


def _rows(holds: str) -> serializers.ListField:
    return serializers.ListField(child=serializers.DictField(), help_text=holds)


class Namespaces(Listed):
    namespaces = _rows("name, phase, age, labels")


class Pods(Listed):
    pods = _rows("name, namespace, phase, status, ready, restarts, age, ip, node, labels …")


class ClusterServices(Listed):
    services = _rows("name, namespace, type, clusterIp, ports, age, selector …")


class Deployments(Listed):
    deployments = _rows("name, namespace, ready, desired, upToDate, available, age, images …")


class ClusterEvents(Listed):
    events = _rows("type, reason, message, object, namespace, firstSeen, lastSeen, count")


class Applications(Listed):
    apps = _rows("app, project, sync, health, revision, targetRevision …")


class ArgoApplication(serializers.Serializer[Any]):
    app = serializers.CharField()
    project = serializers.CharField()
    sync = serializers.CharField()
    health = serializers.CharField()
    revision = serializers.CharField()
    targetRevision = serializers.CharField()
    path = serializers.CharField()
    destination = serializers.CharField()
    automated = serializers.BooleanField()
    healthMessage = serializers.CharField(required=False)
    operation = serializers.CharField(required=False)
    operationMessage = serializers.CharField(required=False)
    conditions = serializers.ListField(child=serializers.CharField(), required=False)
    ailing = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="What is wrong with its parts"
    )
