"""A log that secbot reads."""

from __future__ import annotations

import pytest

from governance.models import SecbotCursor
from governance.secbot import follower
from tests.governance.secbot.acts import catch_up


@pytest.fixture
def followed():
    """A log that was read to its end."""
    catch_up()
    SecbotCursor.objects.get_or_create(pk=follower.ONLY)
