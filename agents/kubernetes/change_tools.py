"""The tools of the Kubernetes agent that have an effect, each looked at and judged before."""

from __future__ import annotations

from agents.kubernetes import cordoning, deletion, dmesg, files, rollouts, scaling
from agents.kubernetes.making import change, cluster_of_call, node_of_call
from agents.runtime.tool import Tool


def change_tools() -> list[Tool]:
    """In the order in which they are shown."""
    return [
        change(
            "delete_pod",
            "Delete one pod, so that its controller makes a new one. Afterwards it is verified to"
            " be gone, by its UID.",
            deletion.DeleteArguments,
            deletion.DELETION,
            tags=("pods", "remediation"),
            examples=("Delete pod web-7d4b9 in namespace shop",),
        ),
        change(
            "restart_deployment",
            "Replace all pods of a deployment by new ones of the same template. The rollout is"
            " watched for a while, and its state told.",
            rollouts.RestartArguments,
            rollouts.RESTART,
            tags=("workloads", "remediation"),
            examples=("Restart deployment web in namespace shop",),
        ),
        change(
            "scale_deployment",
            "Set how many pods a deployment or stateful set has. Afterwards it is verified that"
            " the number stays.",
            scaling.ScaleArguments,
            scaling.SCALING,
            tags=("workloads", "remediation"),
            examples=("Scale deployment web in namespace shop to 3",),
        ),
        change(
            "read_pod_file",
            "Show the end of one file in a container, e.g. a configuration or a log that is not on"
            " standard output. It runs `tail` there; places that hold Secrets are refused.",
            files.FileArguments,
            files.FILE_READ,
            tags=("pods", "debugging"),
            examples=("Show /etc/nginx/nginx.conf of pod web-7d4b9 in namespace shop",),
        ),
        change(
            "debug_node_dmesg",
            "Show the kernel's messages of a node (OOM kills, disk and network errors) by a job"
            " that runs there for a moment.",
            dmesg.DmesgArguments,
            dmesg.DMESG,
            locate=node_of_call,
            tags=("nodes", "debugging"),
        ),
        _cordon("cordon_node", "Keep new pods off a node; those on it stay.", closed=True),
        _cordon("uncordon_node", "Let new pods be put on a node again.", closed=False),
    ]


def _cordon(name: str, description: str, *, closed: bool) -> Tool:
    return change(
        name,
        description,
        cordoning.CordonArguments,
        cordoning.cordon(closed=closed),
        locate=cluster_of_call,
        tags=("nodes", "remediation"),
    )
