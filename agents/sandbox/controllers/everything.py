"""The controllers in the order in which they look."""

from __future__ import annotations

from agents.sandbox.cluster import Cluster
from agents.sandbox.controllers.daemonsets import DaemonSets
from agents.sandbox.controllers.definitions import Definitions
from agents.sandbox.controllers.deployments import Deployments
from agents.sandbox.controllers.endpoints import Endpoints
from agents.sandbox.controllers.garbage import Garbage, Namespaces
from agents.sandbox.controllers.jobs import CronJobs, Jobs
from agents.sandbox.controllers.kubelet import Kubelet
from agents.sandbox.controllers.nodes import Nodes
from agents.sandbox.controllers.policies import Autoscalers, Budgets, Quotas
from agents.sandbox.controllers.replicasets import ReplicaSets
from agents.sandbox.controllers.scheduler import Scheduler
from agents.sandbox.controllers.sealed import SealedSecrets
from agents.sandbox.controllers.statefulsets import StatefulSets
from agents.sandbox.controllers.volumes import Claims, Volumes
from agents.sandbox.faults.switching import Switching

_ALL = (
    Definitions,
    Namespaces,
    Nodes,
    Switching,
    SealedSecrets,
    Claims,
    Volumes,
    CronJobs,
    Jobs,
    StatefulSets,
    DaemonSets,
    Deployments,
    ReplicaSets,
    Scheduler,
    Kubelet,
    Endpoints,
    Budgets,
    Quotas,
    Autoscalers,
    Garbage,
)


def start(cluster: Cluster) -> None:
    for each in _ALL:
        cluster.engine.add(each(cluster))
