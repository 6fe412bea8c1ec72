"""Questions to the log: each filter, in both orders, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.audit import query, traces
from governance.audit.query import Filter, Page, count, events
from governance.audit.record import record
from governance.types import SYSTEM, About, ActorKind, Principal

pytestmark = pytest.mark.django_db

ADA = Principal(kind=ActorKind.USER, name="ada")


@pytest.fixture
def log():
    """Twelve events of three types."""
    return [
        record(
            ("opened", "called", "closed")[n % 3],
            actor=ADA if n % 2 else SYSTEM,
            action=str(n),
            trace_id=f"tr_{n % 4}",
            about=About(
                session_id=f"s{n % 2}",
                agent="k8s" if n < 6 else "",
                action_class="write" if n == 3 else "read",
                key=f"own_{n}" if n == 5 else "",
            ),
        )
        for n in range(12)
    ]


def told(asked=None, page=None):
    return [int(event.action) for event in events(asked or Filter(), page or Page())]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Filter(), list(range(12))),
        (Filter(trace_id="tr_1"), [1, 5, 9]),
        (Filter(trace_id_prefix="tr_"), list(range(12))),
        (Filter(trace_id_prefix="tr_3"), [3, 7, 11]),
        (Filter(trace_id_prefix="%"), []),
        (Filter(session_id="s1"), [1, 3, 5, 7, 9, 11]),
        (Filter(types=["called"]), [1, 4, 7, 10]),
        (Filter(types=["called", "closed", "called"]), [1, 2, 4, 5, 7, 8, 10, 11]),
        (Filter(types=["called", "closed"], actors=["user", "system"]), [1, 2, 4, 5, 7, 8, 10, 11]),
        (Filter(types=["called", "closed"], trace_id="tr_1"), [1, 5]),
        (Filter(actors=["user"]), [1, 3, 5, 7, 9, 11]),
        (Filter(agent="k8s", session_id="s0"), [0, 2, 4]),
        (Filter(action_class="write"), [3]),
        (Filter(types=["nothing"]), []),
    ],
)
def test_a_filter_finds_what_it_says_in_both_orders(log, asked, expected):
    assert told(asked, Page(oldest_first=True)) == expected
    assert told(asked) == expected[::-1]
    assert count(asked) == len(expected)


def test_times_are_inclusive_or_exclusive_as_they_are_asked(log):
    moment = log[4].recorded_at
    early = timedelta(milliseconds=1)
    assert set(told(Filter(since=moment))) >= set(range(4, 12))
    assert 4 not in told(Filter(after=moment))
    assert 4 in told(Filter(until=moment))
    assert 4 not in told(Filter(before=moment))
    assert told(Filter(until=log[0].recorded_at - early)) == []


@pytest.mark.parametrize("oldest_first", [True, False])
def test_pages_meet_without_a_gap(log, oldest_first):
    seen: list[int] = []
    behind = ""
    while page := events(Filter(), Page(limit=5, behind=behind, oldest_first=oldest_first)):
        seen += [int(event.action) for event in page]
        behind = page[-1].key or ""
    assert seen == sorted(range(12), reverse=not oldest_first)
    offsets = [Page(limit=5, offset=at, oldest_first=oldest_first) for at in (0, 5, 10)]
    assert [number for page in offsets for number in told(None, page)] == seen


def test_there_is_nothing_behind_an_event_that_is_not_there(log):
    assert told(None, Page(behind="evt_000000000000")) == []


def test_one_event_by_its_public_id(log):
    assert query.event("own_5") == log[5]
    assert query.event(log[1].key) == log[1]
    assert query.event("none") is None


@pytest.mark.parametrize("most", [1, 2, 10_000])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_a_prefix_is_found_trace_by_trace(log, monkeypatch, most, oldest_first):
    monkeypatch.setattr(query, "NEAR", 1)
    monkeypatch.setattr(traces, "MOST_TRACES", most)
    for prefix, begin in (("tr_", 0), ("tr_", 5), ("tr_2", 0), ("t_", 0), ("%", 0)):
        asked = Filter(trace_id_prefix=prefix, since=log[begin].recorded_at)
        fitting = [n for n, event in enumerate(log) if event.trace_id.startswith(prefix)]
        expected = [n for n in fitting if log[n].recorded_at >= log[begin].recorded_at]
        expected = expected if oldest_first else expected[::-1]
        for limit, offset in ((2, 0), (3, 2), (100, 0), (100, 50), (1000, 1)):
            page = Page(limit=limit, offset=offset, oldest_first=oldest_first)
            assert told(asked, page) == expected[offset : offset + limit]
        for at, last in enumerate(expected):
            page = Page(behind=log[last].key, oldest_first=oldest_first)
            assert told(asked, page) == expected[at + 1 :]
        assert told(asked, Page(behind="evt_000000000000", oldest_first=oldest_first)) == []


@pytest.mark.parametrize("near", [1, 2, 5, 2000])
@pytest.mark.parametrize("rare", [0, 100])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_a_prefix_is_found_near_or_far(log, monkeypatch, near, rare, oldest_first):
    monkeypatch.setattr(query, "NEAR", near)
    monkeypatch.setattr(query, "FAR", min(2 * near, 5))
    monkeypatch.setattr(query, "RARE", rare)
    for prefix in ("tr_", "tr_2", "t", "tr_9"):
        asked = Filter(trace_id_prefix=prefix, types=["opened", "called"][: 1 + near % 2])
        fitting = [
            n
            for n, event in enumerate(log)
            if event.trace_id.startswith(prefix) and event.type in asked.types
        ]
        expected = fitting if oldest_first else fitting[::-1]
        for limit, offset in ((2, 0), (1, 1), (100, 0)):
            page = Page(limit=limit, offset=offset, oldest_first=oldest_first)
            assert told(asked, page) == expected[offset : offset + limit]
        for at, last in enumerate(expected):
            page = Page(behind=log[last].key, oldest_first=oldest_first)
            assert told(asked, page) == expected[at + 1 :]
