"""A worker that is killed in the middle of a delivery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tests.children import environment, running
from tests.serving.instance import eventually
from tests.stubs.receiver import answer, receiving
from tests.tickets.webhooks.conftest import fed

DELIVER = """
import threading
from tickets import tasks
tasks.deliver()
threading.Event().wait()
"""


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_was_sending_is_sent_again_under_the_same_id(
    hook: Any, tmp_path: Path
) -> None:
    with receiving() as receiver:
        receiver.answers = [receiver.hang, answer()]
        listener = hook(receiver, "ticket.failed")
        builders.failed()
        fed()
        env = environment(tmp_path, AURA_OUTBOUND_ALLOW="127.0.0.1/32")
        with running(DELIVER, env) as worker:
            eventually(lambda: receiver.got, timeout_s=60)
            worker.kill()
            worker.wait()
        (row,) = listener.rows()
        assert (row.state, row.attempts) == ("pending", 1)
        listener.pumped()
        assert len(receiver.got) == 1, "its lease has not ended"
        listener.time_passes()
        assert listener.ids[0] == listener.ids[1]
        assert len(listener.verified()) == 2
        (row,) = listener.rows()
        assert (row.state, row.attempts) == ("delivered", 2)
