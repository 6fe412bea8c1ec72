"""Workloads: pods that cannot be made, rollouts, autoscalers, jobs."""

from __future__ import annotations

import pytest

from tests.agents.kubernetes.triage.builders import (
    ago,
    condition,
    container,
    crash,
    deployment,
    ended,
    event,
    ill,
    judged,
    logs,
    obj,
    pod,
)


def maker(message: str):
    made = obj(
        "ReplicaSet",
        "web-1",
        metadata={"ownerReferences": [{"kind": "Deployment", "name": "web", "controller": True}]},
        spec={"replicas": 2},
        status={
            "replicas": 0,
            "conditions": [condition("ReplicaFailure", "True", "FailedCreate", message)],
        },
    )
    return made, deployment(replicas=2, ready=0)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            'pods "w" is forbidden: exceeded quota: q, requested: pods=1, used: pods=5',
            "resourcequota/shop/q#scheduling/quota-exceeded",
        ),
        (
            'pods "w" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi',
            "deployment/shop/web#scheduling/limit-range",
        ),
        (
            'pods "w" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
            "deployment/shop/web#start/pod-security",
        ),
        (
            'error looking up service account shop/robot: serviceaccount "robot" not found',
            "deployment/shop/web#start/missing-service-account",
        ),
        (
            'admission webhook "policy.example.com" denied the request: no latest tags',
            "deployment/shop/web#start/admission-denied",
        ),
        (
            'Internal error occurred: failed calling webhook "x.example.com": connection refused',
            "deployment/shop/web#cluster/webhook-failing",
        ),
        (
            "unable to create new content in namespace shop because it is being terminated",
            "namespace/shop#cluster/namespace-terminating",
        ),
    ],
)
def test_why_pods_cannot_be_made(message, expected):
    assert ill(*maker(message)) == [expected]


def revision(number: int, image: str, *, ready: int):
    return obj(
        "ReplicaSet",
        f"web-{number}",
        metadata={
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [{"kind": "Deployment", "name": "web", "controller": True}],
        },
        spec={
            "replicas": 1,
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
        status={"replicas": 1, "readyReplicas": ready},
    )


def test_a_new_image_that_crashes_is_taken_back_to_the_one_before():
    stuck = condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out progressing")
    owner = [{"kind": "ReplicaSet", "name": "web-2", "controller": True}]
    new = crash(2, name="web-2-x")
    new["metadata"]["ownerReferences"] = owner
    report = judged(
        deployment(conditions=[stuck]),
        revision(1, "web:1", ready=1),
        revision(2, "web:2", ready=0),
        new,
    )
    (root,) = report.roots
    assert root.key == "deployment/shop/web#run/crash"
    assert root.remedy is not None
    assert root.remedy.request == "Set the image of web to web:1"
    below = {it.cause for it in report.symptoms[root.key]}
    assert below == {"rollout/stuck", "rollout/bad-revision"}


def test_a_rollout_that_is_paused_half_way_and_one_that_is_only_paused():
    half = deployment(replicas=2, ready=2, paused=True)
    half["status"]["updatedReplicas"] = 1
    assert ill(half) == ["deployment/shop/web#rollout/paused"]
    half["status"]["updatedReplicas"] = 2
    assert ill(half) == []


@pytest.mark.parametrize(
    ("conditions", "cause"),
    [
        (
            [condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics")],
            "autoscaler-no-metrics",
        ),
        (
            [condition("AbleToScale", "False", "FailedGetScale", "not found")],
            "autoscaler-no-target",
        ),
        (
            [condition("ScalingLimited", "True", "TooManyReplicas", "more than max")],
            "autoscaler-at-limit",
        ),
        ([condition("ScalingActive", "True", "ValidMetricFound", "fine")], ""),
    ],
)
def test_an_autoscaler(conditions, cause):
    target = {"kind": "Deployment", "name": "web"}
    scaler = obj(
        "HorizontalPodAutoscaler",
        "web",
        spec={"scaleTargetRef": target, "maxReplicas": 3},
        status={"conditions": conditions, "currentReplicas": 3},
    )
    found = ill(scaler, deployment())
    assert found == ([f"horizontalpodautoscaler/shop/web#rollout/{cause}"] if cause else [])


def job(name: str, *conditions, age_s=600, **more):
    owner = [{"kind": "CronJob", "name": "nightly", "controller": True}]
    metadata = {"creationTimestamp": ago(age_s), "ownerReferences": owner}
    return obj("Job", name, metadata=metadata, status={"conditions": list(conditions)}, **more)


def test_a_job_that_failed_for_good_with_why_its_pod_did():
    failed = job("nightly-1", condition("Failed", "True", "BackoffLimitExceeded", "limit reached"))
    where = "cronjob/shop/nightly"
    assert ill(failed) == [f"{where}#job/backoff-limit"]
    late = job("nightly-1", condition("Failed", "True", "DeadlineExceeded", "too slow"))
    assert ill(late) == [f"{where}#job/deadline-exceeded"]
    run = pod(container(ended(1)), phase="Failed", spec={"restartPolicy": "Never"})
    run["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "nightly-1", "controller": True}]
    said = logs("dial tcp: connection refused", previous=False)
    assert ill(failed, run, logs=said) == [f"{where}#application/dependency-unreachable"]


def test_a_failed_run_that_a_later_one_made_good():
    failed = job("nightly-1", condition("Failed", "True", "BackoffLimitExceeded"), age_s=9000)
    good = job("nightly-2", condition("Complete", "True"))
    assert ill(failed, good) == []


def test_cron_jobs_that_do_not_start():
    asleep = obj("CronJob", "nightly", spec={"suspend": True})
    assert [it.cause for it in judged(asleep).roots] == ["job/suspended"]
    made = obj("CronJob", "nightly", spec={"schedule": "* * * * *"})
    assert ill(made, event(made, "FailedNeedsStart", "too many missed start times")) == [
        "cronjob/shop/nightly#job/missed-schedule"
    ]
