"""Every tool of the Kubernetes agent. Building them is cheap: no client is imported for it."""

from __future__ import annotations

from agents.kubernetes import (
    describe,
    events,
    logs,
    nodes,
    pods,
    services,
    storage,
    usage,
    workloads,
)
from agents.kubernetes.change_tools import change_tools
from agents.kubernetes.making import cluster_of_call, look, namespace_of_call
from agents.kubernetes.targets import AnyNamespaceArguments, ContextArguments
from agents.kubernetes.triage import tool as triage
from agents.runtime.tool import Tool


def kubernetes_tools() -> list[Tool]:
    """In the order in which they are shown: looks first, then what changes something."""
    return [_triage(), *_pods(), *_networking(), *_workloads(), *_nodes(), *change_tools()]


def _triage() -> Tool:
    return look(
        "triage_namespace",
        "Tell what is wrong in a namespace and why, by rules over its objects, events and logs: the"
        " root causes, what they explain, the lines that prove it, what to do. Start here when"
        " something fails.",
        triage.TriageArguments,
        triage.triage_namespace,
        locate=triage.target_of_call,
        tags=("debugging", "triage"),
        examples=("Why is checkout failing in shop?", "What is wrong in namespace shop?"),
    )


def _pods() -> list[Tool]:
    return [
        look(
            "get_pods",
            "List pods with their state, readiness, restarts, age, address and node.",
            pods.PodsArguments,
            pods.get_pods,
            tags=("pods", "workloads"),
            examples=("Show the pods in namespace shop", "Which pods are not ready?"),
        ),
        look(
            "describe_pod",
            "Tell everything about one pod: states of its containers and why, probes, resources,"
            " volumes, conditions and its events.",
            describe.PodArguments,
            describe.describe_one_pod,
            locate=namespace_of_call,
            tags=("pods", "debugging"),
            examples=("Why is pod web-7d4b9 not ready?",),
        ),
        look(
            "get_pod_logs",
            "Show the last lines of a container's log; with previous=true those before its last"
            " restart, which tell why it ended.",
            logs.LogsArguments,
            logs.get_pod_logs,
            locate=namespace_of_call,
            tags=("pods", "logs", "debugging"),
            examples=("Show the last 100 log lines of pod web-7d4b9 in namespace shop",),
        ),
        look(
            "get_pod_resources",
            "Show what the containers of pods use (CPU and memory, where the cluster measures it)"
            " beside their requests and limits.",
            usage.ResourcesArguments,
            usage.get_pod_resources,
            tags=("pods", "debugging"),
            examples=("How much memory do the pods in shop use?",),
        ),
        look(
            "get_events",
            "List events, newest first: what the cluster did and what failed. Warnings alone with"
            " event_type=Warning; about one object with resource_name.",
            events.EventsArguments,
            events.get_events,
            tags=("events", "debugging"),
            examples=("Show the warnings in namespace shop",),
        ),
    ]


def _networking() -> list[Tool]:
    return [
        look(
            "get_service",
            "List services with type, addresses, ports and selector.",
            services.ServiceArguments,
            services.get_service,
            tags=("services", "networking"),
            examples=("Which services are in namespace shop?",),
        ),
        look(
            "describe_service",
            "Tell everything about one service: ports, selector, the endpoints behind it, events.",
            describe.OneServiceArguments,
            describe.describe_service,
            locate=namespace_of_call,
            tags=("services", "networking", "debugging"),
        ),
        look(
            "get_endpoints",
            "List the addresses behind services, ready and not ready. None: the selector matches"
            " no ready pod.",
            services.EndpointsArguments,
            services.get_endpoints,
            tags=("services", "endpoints", "networking"),
            examples=("Has service web any endpoints?",),
        ),
        look(
            "get_ingresses",
            "List ingresses with class, hosts, paths and the services they lead to.",
            AnyNamespaceArguments,
            services.get_ingresses,
            tags=("networking",),
        ),
    ]


def _workloads() -> list[Tool]:
    wanted = workloads.WorkloadsArguments
    return [
        look(
            "get_deployments",
            "List deployments: pods wanted, ready, of the newest template, and images.",
            wanted,
            workloads.get_deployments,
            tags=("workloads",),
            examples=("Which deployments in shop are not ready?",),
        ),
        look(
            "describe_deployment",
            "Tell everything about one deployment: rollout, containers, conditions, replica sets,"
            " pods and events.",
            describe.OneDeploymentArguments,
            describe.describe_deployment,
            locate=namespace_of_call,
            tags=("workloads", "debugging"),
        ),
        look(
            "get_rollout_history",
            "List the revisions of a deployment: images, age, change cause, and which is current.",
            workloads.RolloutArguments,
            workloads.get_rollout_history,
            locate=namespace_of_call,
            tags=("workloads",),
            examples=("What was deployed before on deployment web?",),
        ),
        look(
            "get_statefulsets",
            "List stateful sets with their pods and images.",
            wanted,
            workloads.get_statefulsets,
            tags=("workloads",),
        ),
        look(
            "get_daemonsets",
            "List daemon sets with their pods and images.",
            wanted,
            workloads.get_daemonsets,
            tags=("workloads",),
        ),
        look(
            "get_jobs",
            "List jobs: complete, failed or running.",
            wanted,
            workloads.get_jobs,
            tags=("workloads",),
        ),
        look(
            "get_cronjobs",
            "List cron jobs: schedule, suspension, last run.",
            wanted,
            workloads.get_cronjobs,
            tags=("workloads",),
        ),
        look(
            "get_pvcs",
            "List persistent volume claims: bound or not, size, storage class.",
            AnyNamespaceArguments,
            storage.get_pvcs,
            tags=("workloads", "storage"),
        ),
        look(
            "get_configmaps",
            "List config maps with the names of their keys, without values.",
            AnyNamespaceArguments,
            storage.get_configmaps,
            tags=("workloads",),
            examples=("Which config maps are in namespace shop?",),
        ),
        look(
            "get_resource_quotas",
            "List resource quotas with what is used of them; a full one keeps pods from starting.",
            AnyNamespaceArguments,
            storage.get_resource_quotas,
            tags=("workloads",),
        ),
    ]


def _nodes() -> list[Tool]:
    return [
        look(
            "get_namespaces",
            "List the namespaces of a cluster: active, or being removed.",
            ContextArguments,
            storage.get_namespaces,
            locate=cluster_of_call,
            tags=("workloads",),
            examples=("Which namespaces are there?",),
        ),
        look(
            "get_nodes",
            "List nodes with state, roles, version, addresses and system.",
            nodes.NodesArguments,
            nodes.get_nodes,
            locate=cluster_of_call,
            tags=("nodes",),
            examples=("Are all nodes ready?",),
        ),
        look(
            "get_node_status",
            "Show how nodes are: pressures and other troubles, taints, pods, and how much of CPU"
            " and memory is requested and used.",
            nodes.NodeStatusArguments,
            nodes.get_node_status,
            locate=cluster_of_call,
            tags=("nodes", "debugging"),
            examples=("Is any node short of memory?",),
        ),
    ]
