"""Texts and data of reports, chains of waiting sessions, and what a question is about. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address

import pytest

from agents.database.blocking import Chain, chains
from agents.database.report import Table, masked, one_line, plain, report, size, span

SECRET = "s3cret-Pa55"


def test_a_table_is_aligned_and_its_numbers_stand_right():
    rows = [{"name": "a", "n": 5, "x": None}, {"name": "bcd", "n": 12345, "x": True}]
    assert str(Table("Things", rows)).splitlines() == [
        "Things:",
        "name      n  x",
        "a         5  -",
        "bcd   12345  yes",
    ]


def test_nothing_is_said_as_such_or_left_out():
    assert (
        report(Table("Things", [], empty="No things."), Table("More", []), "").content
        == "No things."
    )


def test_what_would_move_the_cursor_is_shown_harmlessly():
    assert one_line("a\nb\t c \x1b[31m\u202e") == "a b c ?[31m?"
    assert len(one_line("x" * 500)) == 100


@pytest.mark.parametrize(
    "text",
    [
        f"ALTER ROLE a PASSWORD '{SECRET}'",
        f"create user a encrypted password '{SECRET}' login",
        f"ALTER ROLE a PASSWORD $x${SECRET}$x$",
        f"ALTER ROLE a PASSWORD E'{SECRET}''more",
        f"SELECT dblink('host=h password={SECRET}', 'SELECT 1')",
        f"CREATE SUBSCRIPTION s CONNECTION 'postgresql://u:{SECRET}@h/d' PUBLICATION p",
        f"OPTIONS (user 'u', password '{SECRET}')",
    ],
)
def test_a_password_in_sql_is_taken_out(text):
    assert SECRET not in masked(text)
    assert "[redacted:" in masked(text)


def test_harmless_sql_stays_as_it_is():
    text = "SELECT password_hash, 'x' FROM users WHERE name = 'password' AND note LIKE '%word%'"
    assert masked(text) == text


def test_credentials_are_in_neither_text_nor_data():
    result = report(f"see postgresql://u:{SECRET}@h/d", found=f"password={SECRET}")
    assert SECRET not in f"{result.content}{result.data}"


def test_values_of_postgresql_become_json():
    value = {
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "age": timedelta(milliseconds=1500),
        "n": [Decimal(12), Decimal("1.5"), Decimal("NaN"), float("inf"), 2.5, True, None],
        "address": ip_address("10.0.0.1"),
        "raw": b"\x00\xff",
    }
    assert json.loads(json.dumps(plain(value))) == {
        "when": "2026-01-02T00:00:00+00:00",
        "age": 1.5,
        "n": [12, 1.5, None, None, 2.5, True, None],
        "address": "10.0.0.1",
        "raw": "00ff",
    }


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "unknown"),
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 kB"),
        (1536 * 1024, "1.5 MB"),
        (3 * 1024**5, "3.0 PB"),
        (1024**7, "1048576.0 PB"),
    ],
)
def test_sizes_are_told_for_people(number, text):
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (0.26, "0.3 s"),
        (42, "42 s"),
        (61, "1 min 1 s"),
        (3723, "1 h 2 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations_are_told_for_people(seconds, text):
    assert span(seconds) == text


def test_waiting_sessions_form_a_tree_below_their_root():
    assert chains({2: [1], 3: [1, 2], 4: [3], 9: [8]}) == [
        Chain(1, ((2, 1, 1), (3, 1, 1), (4, 3, 2))),
        Chain(8, ((9, 8, 1),)),
    ]


def test_those_who_wait_for_each_other_are_a_circle():
    assert chains({1: [2], 2: [1], 3: [2]}) == [
        Chain(1, ((2, 1, 1), (3, 2, 2)), circular=True),
    ]


def test_a_prepared_transaction_is_a_root_without_a_session():
    assert chains({5: [0]}) == [Chain(0, ((5, 0, 1),))]


def test_no_waiting_no_chains():
    assert chains({}) == []
