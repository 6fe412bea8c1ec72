"""Pods as recorded elsewhere: scheduling, images, starting, running. Each case is one state."""

from __future__ import annotations

from typing import Any

import pytest

from agents.kubernetes.triage.rules.scheduling import main_reason
from agents.triage.findings import Severity
from tests.agents.kubernetes.triage.builders import (
    RUNNING,
    ago,
    condition,
    container,
    crash,
    ended,
    event,
    judged,
    logs,
    obj,
    pending,
    pod,
    waiting,
    wide,
)

NO_HELP = "0/3 nodes are available: 3 Insufficient cpu."
CONTROL = "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"


def first(*objects, **more) -> str:
    report = judged(*objects, **more)
    return report.roots[0].cause if report.roots else ""


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (f"0/3 nodes are available: {CONTROL}, 2 Insufficient cpu.", "insufficient-cpu"),
        (
            "0/5 nodes are available: 1 Insufficient cpu, 4 Insufficient memory.",
            "insufficient-memory",
        ),
        ("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.", "insufficient-resource"),
        ("0/2 nodes are available: 2 Insufficient ephemeral-storage.", "insufficient-resource"),
        ("0/9 nodes are available: 9 Too many pods.", "too-many-pods"),
        (
            f"0/3 nodes are available: {CONTROL}, 2 node(s) had untolerated taint {{gpu: yes}}.",
            "untolerated-taint",
        ),
        (
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
            "node-affinity",
        ),
        ("0/3 nodes are available: 3 node(s) didn't match pod affinity rules.", "pod-affinity"),
        (
            f"0/3 nodes: 3 node(s) didn't match pod anti-affinity rules. preemption: {NO_HELP}",
            "pod-anti-affinity",
        ),
        (
            "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints.",
            "topology-spread",
        ),
        (
            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested ports.",
            "host-port",
        ),
        (
            "0/2 nodes are available: 2 node(s) had volume node affinity conflict.",
            "volume-affinity",
        ),
        ("0/2 nodes are available: 2 node(s) exceed max volume count.", "volume-limit"),
        ("0/2 nodes are available: 2 node(s) were unschedulable.", "nodes-unschedulable"),
        ("nobody knows", "unschedulable"),
    ],
)
def test_the_words_of_the_scheduler(said, cause):
    assert main_reason(said) == cause
    waits = pending(said)
    assert first(waits, event(waits, "FailedScheduling", said)) == f"scheduling/{cause}"


def test_a_request_that_no_node_could_ever_meet_has_a_remedy_in_git():
    wanted = {"resources": {"requests": {"cpu": "64"}}}
    node = wide("Node", "a", status={"allocatable": {"cpu": "8"}})
    report = judged(pending("0/1 nodes are available: 1 Insufficient cpu.", main=wanted), node)
    remedy = report.roots[0].remedy
    assert remedy is not None
    assert remedy.request == "Set the CPU request of web-1 to 4000m"


def test_a_cordoned_node_is_the_root_of_pods_that_find_no_other():
    node = wide("Node", "a", spec={"unschedulable": True})
    report = judged(pending("0/1 nodes are available: 1 node(s) were unschedulable."), node)
    (root,) = report.roots
    assert root.cause == "node/cordoned"
    assert root.remedy is not None
    assert (root.remedy.tool, dict(root.remedy.arguments)) == ("uncordon_node", {"node_name": "a"})


def test_a_pod_that_waits_for_a_gate_or_a_scheduler():
    gate = pending(spec={"schedulingGates": [{"name": "example.com/quota"}]})
    assert first(gate) == "scheduling/gated"
    alone = pending(spec={"schedulerName": "mine"})
    alone["status"]["conditions"] = []
    assert first(alone, kinds={"Pod", "Event"}) == "scheduling/no-scheduler"


def test_a_budget_that_keeps_a_node_from_being_drained():
    budget = obj(
        "PodDisruptionBudget",
        "web",
        spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        status={"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1},
    )
    node = wide("Node", "node-a", spec={"unschedulable": True})
    assert first(pod(), budget, node) == "scheduling/disruption-budget"
    open_node = wide("Node", "node-a", spec={})
    assert first(pod(), budget, open_node) == ""


PULL = "rpc error: code = Unknown desc = failed to pull and unpack image: "


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        (
            "InvalidImageName",
            'couldn\'t parse image name "Web:1": invalid reference',
            "invalid-name",
        ),
        (
            "ErrImageNeverPull",
            'Container image "web:2" is not present with pull policy of Never',
            "never-pulled",
        ),
        ("ErrImagePull", PULL + "docker.io/library/web:2: not found", "tag-not-found"),
        ("ErrImagePull", "manifest for web:2 not found: manifest unknown", "tag-not-found"),
        (
            "ErrImagePull",
            PULL + "toomanyrequests: You have reached your pull rate limit",
            "rate-limited",
        ),
        (
            "ErrImagePull",
            PULL + "pull access denied, repository does not exist or may require authorization",
            "repository-not-found",
        ),
        ("ErrImagePull", PULL + "unexpected status: 401 Unauthorized", "authentication"),
        ("ErrImagePull", PULL + "no basic auth credentials", "authentication"),
        (
            "ErrImagePull",
            PULL + "dial tcp: lookup registry.exmaple.com: no such host",
            "registry-unreachable",
        ),
        ("ErrImagePull", PULL + "dial tcp 10.0.0.1:443: i/o timeout", "registry-unreachable"),
        (
            "ErrImagePull",
            PULL + "x509: certificate signed by unknown authority",
            "registry-certificate",
        ),
        (
            "ErrImagePull",
            PULL + "no match for platform in manifest: not found",
            "platform-mismatch",
        ),
        ("ErrImagePull", "something nobody has seen", "pull-failed"),
    ],
)
def test_the_words_of_a_registry(reason, message, cause):
    assert first(pod(container(waiting(reason, message)))) == f"image/{cause}"


def test_a_back_off_is_explained_by_the_event_before_it():
    waits = pod(container(waiting("ImagePullBackOff", 'Back-off pulling image "web"')))
    said = 'Failed to pull image "registry.example.com/web:2": manifest unknown'
    assert first(waits) == "image/pull-failed"
    assert first(waits, event(waits, "Failed", said)) == "image/tag-not-found"


def test_refused_credentials_whose_secret_is_not_there():
    waits = pod(
        container(waiting("ErrImagePull", "401 Unauthorized")),
        spec={"imagePullSecrets": [{"name": "regcred"}]},
    )
    lost = event(
        waits, "FailedToRetrieveImagePullSecret", "Unable to retrieve some secrets (regcred)"
    )
    assert first(waits, lost) == "image/missing-pull-secret"


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        ("CreateContainerConfigError", 'configmap "web" not found', "missing-configmap"),
        ("CreateContainerConfigError", 'secret "web" not found', "missing-secret"),
        (
            "CreateContainerConfigError",
            "couldn't find key URL in ConfigMap shop/web",
            "missing-key",
        ),
        (
            "CreateContainerConfigError",
            "container has runAsNonRoot and image will run as root",
            "run-as-non-root",
        ),
        (
            "RunContainerError",
            'exec: "serve": executable file not found in $PATH: unknown',
            "command-not-found",
        ),
        ("RunContainerError", 'exec: "/app": permission denied: unknown', "permission-denied"),
        ("RunContainerError", "exec /app: exec format error", "exec-format"),
        ("PostStartHookError", "Exec lifecycle hook failed", "hook-failed"),
        ("CreateContainerError", "context deadline exceeded", "create-failed"),
    ],
)
def test_a_container_that_cannot_be_made(reason, message, cause):
    assert first(pod(container(waiting(reason, message)), phase="Pending")) == f"start/{cause}"


def test_a_command_that_is_not_there_shows_as_a_crash_too():
    start = ended(128, "StartError", 'exec: "serve": executable file not found in $PATH')
    state = container(waiting("CrashLoopBackOff"), start, restarts=4)
    assert first(pod(state)) == "start/command-not-found"
    assert first(crash(127), logs=logs("sh: 1: serve: not found")) == "start/command-not-found"
    assert (
        first(crash(1), logs=logs("exec /usr/bin/serve: exec format error")) == "start/exec-format"
    )
    assert first(crash(127)) == "start/command-not-found"


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "c" : configmap "web" not found',
            "start/missing-configmap",
        ),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "c" : secret "web" not found',
            "start/missing-secret",
        ),
        (
            "FailedMount",
            "MountVolume.SetUp failed : references non-existent config key: a.yaml",
            "start/missing-key",
        ),
        (
            "FailedMount",
            "MountVolume.MountDevice failed: exit status 32, bad superblock",
            "storage/mount-failed",
        ),
        (
            "FailedAttachVolume",
            'Multi-Attach error for volume "pvc-1" Volume is already used',
            "storage/multi-attach",
        ),
        (
            "FailedAttachVolume",
            "AttachVolume.Attach failed for volume: rpc error",
            "storage/attach-failed",
        ),
        (
            "FailedCreatePodSandBox",
            "failed to setup network for sandbox: plugin type=calico",
            "start/pod-sandbox",
        ),
    ],
)
def test_a_pod_that_stays_container_creating(reason, message, cause):
    waits = pod(container(waiting("ContainerCreating")), phase="Pending")
    assert first(waits, event(waits, reason, message, count=4)) == cause


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("panic: runtime error: index out of range [3] with length 3", "run/panic"),
        ("thread 'main' panicked at src/main.rs:4:5:", "run/panic"),
        (
            "Error: required environment variable PAYMENT_API_KEY is not set",
            "application/missing-environment",
        ),
        ("KeyError: 'DATABASE_URL'", "application/missing-environment"),
        (
            "Error: Database is uninitialized and superuser password is not specified.",
            "application/missing-environment",
        ),
        (
            "ValueError: invalid literal for int() with base 10: 'abc'",
            "application/misconfigured-environment",
        ),
        (
            "dial tcp 10.0.0.9:6379: connect: connection refused",
            "application/dependency-unreachable",
        ),
        ("Error: connect ECONNREFUSED 10.0.0.9:3306", "application/dependency-unreachable"),
        (
            "java.net.ConnectException: Connection refused (Connection refused)",
            "application/dependency-unreachable",
        ),
        ('FATAL: password authentication failed for user "shop"', "application/wrong-credentials"),
        (
            "ERROR 1045 (28000): Access denied for user 'shop'@'10.0.0.1'",
            "application/wrong-credentials",
        ),
        (
            "redis.exceptions.AuthenticationError: WRONGPASS invalid username-password pair",
            "application/wrong-credentials",
        ),
        ('FATAL: database "shop" does not exist', "application/missing-database"),
        ("ERROR: permission denied for table orders", "application/missing-privilege"),
        ("cannot execute INSERT in a read-only transaction", "application/missing-privilege"),
        ("FATAL: sorry, too many clients already", "application/too-many-connections"),
        ("getaddrinfo ENOTFOUND posgres", "network/unknown-host"),
        ("java.net.UnknownHostException: mysq", "network/unknown-host"),
        (
            "could not translate host name: Temporary failure in name resolution",
            "network/dns-failure",
        ),
        ("x509: certificate has expired or is not yet valid", "network/certificate-expired"),
        ("x509: certificate signed by unknown authority", "network/certificate-untrusted"),
        ("dial tcp 10.0.0.9:5432: i/o timeout", "network/connection-timeout"),
        ("listen tcp :8080: bind: address already in use", "run/port-in-use"),
        ("write /data/wal: no space left on device", "run/disk-full"),
        ("open /data/x: read-only file system", "storage/read-only"),
        ("mkdir /data: permission denied", "run/permission-denied"),
        ("java.lang.OutOfMemoryError: Java heap space", "run/heap-exhausted"),
        ("accept tcp: too many open files", "run/too-many-files"),
        (
            'nginx: [emerg] unknown directive "servr" in /etc/nginx/nginx.conf:3',
            "run/bad-configuration",
        ),
        ("failed to parse config file /etc/app.toml", "run/bad-configuration"),
        ("open /etc/app/tls.key: no such file or directory", "run/missing-file"),
        ("ModuleNotFoundError: No module named 'flask'", "run/missing-file"),
        ("migration 0042_orders failed: column already there", "run/migration-failed"),
        ('Exception in thread "main" java.lang.NullPointerException', "run/unhandled-exception"),
        ("Segmentation fault (core dumped)", "run/segmentation-fault"),
        (
            'pods is forbidden: User "system:serviceaccount:shop:web" cannot list resource "pods"',
            "cluster/forbidden",
        ),
        ("goodbye", "run/crash"),
    ],
)
def test_the_last_words_of_a_program(line, cause):
    report = judged(crash(1), logs=logs("starting", "level=info listening soon", line))
    assert report.roots[0].cause == cause
    assert any(it.line == line for it in report.roots[0].evidence)


def test_a_noisy_log_is_read_by_its_fatal_line():
    lines = ("connection refused, attempt 1", "connected", "panic: runtime error: nil map")
    assert first(crash(2), logs=logs(*lines)) == "run/panic"


@pytest.mark.parametrize(
    ("code", "cause"),
    [(0, "run/exits"), (139, "run/segmentation-fault"), (137, "run/killed"), (3, "run/crash")],
)
def test_a_crash_without_a_log_is_told_by_its_exit_code(code, cause):
    assert first(crash(code)) == cause


def test_out_of_memory_with_its_limit_doubled():
    state = container(waiting("CrashLoopBackOff"), ended(137, "OOMKilled"), restarts=3)
    limit = {"resources": {"limits": {"memory": "128Mi"}}}
    (root,) = judged(pod(state, main=limit)).roots
    assert root.cause == "run/oom-killed"
    assert root.remedy is not None
    assert root.remedy.request == "Set the memory limit of web-1 to 256Mi"


def test_an_init_container_that_fails():
    status = {**container(waiting("CrashLoopBackOff"), ended(1), restarts=3), "name": "init"}
    waits = pod(phase="Pending", spec={"initContainers": [{"name": "init"}]})
    waits["status"]["initContainerStatuses"] = [status]
    assert first(waits) == "start/init-container"


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("Readiness probe failed: HTTP probe failed with statuscode: 404", "probe-wrong-path"),
        (
            "Readiness probe failed: http: server gave HTTP response to HTTPS client",
            "probe-wrong-scheme",
        ),
        (
            "Readiness probe failed: dial tcp 10.0.0.1:9090: connect: connection refused",
            "probe-wrong-port",
        ),
        (
            'Readiness probe failed: Get "http://10.0.0.1:9090/": context deadline exceeded',
            "probe-timeout",
        ),
        ("Readiness probe failed: HTTP probe failed with statuscode: 503", "readiness-probe"),
    ],
)
def test_what_a_probe_says(message, cause):
    main = {
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 9090}},
    }
    waits = pod(container(RUNNING), main=main)
    assert first(waits, event(waits, "Unhealthy", message, count=9)) == f"run/{cause}"


def test_a_liveness_probe_that_asks_before_the_program_listens():
    main = {"livenessProbe": {"httpGet": {"path": "/", "port": 8080}}}
    state = container(waiting("CrashLoopBackOff"), ended(137), restarts=4)
    waits = pod(state, main=main)
    said = 'Liveness probe failed: Get "http://10.0.0.1:8080/": dial tcp: connection refused'
    events = (
        event(waits, "Unhealthy", said, count=9),
        event(waits, "Killing", "Container app failed liveness probe, will be restarted"),
    )
    assert first(waits, *events, logs=logs("loading the catalogue")) == "run/probe-too-early"
    heard = logs("listening on port 9000")
    assert first(waits, *events, logs=heard) == "run/probe-wrong-port"


def test_a_readiness_gate_and_a_silent_pod():
    gate = condition("Ready", "False", "ReadinessGatesNotReady", "the gate is not true")
    assert first(pod(container(RUNNING, ready=True), conditions=[gate])) == "run/readiness-gate"
    silent = condition("Ready", "False", "ContainersNotReady", "containers with unready status")
    assert first(pod(container(RUNNING), conditions=[silent])) == "run/not-ready"


def test_a_pod_that_was_evicted_lately_and_one_long_ago():
    status: dict[str, Any] = {
        "reason": "Evicted",
        "message": "low on resource: memory.",
    }
    lately = pod(phase="Failed", **status, startTime=ago(300))
    assert first(lately) == "run/evicted"
    old = judged(pod(phase="Failed", **status, startTime=ago(90_000)))
    assert [root.severity for root in old.roots] == [Severity.INFO]


def test_what_is_over_or_only_begins_is_no_finding():
    restarted = container(RUNNING, ended(137, "OOMKilled"), ready=True, restarts=1)
    restarted["lastState"]["terminated"]["finishedAt"] = ago(86_400)
    well = pod(restarted, conditions=[condition("Ready", "True")])
    old = event(well, "Unhealthy", "Readiness probe failed: connection refused", seconds=7_200)
    done = pod(container(ended(0, "Completed")), name="job-1", phase="Succeeded")
    starting = pod(container(waiting("ContainerCreating")), name="web-2", phase="Pending")
    starting["metadata"]["creationTimestamp"] = ago(5)
    assert judged(well, old, done, starting).roots == ()
