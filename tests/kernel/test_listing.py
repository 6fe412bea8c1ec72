"""Query parameters of listings."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from aura.kernel.errors import ValidationFailed
from aura.kernel.listing import MAX_OFFSET, moment, names, page

COLOURS = ("red", "green", "blue")


def query(**values: str) -> QueryDict:
    made = QueryDict(mutable=True)
    made.update(values)
    return made


def complaint(read):
    with pytest.raises(ValidationFailed) as refusal:
        read()
    assert (refusal.value.code, refusal.value.status) == ("VALIDATION_ERROR", 400)
    return refusal.value.details


@pytest.mark.parametrize(
    ("given_", "limit", "offset"),
    [
        ({}, 50, 0),
        ({"limit": "1"}, 1, 0),
        ({"limit": "200", "offset": "7"}, 200, 7),
        ({"limit": "007"}, 7, 0),
        ({"offset": str(MAX_OFFSET)}, 50, MAX_OFFSET),
    ],
)
def test_a_page_is_a_limit_and_an_offset(given_, limit, offset):
    wanted = page(query(**given_), default=50, most=200)
    assert (wanted.limit, wanted.offset) == (limit, offset)
    assert wanted.window == slice(offset, offset + limit)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("limit", "0", "Must be a whole number from 1 to 200"),
        ("limit", "201", "Must be a whole number from 1 to 200"),
        ("offset", "-1", "Must be a whole number from 0 to 1000000000"),
        ("offset", str(MAX_OFFSET + 1), "Must be a whole number from 0 to 1000000000"),
    ],
)
def test_a_number_outside_its_bounds_is_refused(name, value, sentence):
    assert complaint(lambda: page(query(**{name: value}), default=50, most=200)) == {
        name: [sentence]
    }


@given(st.text())
def test_no_text_makes_paging_fail(text):
    try:
        wanted = page(query(limit=text), default=50, most=200)
    except ValidationFailed:
        return
    assert 1 <= wanted.limit <= 200


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        (",, ,", []),
        ("red", ["red"]),
        (" red ,blue,", ["red", "blue"]),
    ],
)
def test_names_are_separated_by_commas(text, wanted):
    assert names(query(colour=text), "colour", COLOURS) == wanted


def test_a_repeated_parameter_counts_like_a_comma():
    assert names(QueryDict("colour=red&colour=blue,green"), "colour", COLOURS) == [
        "red",
        "blue",
        "green",
    ]


def test_an_unknown_name_is_refused_with_those_that_are_known():
    details = complaint(lambda: names(query(colour="red,pink"), "colour", COLOURS))
    assert details == {"colour": ["Unknown value 'pink'; allowed: red, green, blue"]}


def test_a_very_long_unknown_name_is_not_repeated_in_full():
    details = complaint(lambda: names(query(colour="x" * 10_000), "colour", COLOURS))
    assert len(details["colour"][0]) < 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-15T14:30:00Z", datetime(2026, 1, 15, 14, 30, tzinfo=UTC)),
        ("2026-01-15T14:30:00.057Z", datetime(2026, 1, 15, 14, 30, 0, 57_000, tzinfo=UTC)),
        ("2026-01-15T14:30:00+02:00", datetime(2026, 1, 15, 12, 30, tzinfo=UTC)),
        ("2026-01-15T14:30:00 02:00", datetime(2026, 1, 15, 12, 30, tzinfo=UTC)),
        ("2026-01-15 14:30", datetime(2026, 1, 15, 14, 30, tzinfo=UTC)),
        ("2026-01-15", datetime(2026, 1, 15, tzinfo=UTC)),
        ("", None),
        ("  ", None),
    ],
)
def test_a_time_is_iso_8601_and_utc_unless_it_says_otherwise(text, expected):
    assert moment(query(since=text), "since") == expected


@given(st.text(min_size=1))
def test_no_text_makes_reading_a_time_fail(text):
    try:
        read = moment(query(since=text), "since")
    except ValidationFailed:
        return
    assert read is None or read.tzinfo is UTC
