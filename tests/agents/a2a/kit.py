"""`python -m tests.agents.a2a.kit`: our A2A servers with an agent that acts as the compatibility
kit's scenarios say, until it is interrupted. docs/a2a.md tells how the kit is run against it.

Everything but the work on a task is the product: admission, protocol, rows, streams, push.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from tests.bench.services import services

SLOW_S = 5.0  # of what is subscribed to: longer than twice the kit's streaming timeout
FILE = {"filename": "output.txt", "mediaType": "text/plain"}

# What a message whose id begins so makes of its task: state, artifact parts.
SCENARIOS: dict[str, tuple[str, Any]] = {
    "tck-artifact-text": ("completed", "Generated text content"),
    "tck-artifact-file-url": ("completed", [{"url": "https://example.com/output.txt", **FILE}]),
    "tck-artifact-file": ("completed", [{"raw": "aGVsbG8=", **FILE}]),
    "tck-artifact-data": ("completed", [{"data": {"key": "value", "count": 42}}]),
    "tck-input-required": ("input-required", None),
    "tck-reject-task": ("rejected", None),
    "tck-stream-002": ("completed", None),
    "tck-stream-artifact-text": ("completed", "Streamed text content"),
    "tck-stream-artifact-file": ("completed", [{"raw": "aGVsbG8=", **FILE}]),
    "tck-stream-artifact-chunked": ("completed", "chunk-1 chunk-2"),
    "tck-stream-ordering-001": ("completed", "Ordered output"),
    "tck-stream": ("completed", "Stream hello from TCK"),
    "test-resubscribe-message-id": ("completed", "late"),
    "tck": ("completed", None),
}


def outcome(message_id: str, *, old: bool) -> tuple[str, Any]:
    """The kit of 0.3 expects an agent that goes on asking."""
    for prefix, ends in SCENARIOS.items():
        if message_id.startswith(prefix):
            return ends
    return ("input-required" if old else "completed"), None


def change(key: str, **values: Any) -> None:
    """One step of a task, as the journal of a run writes it."""
    from django.db import transaction
    from django.utils.timezone import now

    from agents.helpdesk import news
    from agents.models import ENDED_TASK, HelpdeskTask

    with transaction.atomic():
        task = HelpdeskTask.objects.select_for_update().get(key=key)
        if task.state in ENDED_TASK:
            return
        for name, value in values.items():
            setattr(task, name, value)
        task.version, task.updated_at = task.version + 1, now()
        task.save()
        news.changed(key)


def work(key: str, message_id: str, *, old: bool) -> None:
    from agents.a2a import push

    change(key, state="working")
    if message_id.startswith("test-resubscribe-message-id"):
        time.sleep(SLOW_S)
    state, parts = outcome(message_id, old=old)
    if parts is not None:
        change(key, artifacts=[{"id": f"{key}-1", "name": "artifact", "parts": parts}])
    said = "Hello from TCK" if state == "completed" and parts is None else ""
    change(key, state=state, text=said)
    push.pump()


def working(*, old: bool) -> Callable[[UUID], None]:
    """What is called for every new task, here instead of a worker's queue; and for each message
    that follows one, which answers at once.
    """
    from django.db import connections, transaction
    from django.db.models.signals import post_save

    from agents.models import HelpdeskTask, TaskMessage

    def run(run_id: UUID) -> None:
        try:
            task = HelpdeskTask.objects.get(run=run_id)
            work(task.key, task.message["messageId"], old=old)
        finally:
            connections.close_all()

    def further(sender: Any, instance: Any, **_: Any) -> None:
        key, message_id = instance.task.key, instance.message["messageId"]
        transaction.on_commit(lambda: work(key, message_id, old=old))

    post_save.connect(further, sender=TaskMessage, weak=False)
    return lambda run_id: threading.Thread(target=run, args=(run_id,), daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=28110, help="of the first agent")
    parser.add_argument("--old", action="store_true", help="as the kit of protocol 0.3 wants it")
    wanted = parser.parse_args()
    with services():
        from django.conf import settings

        ours = {"agent_port": wanted.port, "auth": "off", "agent_wait_s": 20.0}
        ours["a2a_card"] = "both" if wanted.old else "1.0"
        settings.AURA = settings.AURA.model_copy(
            update={**ours, "outbound_allow": ("localhost", "127.0.0.1")}
        )
        vars(settings.AURA).pop("ports", None)
        import uvicorn

        from agents.helpdesk import catalogue, news
        from tests.agents.standin import AGENTS

        vars(catalogue)["agents"] = lambda: AGENTS
        vars(news)["wake_now"] = working(old=wanted.old)
        import aura.asgi

        uvicorn.run(aura.asgi.application, port=wanted.port, lifespan="off", log_level="warning")


if __name__ == "__main__":
    os.environ.pop("AURA_DATABASE_URL", None)  # noqa: TID251 - services of its own
    main()
