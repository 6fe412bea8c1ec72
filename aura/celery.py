"""The Celery application. A message is only a wake-up: the queue is the database.

Messages carry the trace of whoever sent them, and a task's log lines and spans belong to it.
"""

import os
from contextlib import ExitStack, suppress
from typing import Any

from celery import Celery, signals
from django.db import close_old_connections
from kombu.exceptions import OperationalError

from aura.broker import Broker
from aura.kernel.telemetry import context, tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aura.settings")

app = Celery("aura", amqp=Broker)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

_open: dict[str, ExitStack] = {}  # task id -> what ends with the task


@signals.setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Django's LOGGING counts, whatever Celery would set up."""


@signals.worker_init.connect
def begin_worker(**_: Any) -> None:
    from aura.seeing import see_alone  # noqa: PLC0415 - needs Django's settings

    see_alone("worker")


@signals.beat_init.connect
def begin_beat(**_: Any) -> None:
    from aura.seeing import see_alone  # noqa: PLC0415 - needs Django's settings

    see_alone("beat")
    with suppress(OperationalError):  # Redis is away: the schedule sends it again
        app.send_task("tickets.tasks.look", kwargs={"scheduled": True}, retry=False)


@signals.before_task_publish.connect
def send_trace(headers: dict[str, Any], **_: Any) -> None:
    headers.update(context.outgoing(tracing.span_id()))


@signals.task_prerun.connect
@signals.task_postrun.connect
def keep_connection(**_: Any) -> None:
    """As between two requests: a connection that is too old or broken is given up, others stay.

    Opening one takes as long as a task needs to begin its work.
    """
    close_old_connections()


@signals.task_prerun.connect
def take_trace(task_id: str, task: Any, **_: Any) -> None:
    trace = context.received(vars(task.request)) or context.alone()
    _open[task_id] = stack = ExitStack()
    stack.enter_context(context.using(trace))


@signals.task_postrun.connect
def leave_trace(task_id: str, **_: Any) -> None:
    if stack := _open.pop(task_id, None):
        stack.close()
