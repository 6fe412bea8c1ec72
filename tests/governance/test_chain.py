"""The hash chain, without a database."""

from __future__ import annotations

import hashlib
from itertools import accumulate

from hypothesis import assume, given
from hypothesis import strategies as st

from governance.audit.chain import GENESIS, chained, first_break, leaf

BODIES = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=8)


def linked(bodies, start=GENESIS):
    own = list(accumulate(bodies, chained, initial=start))
    return list(zip(own, own[1:], bodies, strict=False))


def test_a_hash_covers_the_predecessor_and_the_body():
    assert bytes(32) == GENESIS
    assert chained(GENESIS, b"body") == hashlib.sha256(bytes(32) + b"body").digest()


def test_a_leaf_is_that_of_rfc_6962():
    assert leaf(b"") == bytes.fromhex(
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert leaf(b"body") == hashlib.sha256(b"\x00body").digest()


@given(BODIES)
def test_a_chain_that_was_not_touched_has_no_break(bodies):
    assert first_break(linked(bodies)) is None


@given(BODIES, BODIES)
def test_a_chain_may_be_checked_in_parts(first, second):
    head = linked(first)[-1][1]
    whole = linked([*first, *second])
    assert linked(second, start=head) == whole[len(first) :]
    assert first_break(whole[len(first) :], start=head) is None


@given(BODIES, st.data())
def test_a_changed_body_breaks_the_chain_at_its_place(bodies, data):
    links = linked(bodies)
    place = data.draw(st.integers(0, len(links) - 1))
    other = data.draw(st.binary(max_size=20))
    assume(other != bodies[place])
    links[place] = (*links[place][:2], other)
    assert first_break(links) == place


@given(BODIES, st.data())
def test_a_missing_event_breaks_the_chain_unless_it_was_the_last(bodies, data):
    links = linked(bodies)
    place = data.draw(st.integers(0, len(links) - 1))
    del links[place]
    assert first_break(links) == (place if place < len(links) else None)


@given(st.lists(st.binary(min_size=1, max_size=4), min_size=2, max_size=6, unique=True))
def test_events_in_another_order_break_the_chain(bodies):
    links = linked(bodies)
    links[0], links[1] = links[1], links[0]
    assert first_break(links) == 0


@given(BODIES)
def test_a_rewritten_event_shows_even_when_its_own_hash_was_made_anew(bodies):
    assume(len(bodies) > 1)
    links = linked(bodies)
    previous, _, _ = links[0]
    links[0] = (previous, chained(previous, b"forged" + bodies[0]), b"forged" + bodies[0])
    assert first_break(links) == 1


def test_a_chain_that_begins_elsewhere_is_none():
    assert first_break(linked([b"a"], start=b"\x01" * 32)) == 0
