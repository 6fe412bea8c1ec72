"""Rounds: while several people have tickets, one thing is killed; then everybody must get on."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import quantiles

from tests.crash import armed, people
from tests.crash.checks import check
from tests.crash.evidence import branches_of
from tests.crash.house import House
from tests.crash.people import Person, Wish
from tests.crash.trap import PHASES

# How often each is killed in 25 rounds. `point`: the worker, at a named point.
MIX = {"point": 10, "worker": 4, "web": 3, "redis": 2, "postgres": 2, "backend": 2, "beat": 2}
AT_ONCE = 3  # tickets
LONGEST_WAIT_S = 1.2  # before a kill
POINT_PATIENCE_S = 12.0
INNER = tuple(f"git-{n}" for n in range(1, 16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round killed, and how long each ticket took to get on, in seconds."""

    number: int
    kind: str
    point: str
    recoveries: tuple[float, ...]


@dataclass(slots=True)
class Rig:
    """Plays rounds on a house. The same seed kills the same things in the same order."""

    house: House
    seed: int
    people: list[Person] = field(default_factory=list)
    done: list[Round] = field(default_factory=list)
    _checked: set[str] = field(default_factory=set)
    _deployed: list[str] = field(default_factory=list)
    _named: int = 0

    def play(self, rounds: int) -> None:
        chance = random.Random(self.seed)  # noqa: S311 - repeatable, not secret
        for number, kind in enumerate(_kinds(chance, rounds), start=1):
            self._top_up(chance)
            if kind == "point":
                point = self._kill_at_a_point(number, chance)
            else:
                time.sleep(chance.uniform(0, LONGEST_WAIT_S))
                point = ""
            self._one(number, kind, point)
            self._check_the_finished()
        self._finish()

    def _one(self, number: int, kind: str, point: str) -> None:
        told = [(person, self.house.events_of(person.ticket_id)) for person in self._active()]
        began = time.monotonic()
        if kind != "point":
            getattr(self.house, f"kill_{kind}")()
        taken = []
        for person, before in told:
            self.house.until(
                lambda one=person, than=before: self._got_on(one, than),
                f"progress of {person.ticket_id} after round {number}: {kind} {point}",
            )
            taken.append(time.monotonic() - began)
        self.house.until(self.house.answers, f"health after round {number}: {kind}")
        self.done.append(Round(number=number, kind=kind, point=point, recoveries=tuple(taken)))
        shown = " ".join(f"{seconds:.1f}" for seconds in taken)
        sys.stdout.write(f"round {number}: {kind} {point} {shown}\n")  # live with -s

    def _kill_at_a_point(self, number: int, chance: random.Random) -> str:
        """The worker dies at the next pass of a point; where that was, empty if nothing passed."""
        phase = chance.choice([*PHASES, *PHASES, *INNER])
        skip = chance.randrange(5) if phase in PHASES else 0
        armed.place(self.house.order, phase=phase, skip=skip, number=number)
        deadline = time.monotonic() + POINT_PATIENCE_S
        while not (point := armed.fired(self.house.order)) and time.monotonic() < deadline:
            self._top_up(chance)
            time.sleep(0.02)
        return point

    def _got_on(self, person: Person, before: int) -> bool:
        """Has more happened than then, or had everything happened already?"""
        return person.over or self.house.events_of(person.ticket_id) > before

    # --- tickets ----------------------------------------------------------------------------------

    def _active(self) -> list[Person]:
        return [person for person in self.people if person.ticket_id and not person.over]

    def _top_up(self, chance: random.Random) -> None:
        while len([p for p in self.people if not p.over]) < AT_ONCE:
            person = Person(self.house.site, self._wish(chance))
            self.people.append(person)
            person.start()
        self.house.until(lambda: all(p.ticket_id for p in self.people), "ticket")

    def _wish(self, chance: random.Random) -> Wish:
        self._named += 1
        name = f"app{self._named}"
        wanted = chance.random()
        if wanted < 0.25 and self._deployed:
            return people.remove(self._deployed.pop(0))
        return people.deploy_and_be_asked(name) if wanted < 0.5 else people.deploy(name)

    def _check_the_finished(self) -> None:
        for person in self.people:
            if person.over and person.ticket_id not in self._checked:
                self._checked.add(person.ticket_id)
                check(self.house, person)
                if not person.wish.removes:
                    self._deployed.append(person.wish.title.removeprefix("Deploy "))

    def _finish(self) -> None:
        self.house.until(lambda: all(p.over for p in self.people), "end of all tickets")
        self._check_the_finished()
        self.house.until(lambda: not branches_of(self.house.repository), "end of all branches")

    # --- telling ----------------------------------------------------------------------------------

    def report(self) -> str:
        """The figures of all rounds."""
        by_kind: dict[str, list[float]] = defaultdict(list)
        for one in self.done:
            by_kind[one.kind].extend(one.recoveries)
        statuses = Counter(p.status for p in self.people)
        missed = sum(1 for one in self.done if one.kind == "point" and not one.point)
        listener = self.house.listener
        lines = [
            f"seed {self.seed}: {len(self.done)} rounds, {missed} points that nothing passed",
            f"{len(self.people)} tickets {dict(statuses)}",
            f"{sum(len(p.acknowledged) for p in self.people)} requests acknowledged",
            f"{len(listener.ids)} frames on {listener.connections} connections of one listener",
            "seconds from the kill until a ticket got on:",
        ]
        together = [taken for one in self.done for taken in one.recoveries]
        for kind, taken in [("all", together), *sorted(by_kind.items())]:
            count = sum(1 for one in self.done if kind in ("all", one.kind))
            lines.append(f"  {kind:<9}{count:>4} kills  {_spread(taken)}")
        return "\n".join(lines)


def _kinds(chance: random.Random, rounds: int) -> Iterator[str]:
    """Blocks of 25, each with the whole mix in an order of its own."""
    mix = [kind for kind, times in MIX.items() for _ in range(times)]
    while rounds > 0:
        chance.shuffle(mix)
        yield from mix[:rounds]
        rounds -= len(mix)


def _spread(taken: list[float]) -> str:
    if len(taken) < 2:
        return f"{taken[0]:.1f}" if taken else "no ticket was under way"
    cuts = quantiles(taken, n=100, method="inclusive")
    return f"p50 {cuts[49]:5.1f}  p90 {cuts[89]:5.1f}  p99 {cuts[98]:5.1f}  max {max(taken):5.1f}"
