"""The watch over the runs of a process."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Run
from agents.runtime import claims, watch
from tests.tickets.test_stop import until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_fault_of_its_own_does_not_end_the_watch(desk, monkeypatch, caplog):
    monkeypatch.setattr(watch, "EVERY_S", 0.01)
    module: Any = watch
    real, faults = module.close_old_connections, iter([RuntimeError("a bug")])

    def failing() -> None:
        for fault in faults:
            raise fault
        real()

    monkeypatch.setattr(module, "close_old_connections", failing)
    run = Run.objects.get(pk=desk.open().run_id)
    with watch.over(run) as interrupt:
        until(lambda: "a bug" in caplog.text)
        claims.revoke(run.pk)
        until(interrupt.is_set)
