"""How much every page of the console asks of the database."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.admin.scene import pages

pytestmark = pytest.mark.django_db
MOST = 25


def test_every_page_asks_at_most_25_questions(admin_browser, grace):
    asked: dict[str, int] = {}
    for name, path in pages(grace).items():
        with CaptureQueriesContext(connection) as captured:
            assert admin_browser.get(path).status_code == 200, name
        asked[name] = len(captured)
    assert {name: number for name, number in asked.items() if number > MOST} == {}
