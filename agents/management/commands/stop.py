"""`manage.py stop REASON`: no agent does anything until `manage.py start`."""

from __future__ import annotations

from agents.management.switching import SwitchCommand
from agents.runtime import stop
from governance.types import Principal


class Command(SwitchCommand):
    help = "Stop all agents within a second, with everything they have under way. Nothing is lost."
    done = "All agents are stopped. `manage.py start REASON` lets them go on."

    def turn(self, *, actor: Principal, reason: str) -> None:
        stop.stop(actor=actor, reason=reason)
