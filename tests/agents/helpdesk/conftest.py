"""Fixtures of the helpdesk's tests."""

from tests.agents.helpdesk.desk import desk

__all__ = ["desk"]
