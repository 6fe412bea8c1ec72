"""The fingerprint binds an approval to one exact action."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.fingerprint import fingerprint
from governance.policy import current
from governance.types import Action, ActionClass, ActorKind, Principal, Resource

ACTION = Action(
    tool="git_delete_file",
    arguments={"path": "a.yaml", "options": {"force": False, "depth": 1}},
    action_class=ActionClass.DESTRUCTIVE,
    resource=Resource(type="file", name="a.yaml"),
    principal=Principal(kind=ActorKind.AGENT, name="aura"),
    trace_id="t-1",
    preconditions={"baseCommit": "abc"},
    reason="It is not used",
)


@pytest.fixture(autouse=True, scope="module")
def one_policy():
    """In force all the time; read from no database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(current, "version", lambda: "one")
        yield


def test_it_is_a_sha_256_and_the_same_each_time():
    assert len(fingerprint(ACTION)) == 64
    assert fingerprint(ACTION) == fingerprint(replace(ACTION))


def test_the_order_of_arguments_does_not_matter():
    other = {"options": {"depth": 1, "force": False}, "path": "a.yaml"}
    assert fingerprint(replace(ACTION, arguments=other)) == fingerprint(ACTION)


@pytest.mark.parametrize(
    "change",
    [
        {"tool": "git_write_file"},
        {"arguments": {}},
        {"arguments": {"path": "b.yaml", "options": {"force": False, "depth": 1}}},
        {"arguments": {"path": "a.yaml", "options": {"force": True, "depth": 1}}},
        {"arguments": {"path": "a.yaml", "options": {"force": 0, "depth": 1}}},
        {"arguments": {"path": "a.yaml", "options": {"force": False, "depth": "1"}}},
        {"arguments": {"path": "a.yaml", "options": {"force": False, "depth": None}}},
        {"resource": Resource(type="file", name="b.yaml")},
        {"resource": Resource(type="secret", name="a.yaml")},
        {"resource": Resource(type="file", name="a.yaml", namespace="prod")},
        {"principal": Principal(kind=ActorKind.AGENT, name="other")},
        {"principal": Principal(kind=ActorKind.USER, name="aura")},
        {"preconditions": {"baseCommit": "def"}},
        {"preconditions": {}},
    ],
    ids=str,
)
def test_another_action_has_another_fingerprint(change):
    assert fingerprint(replace(ACTION, **change)) != fingerprint(ACTION)


@pytest.mark.parametrize("change", [{"reason": "other words"}, {"trace_id": "t-2"}], ids=str)
def test_words_bind_nothing(change):
    assert fingerprint(replace(ACTION, **change)) == fingerprint(ACTION)


def test_an_approval_does_not_outlive_the_policy(monkeypatch):
    before = fingerprint(ACTION)
    monkeypatch.setattr(current, "version", lambda: "another")
    assert fingerprint(ACTION) != before


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(path=st.text(), other=st.text(), rest=VALUES)
def test_no_two_paths_share_a_fingerprint(path, other, rest):
    one = fingerprint(replace(ACTION, arguments={"path": path, "rest": rest}))
    two = fingerprint(replace(ACTION, arguments={"path": other, "rest": rest}))
    storable = [text.replace("\x00", "\ufffd") for text in (path, other)]
    assert (one == two) == (storable[0] == storable[1])
