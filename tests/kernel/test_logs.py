"""Log lines."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura.kernel.telemetry import context, logs
from aura.kernel.telemetry.logs import Style

FORGED = 'nginx\n{"level": "info", "event": "forged"}\u2028\r\x1b[2Jx\u202e'


class Written:
    """What a logger of its own wrote through our formatter."""

    def __init__(self, style: Style) -> None:
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(logs.formatter(style))
        self.logger = logging.Logger("somebody.elses")  # noqa: LOG001 - of its own, heard by nobody else
        self.logger.addHandler(handler)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def event(self) -> dict[str, Any]:
        """The one line that was written."""
        assert len(self.text.splitlines()) == 1, self.text
        found: dict[str, Any] = json.loads(self.text)
        return found


def _fail(text: str) -> None:
    raise ValueError(text)


@pytest.fixture
def written() -> Written:
    return Written("json")


def test_a_line_of_any_library_says_when_what_and_who(written: Written) -> None:
    written.logger.warning("%d of %s", 3, "four")
    event = written.event()
    assert event["event"] == "3 of four"
    assert (event["level"], event["logger"]) == ("warning", "somebody.elses")
    assert event["timestamp"].endswith("Z")


def test_a_line_belongs_to_its_trace_ticket_and_tool(written: Written) -> None:
    with context.using(context.incoming(pinned="tr_1")), logs.about(ticket="t", tool="git_push"):
        written.logger.info("x", extra={"duration_ms": 2})
    event = written.event()
    assert (event["trace_id"], event["ticket"], event["tool"]) == ("tr_1", "t", "git_push")
    assert event["duration_ms"] == 2
    written.logger.info("y")
    assert "trace_id" not in json.loads(written.text.splitlines()[1])


@given(st.text())
def test_no_text_can_forge_a_line(text: str) -> None:
    for style in ("json", "text"):
        there = Written(style)
        there.logger.info("title %s", text, extra={"title": text})
        assert len(there.text.splitlines()) == 1


def test_text_from_outside_moves_no_cursor() -> None:
    there = Written("text")
    there.logger.info(FORGED, extra={"title": FORGED})
    assert there.text.count("\n") == 1
    assert not set(there.text[:-1]) & set("\r\x1b\u2028\u202e")
    assert "\\nx" not in there.text
    assert "nginx\\n{" in there.text


def test_an_exception_is_structured_and_tells_no_local_value(written: Written) -> None:
    secret_local = "do-not-show"
    try:
        int(f"bad {len(secret_local)}")
    except ValueError:
        written.logger.exception("it broke")
    [told] = written.event()["exception"]
    assert (told["exc_type"], told["exc_value"]) == (
        "ValueError",
        "invalid literal for int() with base 10: 'bad 11'",
    )
    assert told["frames"][0]["name"] == "test_an_exception_is_structured_and_tells_no_local_value"
    assert secret_local not in written.text


def test_an_exception_in_text_is_indented_so_that_it_looks_like_no_line() -> None:
    there = Written("text")
    try:
        _fail("first\n12:00:00 info aura  forged")
    except ValueError:
        there.logger.exception("it broke")
    head, *rest = there.text.splitlines()
    assert head.endswith("it broke")
    assert rest
    assert all(line.startswith("    ") for line in rest)


@pytest.mark.parametrize("style", ["json", "text"])
def test_credentials_are_taken_out_wherever_they_stand(style: Style) -> None:
    there = Written(style)
    secret = "hunter2-Xk29vLq"
    try:
        _fail(f"password={secret}")
    except ValueError:
        there.logger.exception(
            "url https://u:%s@h/x", secret, extra={"password": secret, "deep": {"api_key": secret}}
        )
    assert secret not in there.text
    assert "[redacted" in there.text


def test_a_value_that_cannot_be_shown_costs_no_line(written: Written) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    written.logger.info("x", extra={"odd": Broken(), "set": {1}})
    assert written.event()["odd"] == "<Broken>"


def test_an_access_line_has_the_shape_of_all_others(written: Written) -> None:
    fields = {"method": "GET", "route": "/api/tickets", "status": 200}
    with context.using(context.incoming(pinned="tr_1")):
        written.logger.info("request", extra={"access": fields})
        written.logger.info("other")
    access, other = map(json.loads, written.text.splitlines())
    assert access.items() >= {**fields, "event": "request", "trace_id": "tr_1"}.items()
    assert list(access)[:4] == list(other)[:4] == ["timestamp", "level", "logger", "event"]
    assert len(access["timestamp"]) == len(other["timestamp"])


@pytest.fixture
def untouched() -> Iterator[None]:
    """Logging as it was."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in root.handlers:
        if handler not in before:
            handler.close()
    root.handlers[:], root.level = before, level


@pytest.mark.usefixtures("untouched")
def test_with_a_file_the_terminal_learns_only_what_needs_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    file = tmp_path / "web.log"
    logging.config.dictConfig(logs.configuration(level="info", style="text", file=file))
    logging.getLogger("aura.x").info("all is well")
    logging.getLogger("aura.x").warning("look here")
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == [
        "all is well",
        "look here",
    ]
    assert terminal.getvalue().splitlines() == [
        f"{terminal.getvalue()[:8]} warning aura.x  look here"
    ]


def test_access_lines_are_gathered_and_keep_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "GATHER_S", 60.0)
    handler = logs.FileHandler(tmp_path / "log")
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.Logger("somebody.elses")  # noqa: LOG001 - of its own, heard by nobody else
    logger.addHandler(handler)

    def lines() -> list[str]:
        return (tmp_path / "log").read_text().split()

    logger.info("first", extra={"access": {}})
    logger.info("second", extra={"access": {}})
    assert lines() == []
    logger.info("third")
    assert lines() == ["first", "second", "third"]
    logger.info("fourth", extra={"access": {}})
    logger.error("fifth", extra={"access": {}})
    assert lines()[3:] == ["fourth", "fifth"]
    monkeypatch.undo()
    logger.info("sixth", extra={"access": {}})
    deadline = time.monotonic() + 60
    while len(lines()) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lines()[5:] == ["sixth"]
    logger.info("seventh", extra={"access": {}})
    handler.close()
    assert lines()[6:] == ["seventh"]
