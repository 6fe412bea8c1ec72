"""Events as a worker commits them. `python -m tests.bench.writer EVENTS PER_SECOND`, with the
environment of an instance, writes the time of every commit as a JSON list.
"""

from __future__ import annotations

import json
import os
import sys
import time

import django


def write(events: int, per_second: float) -> list[float]:
    """Event number n tells `{"n": n}`; the times are those of the machine's monotonic clock."""
    from django.db import transaction

    from governance.types import SYSTEM
    from tickets.events import tell
    from tickets.models import Ticket

    ticket = Ticket.objects.create(title="Deploy Redis cluster", description="Three nodes")
    committed: list[float] = []
    began = time.monotonic()
    for number in range(events):
        time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        with transaction.atomic():
            # Before the callback that links and announces, which belongs to what is measured.
            transaction.on_commit(lambda: committed.append(time.monotonic()))
            tell(ticket, "turn_started", actor=SYSTEM, payload={"n": number})
    return committed


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aura.settings")  # noqa: TID251 - Django's own
    django.setup()
    sys.stdout.write(json.dumps(write(int(sys.argv[1]), float(sys.argv[2]))))


if __name__ == "__main__":
    main()
