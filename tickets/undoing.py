"""How what a tool does is undone, in a sentence, for who is to say yes to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from governance.approvals import weighing
from governance.models import Approval

BRANCH: Final = "It stays on the ticket's branch until a merge; nothing has reached the cluster."

BY_TOOL: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("git_write_file", "git_delete_file", "git_stage", "git_commit", "git_push"), BRANCH
    ),
    **dict.fromkeys(("helm_set_values", "doc_write", "agents_md_update"), BRANCH),
    "git_rebase": "Not by itself: the commits get new ids. The log keeps the old ones.",
    "git_merge": "By one revert commit (git_revert); Argo CD then puts the cluster back.",
    "resolve": "By reverting the merge commit; Argo CD then puts the cluster back.",
    "git_revert": "By merging the change again.",
    "argo_preview_start": "By itself: the preview ends with the merge or the ticket.",
    "argo_sync": "By syncing the revision before it; what was pruned is made again from Git.",
    "delete_pod": "Its controller makes a new one; a pod without a controller is gone.",
    "restart_deployment": "Not needed: the same revision runs again; what old pods held is gone.",
    "scale_deployment": "By scaling it back; the preview names the number of now.",
    "cordon_node": "With uncordon_node.",
    "uncordon_node": "With cordon_node.",
    "read_pod_file": "There is nothing to undo; what it reads is shown to the agent.",
    "debug_node_dmesg": "By itself: the pod that reads is deleted afterwards.",
    "cancel_query": "Whoever sent the statement can send it again; it changed nothing.",
    "terminate_connection": "Not at all: its open transaction is lost, and its client must retry.",
    "terminate_idle_connections": "Not at all: their open transactions are lost.",
    "run_vacuum": "There is nothing to undo: it frees space and changes no row.",
    "drop_replication_slot": "Not at all: its standby or subscriber must be set up anew.",
    "reset_pg_setting": "By setting the old value again; the preview names it.",
    "resume_wal_replay": "By pausing the replay again; what was replayed stays.",
    "reset_cache_stats": "Not at all: the counters begin at zero.",
}


def undo(approval: Approval) -> str:
    """How what is asked for is undone: as its tool knows, else as its class tells."""
    known = "" if approval.kind else BY_TOOL.get(approval.tool_name)
    return known or weighing.undo(approval)
