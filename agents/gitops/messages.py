"""Commit messages: the words are the agent's, the trailers are ours alone."""

from __future__ import annotations

import re

from agents.runtime.tool import ToolFailure

MAX_MESSAGE = 10_000  # characters of a commit message
_OURS = re.compile(r"^aura-(?:ticket|call|reverts):", re.IGNORECASE)


def clean_message(message: str) -> str:
    """The message without the trailers that only we write. Raises `ToolFailure` for none."""
    lines = message.replace("\0", "").splitlines()
    text = "\n".join(line for line in lines if not _OURS.match(line.strip())).strip()
    if not text:
        raise ToolFailure("the commit message is empty; say what is changed and why")
    if len(text) > MAX_MESSAGE:
        raise ToolFailure(f"the commit message is longer than {MAX_MESSAGE} characters")
    return text
