"""Ten thousand requests, diffs of five megabytes: pages stay small and say what they leave out."""

from __future__ import annotations

import re

import pytest
from django.db import connection

from governance.types import ActionClass
from tests import builders
from tests.admin import stories
from tests.admin.pages import INBOX, INDEX, page_of, text
from tests.admin.scene import asked

pytestmark = pytest.mark.django_db
MANY = 10_000
LINE = "+  key: value-0123456789\n"
# One row again and again, each with a name of its own.
MORE = """
INSERT INTO governance_approval
SELECT (jsonb_populate_record(one, jsonb_build_object('id', gen_random_uuid(),
    'key', 'apr_' || lpad(n::text, 12, '0'), 'resource_name', 'shop/web-' || n))).*
FROM governance_approval AS one, generate_series(2, %s) AS n
"""
DIFF = "diff --git a/x b/x\n" + LINE * (5_000_000 // len(LINE))


def many_requests() -> None:
    asked("delete_pod", ActionClass.DESTRUCTIVE)
    with connection.cursor() as cursor:
        cursor.execute(MORE, [MANY])


def test_ten_thousand_requests_are_counted_and_shown_by_the_page(
    admin_browser, django_assert_max_num_queries
):
    many_requests()
    for url in (INBOX, f"{INBOX}?mine=1", INDEX):
        with django_assert_max_num_queries(25):
            page = text(admin_browser.get(url))
        assert re.search(r"<title>\(10,?000\) ", page), url
        assert len(page) < 300_000, url
    found = re.findall(r"shop/web-\d+", text(admin_browser.get(f"{INBOX}?q=web-9999")))
    assert set(found) == {"shop/web-9999"}
    counts = text(admin_browser.get("/admin/inbox/counts/"))
    assert re.search(r"10,?000", counts)
    assert len(counts) < 10_000


def test_a_commit_of_five_megabytes_is_cut_and_can_be_had_whole(admin_browser):
    ticket = builders.executing()
    stories.committed(ticket, diff=DIFF)
    conversation = page_of(ticket).replace("change", "conversation")
    assert len(text(admin_browser.get(conversation))) < 300_000
    page = text(admin_browser.get(page_of(ticket)))
    assert len(page) < 300_000
    assert "All of it, as text" in page
    (whole,) = set(re.findall(r'href="([^"]*/text/[^"]*)"', page))
    assert DIFF.strip() in text(admin_browser.get(whole))
