"""What every page of the console shows of the agents."""

from __future__ import annotations

from django import template

from agents.models import StopSwitch
from agents.runtime import stop

register = template.Library()


@register.simple_tag
def stopped() -> StopSwitch | None:
    """Who stopped everything and why; None while agents may work."""
    return stop.current()
