"""The door that an effect goes through last: its intent is in the log, for good, or nothing runs.

In the log means committed. What destroys waits until its intent also has its place in the chain and
is under a signed checkpoint, outside the database. A write begins where a thread of this process
signed all there was a moment ago, and will sign this too; elsewhere it waits as well. Reads need
none of it.
"""

from __future__ import annotations

import time

from django.db import OperationalError, connection

from governance.audit import elsewhere, sink
from governance.audit.checkpoints import Rewritten, signer
from governance.audit.contradiction import HALTED, contradicted
from governance.audit.keys import NoKey
from governance.audit.sequence import Linked, sequence_waiting
from governance.audit.signing import signs_beside, unsigned_because
from governance.types import ActionClass

DEADLINE_S = 2.0
LOOK_AGAIN_S = 0.02
LOCK_TIMEOUT = "55P03"
HEAD = "SELECT coalesce(max(seq), 0) FROM governance_auditlink"


class IntentNotKept(Exception):
    """The log does not take the intent: its effect must not begin. The text says why."""


def begins_unsigned(action_class: ActionClass) -> bool:
    """Whether an effect of this class may begin before its own intent is signed."""
    return action_class is ActionClass.WRITE and signs_beside()


def ensure_log_signed() -> None:
    """Return where this process signed all of the log a moment ago; raises `IntentNotKept`."""
    if reason := unsigned_because():
        raise IntentNotKept(reason)


def ensure_intent_durable(linked: Linked | None) -> None:
    """Return when what was just committed is linked and signed; raises `IntentNotKept` within 2 s.

    `linked` is what the intent's own transaction linked, None where another one was at it.
    """
    deadline = time.monotonic() + DEADLINE_S
    try:
        if problem := contradicted():
            raise IntentNotKept(f"{HALTED}: {problem}")
        if linked is None or not linked.whole:
            sequence_waiting(DEADLINE_S)
        _sign(linked, deadline)
    except (NoKey, Rewritten, sink.Busy) as error:
        raise IntentNotKept(str(error)) from None
    except OSError as error:
        raise IntentNotKept(f"the file of checkpoints cannot be written: {error}") from None
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != LOCK_TIMEOUT:
            raise  # the database is away: that is not the log's refusal
        raise IntentNotKept("somebody holds the chain of the log for too long") from None


def _sign(linked: Linked | None, deadline: float) -> None:
    left_s = max(0.0, deadline - time.monotonic())
    own = linked if linked is not None and linked.whole else None
    if not signer.signs_here():
        _await_signature(own.last if own else _number(HEAD), deadline)
    elif own is not None:
        signer.sign(own, patience_s=left_s)
    else:
        signer.sign_head(keep=False, patience_s=left_s)


def _await_signature(place: int, deadline: float) -> None:
    """Another process has the key, and signs what it finds."""
    keys = elsewhere.trusted()
    while not elsewhere.is_signed(place, keys):
        if time.monotonic() > deadline:
            raise IntentNotKept(
                "no process signs the log: give one AURA_LOG_KEY_FILE (docs/log.md)"
            )
        time.sleep(LOOK_AGAIN_S)


def _number(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
