"""Words that both the rows and the runtime of agents speak in."""

from enum import StrEnum


class WaitKind(StrEnum):
    """What a pending call waits for."""

    PLAN_APPROVAL = "plan_approval"
    APPROVAL = "approval"
    QUESTION = "question"
    SYNC = "sync"  # for a cluster, and for nobody: the call is made again after a while
