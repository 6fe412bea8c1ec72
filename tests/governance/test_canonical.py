"""Canonical bytes: one spelling for one value."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.audit.canonical import canonical, storable

TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)


def test_keys_are_sorted_and_nothing_is_padded():
    assert canonical({"b": [1, 2.5, None, True], "a": {"ü": "é\n"}}) == (
        '{"a":{"ü":"é\\n"},"b":[1,2.5,null,true]}'.encode()
    )


@given(JSON)
def test_what_was_written_is_read_again(value):
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(TEXTS, JSON, max_size=5), st.randoms())
def test_the_order_of_keys_does_not_matter(value, random):
    names = list(value)
    random.shuffle(names)
    assert canonical({name: value[name] for name in names}) == canonical(value)


@given(st.text(alphabet=st.characters()))
def test_every_text_can_be_stored(text):
    clean = storable(text)
    assert "\x00" not in clean
    clean.encode()
    assert len(clean) == len(text)


@pytest.mark.parametrize("text", ["\x00", "\ud800", chr(0xDFFF)])
def test_what_postgres_cannot_hold_is_replaced_before_it_is_hashed(text):
    assert canonical({f"k{text}": [f"a{text}b"]}) == '{"k\ufffd":["a\ufffdb"]}'.encode()


def test_keys_that_are_no_strings_become_some():
    assert canonical({1: "a", None: "b"}) == b'{"1":"a","None":"b"}'


@pytest.mark.parametrize("word", ["nan", "inf", "-inf"])
def test_what_is_no_number_in_json_is_refused(word):
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": [float(word)]})


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}], ids=["object", "bytes", "set"])
def test_what_is_no_json_is_refused(value):
    with pytest.raises(TypeError):
        canonical({"a": value})
