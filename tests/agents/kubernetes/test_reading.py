"""What objects say, without a cluster: states, ages, amounts, selectors, and no credentials."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from agents.kubernetes import podstate, quantities, workloads
from agents.kubernetes.describe_pod import describe
from agents.kubernetes.reading import selector_text
from agents.kubernetes.shown import environment, shown
from agents.kubernetes.words import duration, plain, table
from tests.agents.kubernetes.objects import crashing, pod


def container(**state):
    return {"name": "web", "ready": False, "restartCount": 0, "state": state}


def pod_with(*statuses, **status):
    return pod("web-1", "shop", status={"containerStatuses": list(statuses), **status})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (pod("web-1", "shop"), "Running"),
        (crashing("web-1", "shop"), "CrashLoopBackOff"),
        (pod_with(container(terminated={"exitCode": 0, "reason": "Completed"})), "Completed"),
        (pod_with(container(terminated={"exitCode": 3})), "ExitCode:3"),
        (pod_with(container(terminated={"exitCode": 137, "signal": 9})), "Signal:9"),
        (pod_with(phase="Failed", reason="Evicted"), "Evicted"),
        (pod_with(phase="Pending"), "Pending"),
        (
            pod("web-1", "shop", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
            "Terminating",
        ),
        ({}, "Unknown"),
    ],
)
def test_the_word_for_a_pod_is_kubectls(said, expected):
    assert podstate.status(said) == expected


def initialising(*statuses, **container):
    spec = {"initContainers": [{"name": "migrate", **container}]}
    return pod(
        "web-1",
        "shop",
        spec=spec,
        status={
            "phase": "Pending",
            "initContainerStatuses": list(statuses),
            "containerStatuses": [
                {"name": "web", "state": {"waiting": {"reason": "PodInitializing"}}}
            ],
        },
    )


def test_init_containers_are_told_of_while_they_run():
    running = {"name": "migrate", "state": {"running": {}}}
    failing = {"name": "migrate", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    done = {"name": "migrate", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}

    assert podstate.status(initialising(running)) == "Init:0/1"
    assert podstate.status(initialising(failing)) == "Init:CrashLoopBackOff"
    assert podstate.status(initialising(done)) == "PodInitializing"


def test_a_sidecar_counts_as_a_container():
    started = {"name": "migrate", "started": True, "ready": True, "restartCount": 2, "state": {}}
    said = initialising(started, restartPolicy="Always")

    assert podstate.ready(said) == (1, 2)
    assert podstate.restarts(said) == 2


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (3599, "59m"),
        (4 * 3600 + 60, "4h1m"),
        (30 * 3600, "30h"),
        (3 * 86400 + 7200, "3d2h"),
        (40 * 86400, "40d"),
        (3 * 31536000 + 86400, "3y1d"),
        (20 * 31536000, "20y"),
    ],
)
def test_ages_are_kubectls(seconds, expected):
    assert duration(timedelta(seconds=seconds)) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("100m", "0.1"),
        ("250000000n", "0.25"),
        ("2", "2"),
        ("64Mi", str(64 * 2**20)),
        ("524288Ki", str(512 * 2**20)),
        ("1G", "1000000000"),
        ("1e3", "1000"),
        (3, "3"),
    ],
)
def test_amounts(said, expected):
    assert quantities.value(said) == Decimal(expected)


@pytest.mark.parametrize("said", ["", None, "x", "MiMi", "NaN", "inf", "1Zi", "1e999999"])
def test_what_is_no_amount(said):
    assert quantities.value(said) is None


def test_a_selector_is_a_query():
    said = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "x", "operator": "NotIn", "values": ["c"]},
            {"key": "y", "operator": "Exists"},
            {"key": "z", "operator": "DoesNotExist"},
        ],
    }
    assert selector_text(said) == "app=web,tier in (a,b),x notin (c),y,!z"


def test_a_rollout_is_through_only_when_the_newest_spec_was_seen():
    said: dict[str, Any] = {
        "metadata": {"generation": 2},
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": 1,
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": 1,
            "conditions": [{"type": "Progressing", "status": "False", "reason": "Deadline"}],
        },
    }
    assert not workloads.settled(said)
    assert not workloads.stuck(said)

    said["status"]["observedGeneration"] = 2

    assert workloads.settled(said)
    assert workloads.stuck(said) == "Progressing: Deadline"


def test_nothing_secret_is_shown():
    secret = {
        "kind": "Secret",
        "metadata": {"managedFields": [{}], "name": "db"},
        "data": {"password": "aHVudGVyMg==", "broken": "a%"},
        "stringData": {"token": "hunter2"},
    }
    said = shown(secret)

    assert said["data"] == {"password": "<7 bytes>", "broken": "<2 bytes>"}
    assert said["stringData"] == {"token": "<7 bytes>"}
    assert said["metadata"] == {"name": "db"}


def test_variables_tell_where_their_values_come_from():
    said = {
        "env": [
            {"name": "A", "value": "1"},
            {"name": "API_TOKEN", "value": "hunter2hunter2"},
            {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "app", "key": "b"}}},
            {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            {"name": "E"},
        ]
    }
    assert environment(said) == [
        ("A", "1"),
        ("API_TOKEN", "[redacted:token]"),
        ("B", "<key b of config map app>"),
        ("C", "<field metadata.name>"),
        ("D", "<resourceFieldRef>"),
        ("E", ""),
    ]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"spec": None, "status": [], "metadata": "x"},
        {"spec": {"containers": "x"}, "status": {"containerStatuses": [None, 5]}},
        {"spec": {"containers": [{}], "volumes": [{}]}, "status": {"conditions": {}}},
    ],
)
def test_an_object_of_any_shape_is_described(said):
    assert isinstance(describe(said), str)
    assert isinstance(podstate.in_trouble(said), bool)


def test_text_from_outside_steers_no_terminal():
    assert plain("a\x1b[31mred\x1b[0m\x07\tb\x9b\n") == "ared\tb\n"
    assert table(("A",), [("x\ny",), ("",), ("z" * 400,)]).splitlines()[1:3] == ["x y", "<none>"]


def test_building_the_tools_imports_no_client():
    code = (
        "import django; django.setup(); import sys;"
        "from agents.kubernetes.agent import AGENT;"
        "from agents.kubernetes.ticket_tools import cluster_tools;"
        "tools = [*AGENT.tools(), *cluster_tools()];"
        "[tool.parameters.model_json_schema() for tool in tools];"
        "loaded = {'kubernetes', 'websocket'} & set(sys.modules);"
        "assert len(tools) > 25 and not loaded, loaded"
    )
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", code],
        env={"DJANGO_SETTINGS_MODULE": "aura.settings", "PATH": ""},
        check=True,
        timeout=60,
    )
