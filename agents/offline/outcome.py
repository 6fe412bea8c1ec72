"""What comes of an intent: a draft to plan, a question, nothing to do, or no way by rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from agents.offline.intent import Slot

PLACE: Final = "<value>"  # what a person puts a value for


class Topic(StrEnum):
    """What a question is about; the value opens its text, so that its answer is understood."""

    ACTION = "I cannot tell what this ticket asks for."
    NAME = "Which application is meant?"
    IMAGE = "Which image or version should run?"
    REPLICAS = "How many replicas should run?"
    ENVIRONMENT = "Which environment is meant?"
    CONTAINER = "Which container is meant?"
    NAMESPACE = "The namespaces differ."
    SECRET = "The ticket holds a secret."  # noqa: S105 - the opening of a question
    VALUE = "A value cannot be used"  # followed by "(slot):"
    FEEDBACK = "The plan was rejected, and I need other words."
    REMEDY = "This is what is wrong, and I know no change in Git that mends it."
    VARIABLE = "A variable is missing, and only a person knows its value."
    TOO_LITTLE = "There was not enough data to say what is wrong."
    FAILURE = "A step failed."
    DENIED = "A step was denied."


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question for a person; `text` begins with its topic."""

    topic: Topic
    text: str
    options: tuple[str, ...] = ()
    slot: Slot | None = None

    @property
    def opening(self) -> str:
        """How the text begins; what the question is about is told from it alone."""
        return _opening(self.topic, self.slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What would be written: `files` maps a path to its new text, None for deletion.

    `notes` tells for each path what is done to it, `subject` is the commit's first line.
    """

    files: Mapping[str, str | None]
    notes: Mapping[str, str]
    summary: str
    subject: str
    risks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Nothing:
    """The repository says already what was asked for; `why` is a sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class Hopeless:
    """Rules cannot do it; `why` is a sentence that says what a person can do."""

    why: str


Outcome = Draft | Question | Nothing | Hopeless


class Asked(Exception):
    """Raised while drafting: this must be asked first."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.text)
        self.question = question


def ask(topic: Topic, text: str, *options: str, slot: Slot | None = None) -> Asked:
    """An `Asked` with a question on `topic`; `text` follows the opening."""
    full = f"{_opening(topic, slot)} {text}".strip()
    return Asked(Question(topic=topic, text=full, options=options, slot=slot))


def _opening(topic: Topic, slot: Slot | None) -> str:
    return f"{topic.value} ({slot.value}):" if topic is Topic.VALUE and slot else topic.value
