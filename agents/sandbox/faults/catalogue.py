"""The faults by name: what each is put on, its variants, and what it looks like."""

from __future__ import annotations

from dataclasses import dataclass

WORKLOADS = ("Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Namespace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`variants` are what may follow the name after a colon, the first one by default."""

    name: str
    on: tuple[str, ...]
    shows: str
    variants: tuple[str, ...] = ()


_ALL = (
    Fault(
        name="crash-loop",
        on=WORKLOADS,
        variants=("panic", "missing-env", "connection-refused", "bad-config"),
        shows="CrashLoopBackOff, exit codes, BackOff events, the reason in the previous log",
    ),
    Fault(
        name="oom-kill", on=WORKLOADS, shows="OOMKilled with exit code 137, then CrashLoopBackOff"
    ),
    Fault(
        name="image-pull",
        on=WORKLOADS,
        variants=("tag", "name", "registry", "credentials"),
        shows="ErrImagePull and ImagePullBackOff with the registry's words",
    ),
    Fault(
        name="pending",
        on=WORKLOADS,
        variants=("cpu", "memory", "taint", "selector"),
        shows="pods that stay Pending with FailedScheduling (pods made from now on)",
    ),
    Fault(name="readiness-probe", on=WORKLOADS, shows="running and never ready, Unhealthy events"),
    Fault(name="liveness-probe", on=WORKLOADS, shows="restarts after failed liveness probes"),
    Fault(
        name="missing-configmap",
        on=WORKLOADS,
        shows="CreateContainerConfigError for a ConfigMap that is not there",
    ),
    Fault(
        name="missing-secret",
        on=WORKLOADS,
        shows="CreateContainerConfigError for a Secret that is not there",
    ),
    Fault(
        name="missing-volume",
        on=WORKLOADS,
        shows="ContainerCreating with FailedMount of a ConfigMap that is not there",
    ),
    Fault(name="dns", on=WORKLOADS, shows="not ready, logs of names that cannot be resolved"),
    Fault(
        name="network-policy",
        on=WORKLOADS,
        shows="not ready, logs of timeouts, a NetworkPolicy that denies all egress",
    ),
    Fault(
        name="certificate-expired",
        on=(*WORKLOADS, "Secret", "Ingress"),
        shows="an expired certificate in the TLS secret, x509 errors in logs",
    ),
    Fault(name="pvc-pending", on=("PersistentVolumeClaim",), shows="Pending, ProvisioningFailed"),
    Fault(name="selector-mismatch", on=("Service",), shows="a selector that matches no pod"),
    Fault(name="scaled-to-zero", on=("Deployment", "StatefulSet"), shows="replicas: 0"),
    Fault(name="quota-exceeded", on=("Namespace",), shows="a quota that is used up, FailedCreate"),
    Fault(name="not-ready", on=("Node",), shows="NotReady, taints, pods not ready, logs refused"),
    Fault(name="sync-failed", on=("Application",), shows="operation Failed, SyncError"),
    Fault(name="degraded", on=("Application",), shows="health Degraded"),
    Fault(name="out-of-sync", on=("Application",), shows="a change by hand in the cluster"),
)
BY_NAME = {fault.name: fault for fault in _ALL}


def read(text: str) -> tuple[str, str] | None:
    """(name, variant) of `name[:variant]`; None for a fault that does not exist."""
    name, _, variant = text.strip().partition(":")
    fault = BY_NAME.get(name)
    if fault is None or (variant and variant not in fault.variants):
        return None
    return name, variant or (fault.variants[0] if fault.variants else "")


def problem(text: str, kind: str) -> str:
    """Why a fault cannot be put on an object of this kind; "" when it can."""
    found = read(text)
    if found is None:
        name = text.partition(":")[0]
        if name in BY_NAME:
            return f"{text}: the variants of {name} are {', '.join(BY_NAME[name].variants)}"
        return f"{text}: there is no such fault; there are {', '.join(sorted(BY_NAME))}"
    fault = BY_NAME[found[0]]
    if kind not in fault.on:
        return f"{fault.name} is put on {', '.join(fault.on)}, not on {kind}"
    return ""
