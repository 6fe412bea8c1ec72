"""The cluster tools of tickets, by kubectl's names, on the cluster of AURA_K8S_CONTEXT."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from agents.kubernetes import execution, jobs, kinds, kubectl, targets
from agents.kubernetes.making import change, look
from agents.kubernetes.targets import ALL, Target
from agents.kubernetes.triage import tool as triage
from agents.runtime.tool import Tool, ToolFailure


def cluster_tools() -> list[Tool]:
    """Looks are free; what runs something in the cluster is destructive, so needs approval."""
    return [
        look(
            "triage_namespace",
            "Tell what is wrong in a namespace and why: the root causes, the lines that prove them,"
            " what to do. Call it first when a ticket says that something fails.",
            triage.TicketTriageArguments,
            triage.triage_namespace,
            locate=_in_one,
            tags=("triage",),
        ),
        look(
            "kubectl_get",
            "Show objects of any kind as JSON: one by name, or those of a namespace or selector."
            " Values of Secrets are never shown.",
            kubectl.GetArguments,
            kubectl.get,
            locate=_anywhere,
        ),
        look(
            "kubectl_describe",
            "Tell everything about one object, with its events.",
            kubectl.DescribeArguments,
            kubectl.describe_any,
            locate=_in_one,
        ),
        look(
            "kubectl_logs",
            "Show the last lines of a container's log.",
            kubectl.LogArguments,
            kubectl.log,
            locate=_in_one,
        ),
        look(
            "kubectl_events",
            "List events, newest first, of a namespace or about one object.",
            kubectl.EventsArguments,
            kubectl.list_events,
            locate=_anywhere,
        ),
        look(
            "kubectl_top",
            "Show how much CPU and memory pods or nodes use.",
            kubectl.TopArguments,
            kubectl.top,
            locate=_anywhere,
        ),
        change(
            "kubectl_exec",
            "Run one program in a container, without a shell. Needs an approval.",
            execution.ExecArguments,
            execution.EXECUTION,
            locate=_in_one,
        ),
        change(
            "kubectl_run_job",
            "Run a job of one pod to its end and show its log. Needs an approval.",
            jobs.JobArguments,
            jobs.JOB_RUN,
            locate=_in_one,
        ),
    ]


def _anywhere(arguments: Any) -> Target:
    """The namespace of a call that may also look into all of them."""
    if _outside_namespaces(arguments):
        return targets.whole_cluster(_context())
    return targets.in_namespace(_permitted(arguments.namespace) or ALL, _context())


def _in_one(arguments: Any) -> Target:
    if arguments.namespace == ALL:
        raise ToolFailure("Name one namespace: this tool looks at one object.")
    if _outside_namespaces(arguments):
        return targets.whole_cluster(_context())
    return targets.in_namespace(_permitted(arguments.namespace) or "default", _context())


def _outside_namespaces(arguments: Any) -> bool:
    """Whether the call is about nodes and the like."""
    kind = kinds.named(getattr(arguments, "resource", "") or getattr(arguments, "kind", ""))
    return kind is not None and not kind.namespaced


def _permitted(namespace: str) -> str:
    """The namespace, which AURA_K8S_NAMESPACE may keep to a single one."""
    only = str(settings.AURA.k8s_namespace)
    wanted = "" if namespace == ALL else namespace
    if only and wanted not in ("", only):
        raise ToolFailure(
            f"access denied: tickets work in namespace {only} alone (AURA_K8S_NAMESPACE), not in"
            f" {wanted[:100]!r}"
        )
    return only or wanted


def _context() -> str:
    return str(settings.AURA.k8s_context)
