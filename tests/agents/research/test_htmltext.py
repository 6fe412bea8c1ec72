"""The text of a page, whatever the page holds."""

from __future__ import annotations

import time

import pytest

from agents.research.htmltext import read

PAGE = """<!DOCTYPE html><html><head><title> Check&shy;points &amp;
 WAL</title><style>p{color:red}</style><script>if (a<b) { x("</p>") }</script></head>
<body><!-- <p>not shown</p> --><h1>One</h1><p>Two <b>and</b>
 a <a href="/x">half</a>.<br/>Three</p><ul><li>four<li>five</ul>
<noscript>enable it</noscript><p>5 &lt; 6</p></body></html>"""


def test_title_and_paragraphs_are_what_people_see():
    page = read(PAGE)
    assert page.title == "Check\u00adpoints & WAL"
    lines = [line for line in page.text.split("\n") if line]
    assert lines == ["One", "Two and", "a half.", "Three", "four", "five", "5 < 6"]


def test_nothing_hidden_is_read():
    text = read(PAGE).text
    for hidden in ("color", "if (a", "not shown", "enable", "<"):
        assert hidden not in text.replace("5 < 6", "")


@pytest.mark.parametrize("broken", ["<script>never closed", "<!-- never closed", "<p", "<", ""])
def test_what_is_broken_is_read_as_far_as_it_goes(broken):
    assert read(f"<p>before</p>{broken}").text.startswith("before")


@pytest.mark.parametrize(
    "piece", ["<div>", "<!", "<a ", "<!--", "<script>", "<svg></svg>", "&#x", "\n \n", "</"]
)
def test_a_megabyte_of_nonsense_is_read_in_no_time(piece):
    began = time.process_time()
    read(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 5
