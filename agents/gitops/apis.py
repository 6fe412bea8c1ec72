"""Versions of Kubernetes' own APIs that were taken away, after the public deprecation guide
(kubernetes.io/docs/reference/using-api/deprecation-guide).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

NEWEST: Final = (1, 37)  # the release whose schemas the client library brings
# apiVersion, kinds, deprecated in, removed in (- where it is still served), what to use instead
_TABLE = """
extensions/v1beta1 NetworkPolicy 1.9 1.16 networking.k8s.io/v1
extensions/v1beta1 DaemonSet,Deployment,ReplicaSet 1.9 1.16 apps/v1
apps/v1beta1 Deployment,ReplicaSet,StatefulSet 1.9 1.16 apps/v1
apps/v1beta2 DaemonSet,Deployment,ReplicaSet,StatefulSet 1.9 1.16 apps/v1
extensions/v1beta1 PodSecurityPolicy 1.11 1.16 -
extensions/v1beta1 Ingress 1.14 1.22 networking.k8s.io/v1
networking.k8s.io/v1beta1 Ingress,IngressClass 1.19 1.22 networking.k8s.io/v1
admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration,ValidatingWebhookConfiguration 1.16 1.22 admissionregistration.k8s.io/v1
apiextensions.k8s.io/v1beta1 CustomResourceDefinition 1.16 1.22 apiextensions.k8s.io/v1
apiregistration.k8s.io/v1beta1 APIService 1.19 1.22 apiregistration.k8s.io/v1
authentication.k8s.io/v1beta1 TokenReview 1.19 1.22 authentication.k8s.io/v1
authorization.k8s.io/v1beta1 LocalSubjectAccessReview,SelfSubjectAccessReview,SubjectAccessReview 1.19 1.22 authorization.k8s.io/v1
certificates.k8s.io/v1beta1 CertificateSigningRequest 1.19 1.22 certificates.k8s.io/v1
coordination.k8s.io/v1beta1 Lease 1.19 1.22 coordination.k8s.io/v1
rbac.authorization.k8s.io/v1alpha1 ClusterRole,ClusterRoleBinding,Role,RoleBinding 1.17 1.22 rbac.authorization.k8s.io/v1
rbac.authorization.k8s.io/v1beta1 ClusterRole,ClusterRoleBinding,Role,RoleBinding 1.17 1.22 rbac.authorization.k8s.io/v1
scheduling.k8s.io/v1beta1 PriorityClass 1.14 1.22 scheduling.k8s.io/v1
storage.k8s.io/v1beta1 CSIDriver,CSINode,StorageClass,VolumeAttachment 1.19 1.22 storage.k8s.io/v1
batch/v1beta1 CronJob 1.21 1.25 batch/v1
discovery.k8s.io/v1beta1 EndpointSlice 1.21 1.25 discovery.k8s.io/v1
events.k8s.io/v1beta1 Event 1.19 1.25 events.k8s.io/v1
autoscaling/v2beta1 HorizontalPodAutoscaler 1.22 1.25 autoscaling/v2
policy/v1beta1 PodDisruptionBudget 1.21 1.25 policy/v1
policy/v1beta1 PodSecurityPolicy 1.21 1.25 -
node.k8s.io/v1beta1 RuntimeClass 1.20 1.25 node.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema,PriorityLevelConfiguration 1.23 1.26 flowcontrol.apiserver.k8s.io/v1
autoscaling/v2beta2 HorizontalPodAutoscaler 1.23 1.26 autoscaling/v2
storage.k8s.io/v1beta1 CSIStorageCapacity 1.24 1.27 storage.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema,PriorityLevelConfiguration 1.26 1.29 flowcontrol.apiserver.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema,PriorityLevelConfiguration 1.29 1.32 flowcontrol.apiserver.k8s.io/v1
v1 ComponentStatus 1.19 - -
v1 Endpoints 1.33 - discovery.k8s.io/v1
"""  # noqa: E501 - one line a row is the table

Release = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """When an API version was deprecated and removed (None: it is served), and its successor."""

    deprecated: Release
    removed: Release | None
    instead: str


def release(text: str) -> Release:
    """`1.32` as numbers."""
    major, _, minor = text.partition(".")
    return int(major), int(minor)


def shown(version: Release) -> str:
    return f"{version[0]}.{version[1]}"


def retired(api_version: str, kind: str) -> Retired | None:
    """What became of this version of a kind; None for one that is simply there, or unknown."""
    return _retired().get((api_version, kind))


@cache
def _retired() -> dict[tuple[str, str], Retired]:
    rows: dict[tuple[str, str], Retired] = {}
    for line in _TABLE.strip().splitlines():
        api_version, kinds, deprecated, removed, instead = line.split()
        row = Retired(
            deprecated=release(deprecated),
            removed=None if removed == "-" else release(removed),
            instead="" if instead == "-" else instead,
        )
        rows |= {(api_version, kind): row for kind in kinds.split(",")}
    return rows
