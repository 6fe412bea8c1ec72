"""Long texts on pages: bounded in every direction, and diffs told apart from lists."""

from __future__ import annotations

import pytest

from governance.templatetags.excerpts import LINE_CHARS, MOST_CHARS, MOST_LINES, excerpt
from tests.admin import stories


def test_an_excerpt_is_bounded_in_lines_characters_and_width():
    for long in ("x\n" * 1_000_000, "y" * 5_000_000, ("z" * 5000 + "\n") * 1000):
        part = excerpt(long)
        assert part.cut
        assert len(part.lines) <= MOST_LINES
        assert len(part.text) < MOST_CHARS + 100 * MOST_LINES
        assert max(len(line.text) for line in part.lines) < LINE_CHARS + 100
        assert part.characters == len(long)


@pytest.mark.parametrize("whole", ["", "one", "one\n", "one\ntwo\n\n", "a\r\nb"])
def test_a_short_text_is_left_as_it_is(whole):
    part = excerpt(whole)
    assert (part.text, part.cut) == (whole.replace("\r\n", "\n"), False)


def test_a_list_is_no_diff_and_a_diff_is_one():
    assert not excerpt("- one\n- two\n+ three").is_diff
    lines = excerpt(stories.DIFF).lines
    assert [line.kind for line in lines[:4]] == ["", "place", "place", "place"]
    assert [line.kind for line in lines[6:8]] == ["removed", "added"]
