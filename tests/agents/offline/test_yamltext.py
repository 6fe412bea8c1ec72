"""Edits of YAML text: only the lines that must change do, and nothing else means something else."""

from __future__ import annotations

import string
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.manifests.yamlstyle import dump, plain
from agents.manifests.yamltext import EditRefused, append, assign, documents, remove

TEXT = """\
# head
kind:   Deployment  # odd   blanks
spec:
    replicas: 2   # two
    containers:
    - name: web
      image: "nginx:1.25"
      args: ['-c', "it''s"]
      ports:
      - containerPort: 80

      # the variables
      env:
    - name: side
      image: 'x:1'
      resources: {}  # none
      script: |
        one
        two

---
kind: Kustomization
resources: [a, b]
images: {name: a}
"""
WEB = ("spec", "containers", 0)
SIDE = ("spec", "containers", 1)


ARGS = "      args: ['-c', \"it''s\"]"
BLOCK = ["      script: |", "        one", "        two"]


def changed(new: str, old: str = TEXT) -> tuple[list[str], list[str]]:
    """(lines that went, lines that came), as a multiset difference."""
    before, after = old.splitlines(), new.splitlines()
    return [x for x in before if x not in after], [x for x in after if x not in before]


@pytest.mark.parametrize(
    ("path", "value", "gone", "come"),
    [
        (("spec", "replicas"), 5, ["    replicas: 2   # two"], ["    replicas: 5   # two"]),
        ((*WEB, "image"), "a:1", ['      image: "nginx:1.25"'], ['      image: "a:1"']),
        ((*SIDE, "image"), "it's", ["      image: 'x:1'"], ["      image: 'it''s'"]),
        ((*WEB, "args", 0), "-d", [ARGS], [ARGS.replace("-c", "-d")]),
        ((*SIDE, "script"), "x", BLOCK, ["      script: \"x\""]),
        ((*WEB, "tty"), True, [], ["      tty: true"]),
        (
            (*SIDE, "resources", "limits", "memory"),
            "1Gi",
            ["      resources: {}  # none"],
            ["      resources:  # none", "        limits:", "          memory: 1Gi"],
        ),
    ],
)  # fmt: skip
def test_a_value_is_set_in_its_place(
    path: tuple[str | int, ...], value: Any, gone: list[str], come: list[str]
) -> None:
    assert changed(assign(TEXT, 0, path, value)) == (gone, come)


def test_an_item_is_added_where_the_list_ends_or_where_it_belongs() -> None:
    env = append(TEXT, 0, (*WEB, "env"), {"name": "A", "value": "on"})
    assert changed(env) == ([], ["      - name: A", '        value: "on"'])
    assert changed(append(TEXT, 1, ("resources",), "c")) == (
        ["resources: [a, b]"],
        ["resources: [a, b, c]"],
    )
    assert "[a, aa, b]" in append(TEXT, 1, ("resources",), "aa", at=1)
    assert changed(append(TEXT, 1, ("patches",), {"path": "p"}))[1] == ["patches:", "- path: p"]


def test_an_item_goes_with_its_lines_only() -> None:
    assert changed(remove(TEXT, 0, (*WEB, "ports")))[0] == [
        "      ports:",
        "      - containerPort: 80",
    ]
    assert "resources: [b]" in remove(TEXT, 1, ("resources", 0))
    assert "resources: [a]" in remove(TEXT, 1, ("resources", 1))
    assert "ports: []" in remove(TEXT, 0, (*WEB, "ports", 0))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &x {b: 1}\nc: *x\n", ("c", "b")),  # would change both
        ("a: 1\n", ("a", "b")),
        ("- 1\n", ("a",)),
        ("{{ x }}\n", ("a",)),
    ],
)
def test_what_would_change_something_else_is_refused(
    text: str, path: tuple[str | int, ...]
) -> None:
    with pytest.raises(EditRefused):
        assign(text, 0, path, 2)


def test_a_last_line_without_a_line_break_is_no_obstacle() -> None:
    assert append("a:\n- b", 0, ("a",), "c") == "a:\n- b\n- c"


@pytest.mark.parametrize(
    "value", ["on", "No", "1.27", "1e3", "0123", "12:30", "~", "", "a: b", "#x", "2024-01-01", "y"]
)
def test_strings_that_are_read_as_something_else_are_quoted(value: str) -> None:
    assert not plain(value)
    text = dump([{"a": value}])
    assert yaml.safe_load(text) == {"a": value}
    assert documents(text) == [{"a": value}]


SCALARS = st.one_of(
    st.integers(-5, 70000), st.booleans(), st.text(string.printable.strip(), max_size=12)
)
KEYS = st.text(string.ascii_lowercase, min_size=1, max_size=6).filter(plain)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)
        ),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(tree=TREES, lists=st.sampled_from([0, 2]), key=KEYS, value=SCALARS, flow=st.booleans())
def test_an_edit_changes_the_data_as_asked_or_is_refused(
    tree: dict[str, Any], lists: int, key: str, value: Any, *, flow: bool
) -> None:
    text = yaml.safe_dump(tree, default_flow_style=True) if flow else dump([tree], lists=lists)
    if documents(text) != [tree]:
        return  # a string that two versions of YAML read differently
    try:
        assert documents(assign(text, 0, (key,), value)) == [tree | {key: value}]
        first = next(iter(tree))
        rest = {k: v for k, v in tree.items() if k != first}
        assert documents(remove(text, 0, (first,))) in ([rest], [rest or None])
        if isinstance(tree[first], list):
            longer = tree | {first: [*tree[first], value]}
            assert documents(append(text, 0, (first,), value)) == [longer]
    except EditRefused:
        pass
