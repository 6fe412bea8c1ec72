"""Moved to agents.definition."""

from agents.definition import HelpdeskAgent, Wanted

__all__ = ["HelpdeskAgent", "Wanted"]
