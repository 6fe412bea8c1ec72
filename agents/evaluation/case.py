"""A case of the evaluation: how a fault is made, what is asked, and what is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from agents.triage.findings import Report

TEST = "test"  # the tag without which nothing is ever injected


class Target(Protocol):
    """What faults are made on: a throw-away cluster or database."""

    @property
    def tags(self) -> frozenset[str]:
        """Those of the inventory; the harness refuses a target without `TEST`."""

    def triage(self, question: str) -> Report:
        """What the rules say of it now, asked with the question of a case."""


T = TypeVar("T", bound=Target)
Injection = Callable[[T], AbstractContextManager[None]]


@contextmanager
def nothing(_: object) -> Iterator[None]:
    """An injection that changes nothing: the control of most faults."""
    yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Generic[T]):
    """One fault on one kind of target.

    `expected`: causes (`category/cause`) of which any is right as the first root.
    `about`: what the object of that root ends with, where more than the cause must be right.
    `remedies`: the tools whose call would mend it. A remedy that calls another one is wrong;
    none is never wrong.
    `inject`: within it the fault is there and can be seen; after it nothing of it is left.
    `control`: the same, but healthy. Within it, any root above INFO is a false alarm.
    `question`: names `{target}` where the name of the target belongs.
    `needs`: abilities of the target without which the case is left out (`standby`, `logs`).
    """

    name: str
    category: str
    expected: tuple[str, ...]
    inject: Injection[T]
    control: Injection[T] = nothing
    question: str = "What is wrong with {target}?"
    about: str = ""
    remedies: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
