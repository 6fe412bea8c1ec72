"""The cases: on an application of two deployments and their services, one thing goes wrong."""

from __future__ import annotations

from typing import Final

from agents.evaluation.case import Case
from agents.evaluation.kubernetes import objects
from agents.evaluation.kubernetes.breaking import (
    anew,
    api_scaled_to_zero,
    both,
    case,
    container,
    fault,
    lose_node,
    nodes_well,
    patch,
    pods,
    put,
    quota_used_up,
    volume,
)
from agents.evaluation.kubernetes.objects import API, WEB
from agents.evaluation.kubernetes.seeing import (
    at_once,
    endless,
    happened,
    node_lost,
    phase,
    restarted,
    unready,
    waits,
)
from agents.evaluation.kubernetes.target import SandboxTarget

_CRASHES: Final = waits("CrashLoopBackOff")
_PULLS: Final = waits("ImagePullBackOff", "ErrImagePull")
_CONFIG: Final = waits("CreateContainerConfigError")
_PENDING: Final = happened("FailedScheduling")
_KEY: Final = {"name": "settings", "key": "level"}  # the map has LEVEL

_FAULTS: Final = (
    fault("crash-loop:panic", "run/panic", seen=_CRASHES),
    fault("crash-loop:missing-env", "application/missing-environment", seen=_CRASHES),
    fault("crash-loop:connection-refused", "application/dependency-unreachable", seen=_CRASHES),
    fault("crash-loop:bad-config", "run/bad-configuration", seen=_CRASHES),
    fault("oom-kill", "run/oom-killed", seen=restarted()),
    fault("image-pull:tag", "image/tag-not-found", seen=_PULLS),
    fault("image-pull:name", "image/repository-not-found", seen=_PULLS),
    fault("image-pull:registry", "image/registry-unreachable", seen=_PULLS),
    fault("image-pull:credentials", "image/authentication", seen=_PULLS),
    fault("pending:cpu", "scheduling/insufficient-cpu", seen=_PENDING),
    fault("pending:memory", "scheduling/insufficient-memory", seen=_PENDING),
    fault("pending:taint", "scheduling/untolerated-taint", seen=_PENDING),
    fault("pending:selector", "scheduling/node-affinity", seen=_PENDING),
    fault(
        "readiness-probe", "run/readiness-probe", seen=happened("Unhealthy", "Readiness", times=4)
    ),
    fault("liveness-probe", "run/liveness-probe", seen=restarted()),
    fault("missing-configmap", "start/missing-configmap", seen=_CONFIG),
    fault("missing-secret", "start/missing-secret", seen=_CONFIG),
    fault(
        "missing-volume",
        "start/missing-configmap",
        "start/missing-secret",
        "storage/mount-failed",
        seen=happened("FailedMount"),
    ),
    fault("dns", "network/dns-failure", "network/unknown-host", seen=unready),
    fault("network-policy", "network/policy-denies", seen=unready),
    fault("certificate-expired", "network/certificate-expired", seen=unready),
    fault("selector-mismatch", "network/selector-mismatch", kind="Service", seen=endless(WEB)),
    fault("scaled-to-zero", "rollout/scaled-to-zero", seen=endless(WEB)),
    case(
        "quota-exceeded",
        "scheduling/quota-exceeded",
        broken=both(quota_used_up, anew),
        seen=happened("FailedCreate", "quota"),
    ),
    case(
        "claim-pending",
        "storage/provisioning-failed",
        broken=both(
            put(objects.claim("data", fault="pvc-pending")),
            volume(persistentVolumeClaim={"claimName": "data"}),
        ),
        seen=happened("ProvisioningFailed"),
    ),
    case(
        "node-not-ready",
        "node/not-ready",
        "node/unreachable",
        broken=lose_node,
        seen=node_lost,
        afterwards=nodes_well,
    ),
)
_MANIFESTS: Final = (
    case(
        "port-name",
        "network/port-name-mismatch",
        broken=patch("services", WEB, {"spec": {"ports": [objects.service_port("web")]}}),
        seen=at_once,
    ),
    case(
        "port-number",
        "network/port-mismatch",
        broken=patch("services", WEB, {"spec": {"ports": [objects.service_port(9090)]}}),
        seen=at_once,
    ),
    case(
        "job-fails",
        "job/backoff-limit",
        "run/crash",
        "run/exits",
        broken=put(objects.job("invoices", 1)),
        seen=happened("BackoffLimitExceeded"),
    ),
    case(
        "class-missing",
        "storage/class-missing",
        broken=both(
            put(objects.claim("data", storageClassName="fast-ssd")),
            volume(persistentVolumeClaim={"claimName": "data"}),
        ),
        seen=phase("persistentvolumeclaims", "Pending"),
    ),
    case(
        "claim-missing",
        "storage/claim-missing",
        broken=volume(persistentVolumeClaim={"claimName": "uploads"}),
        seen=_PENDING,
    ),
    case(
        "service-account-missing",
        "start/missing-service-account",
        broken=pods(serviceAccountName="deployer"),
        seen=happened("FailedCreate"),
    ),
    case(
        "paused",
        "rollout/paused",
        broken=both(patch("deployments", WEB, {"spec": {"paused": True}}), anew),
        seen=at_once,
    ),
    case(
        "ingress-backend",
        "network/ingress-backend",
        broken=put(objects.ingress("shop", "storefront")),
        seen=at_once,
    ),
    case(
        "ingress-tls",
        "network/ingress-tls-secret",
        broken=put(objects.ingress("shop", WEB, tls="shop-tls")),
        seen=at_once,
    ),
    case(
        "configmap-key",
        "start/missing-key",
        broken=both(
            put(objects.config_map("settings", LEVEL="info")),
            container(env=[{"name": "LEVEL", "valueFrom": {"configMapKeyRef": _KEY}}]),
        ),
        seen=_CONFIG,
    ),
    case(
        "wrong-tag",
        "image/tag-not-found",
        broken=container(image="registry.example.com/shop/checkout:does-not-exist"),
        seen=_PULLS,
    ),
    case(
        "small-limit",
        "run/oom-killed",
        broken=container(resources={"requests": {"memory": "2Mi"}, "limits": {"memory": "2Mi"}}),
        seen=restarted(),
    ),
    case(
        "large-request",
        "scheduling/insufficient-cpu",
        broken=container(resources={"requests": {"cpu": "64"}}),
        seen=_PENDING,
    ),
    case(
        "node-selector",
        "scheduling/node-affinity",
        broken=pods(nodeSelector={"disk": "nvme"}),
        seen=_PENDING,
    ),
    case(
        "dependency-down",
        "rollout/scaled-to-zero",
        about=API,
        broken=api_scaled_to_zero,
        seen=endless(API),
    ),
)
CASES: Final[tuple[Case[SandboxTarget], ...]] = (*_FAULTS, *_MANIFESTS)
