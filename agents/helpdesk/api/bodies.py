"""What the gateway is sent and what it answers, for reading and for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers


class Artifact(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    parts = serializers.CharField(help_text="One text; JSON where the tool answers with data")


@extend_schema_serializer(many=False)  # also of a method called `list`
class Envelope(serializers.Serializer[Any]):
    agent = serializers.CharField()
    task_id = serializers.CharField()
    state = serializers.CharField()
    text = serializers.CharField()
    artifacts = Artifact(many=True)
    approval_id = serializers.CharField(
        required=False, help_text="The request that an `input-required` task waits for"
    )


@extend_schema_serializer(many=False)  # also of a method called `list`
class TaskList(serializers.Serializer[Any]):
    tasks = Envelope(many=True)
    count = serializers.IntegerField()


class Skill(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    examples = serializers.ListField(child=serializers.CharField(), required=False)


class Agent(serializers.Serializer[Any]):
    name = serializers.CharField()
    invoke_url = serializers.CharField()
    description = serializers.CharField()
    version = serializers.CharField()
    skills = Skill(many=True)


class ToolShown(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    agent = serializers.CharField()
    description = serializers.CharField()
    action_class = serializers.CharField()
    path = serializers.CharField(allow_blank=True)
    input_schema = serializers.DictField()


class QueryBody(serializers.Serializer[Any]):
    agent = serializers.CharField(help_text="database, db, k8s, incident or research")
    message = serializers.CharField(required=False)
    query = serializers.CharField(required=False, help_text="The same as `message`")
    user = serializers.CharField(required=False)
    purpose = serializers.CharField(required=False)
    purpose_note = serializers.CharField(required=False)
    context_id = serializers.CharField(required=False, help_text="Goes on with a conversation")


class ResearchBody(serializers.Serializer[Any]):
    query = serializers.CharField()


class AnyObject(serializers.Serializer[Any]):
    """A JSON object of arguments; its keys are those of the tool."""
