"""Identifiers and times as the wire shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura.kernel.ids import event_id, event_seq, iso, parse_uuid

KNOWN = "59c81f97-dcfc-4068-a58c-bc854e72e095"


@given(st.uuids())
def test_a_uuid_is_read_as_it_is_written(uuid):
    assert parse_uuid(str(uuid)) == uuid
    assert parse_uuid(str(uuid).upper()) == uuid


@pytest.mark.parametrize(
    "text", ["", "abc123", "0", "x" * 32, "\x00", "\ud800", f"{KNOWN}0", KNOWN[:-1], " "]
)
def test_anything_else_is_none(text):
    assert parse_uuid(text) is None


@given(st.text())
def test_no_text_makes_reading_fail(text):
    assert parse_uuid(text) is None or isinstance(parse_uuid(text), UUID)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 1, 15, 14, 30, tzinfo=UTC), "2024-01-15T14:30:00.000Z"),
        (datetime(2024, 1, 15, 14, 30, 5, 57_999, tzinfo=UTC), "2024-01-15T14:30:05.057Z"),
        (
            datetime(2024, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
            "2023-12-31T23:30:00.000Z",
        ),
    ],
)
def test_a_time_is_utc_with_milliseconds_and_a_z(moment, text):
    assert iso(moment) == text


@given(st.integers(min_value=0, max_value=10**16 - 1))
def test_an_event_id_is_read_as_it_is_written(seq):
    assert event_seq(event_id(seq)) == seq


@given(st.integers(0, 10**16 - 1), st.integers(0, 10**16 - 1))
def test_event_ids_sort_as_text_as_they_do_in_the_log(one, two):
    assert (event_id(one) < event_id(two)) == (one < two)


@pytest.mark.parametrize(
    "text", ["", "evt_", "7", "evt_x", "evt_-1", "evt_1.0", "evt_٣", "EVT_1", "evt_" + "9" * 19]
)
def test_an_id_of_somebody_else_is_none(text):
    assert event_seq(text) is None


@pytest.mark.parametrize("text", ["evt_7", "evt_007", "evt_" + "9" * 18])
def test_an_event_id_of_another_width_is_read_too(text):
    assert event_seq(text) == int(text[4:])
