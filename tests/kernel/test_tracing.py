"""Trace ids, and spans that are off unless asked for."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura.kernel.telemetry import context, tracing
from aura.kernel.telemetry.context import incoming, outgoing, received, using

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def test_a_well_formed_traceparent_is_taken() -> None:
    trace = incoming(traceparent=GOOD)
    assert (trace.id, trace.w3c, trace.parent, trace.sampled) == (TRACE, TRACE, SPAN, True)


def test_the_sampled_flag_is_kept() -> None:
    trace = incoming(traceparent=f"00-{TRACE}-{SPAN}-00")
    assert not trace.sampled
    with using(trace):
        assert outgoing()["traceparent"].endswith("-00")


def test_a_later_version_may_say_more() -> None:
    assert incoming(traceparent=f"01-{TRACE}-{SPAN}-01-more").id == TRACE


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nonsense",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}x-{SPAN}-01",
        f"{GOOD}\n{GOOD}",
        f"{GOOD},{GOOD}",
    ],
)
def test_an_ill_formed_traceparent_counts_as_not_sent(bad: str) -> None:
    trace = incoming(traceparent=bad)
    assert trace.id != TRACE
    assert len(trace.w3c) == 32
    assert trace.parent == ""


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_is_sent_the_id_is_one_word_of_at_most_64_ascii_characters(
    traceparent: str, pinned: str
) -> None:
    trace = incoming(traceparent=traceparent, pinned=pinned)
    assert trace.id.isascii()
    assert trace.id.isprintable()
    assert not set(trace.id) & set(" \"'<>\\{}")
    assert 0 < len(trace.id) <= 64


def test_a_pinned_id_is_shown_beside_the_callers_trace() -> None:
    trace = incoming(traceparent=GOOD, pinned="tr_0f8fad5b-d9c")
    assert (trace.id, trace.w3c) == ("tr_0f8fad5b-d9c", TRACE)


def test_a_pinned_id_of_32_hex_digits_is_the_trace() -> None:
    assert incoming(pinned=TRACE).w3c == TRACE


@pytest.mark.parametrize("bad", ["a b", "x" * 65, "tr\n_1", 'a"b', "ä", "-x"])
def test_a_pinned_id_of_another_form_counts_as_not_sent(bad: str) -> None:
    assert incoming(pinned=bad).id != bad


def test_what_is_sent_along_is_what_is_received() -> None:
    with using(incoming(traceparent=GOOD, pinned="tr_1")):
        sent = outgoing("00f067aa0ba902b8")
    assert received(sent) == context.Trace(id="tr_1", w3c=TRACE, parent="00f067aa0ba902b8")


def test_a_trace_of_nobodys_request_is_not_sent_along() -> None:
    assert outgoing() == {}
    with using(context.alone()):
        assert outgoing() == {}


def test_a_trace_follows_a_copied_context_into_a_thread_and_ends_with_its_block() -> None:
    with using(incoming(traceparent=GOOD)), ThreadPoolExecutor(1) as pool:
        there = pool.submit(copy_context().run, context.current).result()
        assert there is not None
        assert there.id == TRACE
        assert pool.submit(context.current).result() is None
    assert context.current() is None


def test_spans_that_are_off_cost_next_to_nothing() -> None:
    began = time.process_time()
    for _ in range(10_000):
        with tracing.span("turn", ticket="x") as span:
            span.set("a", 1)
    assert (time.process_time() - began) / 10_000 < 50e-6
    assert tracing.span_id() == ""


def test_opentelemetry_is_not_imported_unless_an_endpoint_is_configured() -> None:
    script = (
        "import django, sys; django.setup();"
        "import aura.asgi, aura.surfaces.api, aura.surfaces.secbot, tickets.tasks;"
        "from aura.seeing import see; see('web');"
        "print([n for n, m in sys.modules.items() if m and n.startswith('opentelemetry')])"
    )
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
