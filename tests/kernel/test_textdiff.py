"""Unified diffs in bounded time."""

from __future__ import annotations

import difflib
import random

import pytest

from aura.kernel.textdiff import MOST_LINES, unified


def numbered(count: int) -> list[str]:
    return [f"line {n}" for n in range(count)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], []),
        (["a"], ["a"]),
        ([], ["a"]),
        (["a"], []),
        (["a", "a"], ["a"]),
        (["a"], ["a", "a", "a"]),
        (["x", "a", "x"], ["x", "b", "x"]),
        (numbered(40), [*numbered(20), "new", *numbered(40)[20:]]),
        (numbered(40), numbered(40)[5:35]),
        (numbered(30), ["new", *numbered(30), "more"]),
        (["a", "", "@@ -1 +1 @@", "b"], ["a", "@@ -1 +1 @@", "", "b"]),
    ],
)
@pytest.mark.parametrize("context", [0, 1, 3])
def test_a_diff_is_what_difflib_makes_of_the_whole(before, after, context):
    ours = list(unified(before, after, names=("a/x", "b/x"), context=context))
    theirs = difflib.unified_diff(before, after, "a/x", "b/x", lineterm="", n=context)
    assert ours == list(theirs)


def patched(before: list[str], lines: list[str]) -> list[str]:
    """`before` with a diff applied, by the line numbers of its headings."""
    made: list[str] = []
    at = 0
    for line in lines[2:]:
        if line.startswith("@@"):
            start, _, count = line.split()[1].lstrip("-").partition(",")
            first = int(start) if count == "0" else int(start) - 1
            made += before[at:first]
            at = first
        elif line.startswith("+"):
            made.append(line[1:])
        else:
            assert before[at] == line[1:]
            made += [line[1:]] if line.startswith(" ") else []
            at += 1
    return made + before[at:]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("context", [0, 3])
def test_a_diff_applied_to_the_first_text_is_the_second(seed, context):
    dice = random.Random(seed)  # noqa: S311 - the same texts each time
    before = [str(dice.randrange(9)) for _ in range(60)]
    after = list(before)
    for _ in range(seed // 4):
        place = dice.randrange(20, 40)
        after[place : place + dice.randrange(3)] = [str(dice.randrange(9))] * dice.randrange(3)
    assert patched(before, list(unified(before, after, context=context))) == after


def test_one_line_of_a_very_long_text_is_shown():
    before = numbered(100_000)
    after = [*before[:70_000], "other", *before[70_001:]]
    assert list(unified(before, after, context=1))[2:] == [
        "@@ -70000,3 +70000,3 @@",
        " line 69999",
        "-line 70000",
        "+other",
        " line 70001",
    ]


def test_a_long_text_that_is_new_is_shown_whole():
    assert len(list(unified([], numbered(MOST_LINES * 2)))) == MOST_LINES * 2 + 3


def test_of_two_long_texts_it_is_said_that_they_differ_and_nothing_is_compared(monkeypatch):
    def compared(*args, **more):
        raise AssertionError("compared")

    monkeypatch.setattr(difflib, "unified_diff", compared)
    before, after = numbered(MOST_LINES // 2), numbered(MOST_LINES // 2 + 1)[::-1]
    *heads, said = unified(before, after, names=("a/x", "b/x"))
    assert heads == ["--- a/x", "+++ b/x"]
    assert said.startswith(f"changed, too large to show: {MOST_LINES // 2} lines (SHA-256 ")
    *_, other = unified(before, [*after[:-1], "other", after[-1]])
    assert other != said
    assert list(unified(before, list(before))) == []
