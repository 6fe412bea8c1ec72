"""`manage.py start REASON`: agents that were stopped go on."""

from __future__ import annotations

from agents.management.switching import SwitchCommand
from agents.runtime import stop
from governance.types import Principal


class Command(SwitchCommand):
    help = "Let the agents go on after `manage.py stop`; they do so within seconds."
    done = "The agents go on."

    def turn(self, *, actor: Principal, reason: str) -> None:
        stop.start(actor=actor, reason=reason)
