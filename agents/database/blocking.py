"""Who waits for whom, as chains with one root each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chain:
    """`blocked`: (pid, whom it is behind, depth below the root) in the order of a tree.

    Root 0 is a prepared transaction. `circular`: the root waits for one of the others.
    """

    root: int
    blocked: tuple[tuple[int, int, int], ...]
    circular: bool = False


def chains(waits_for: Mapping[int, Sequence[int]]) -> list[Chain]:
    """The chains of a graph pid -> pids that it waits for, those with most blocked first.

    A session is told once, below the root that is nearest. Where all wait for each other, the
    smallest pid stands for the root.
    """
    told: set[int] = set()
    roots = sorted({pid for ahead in waits_for.values() for pid in ahead} - set(waits_for))
    found = [_chain(root, waits_for, told) for root in roots]
    while rest := sorted(set(waits_for) - told):
        found.append(_chain(rest[0], waits_for, told, circular=True))
    return sorted(found, key=lambda chain: (-len(chain.blocked), chain.root))


def _chain(
    root: int, waits_for: Mapping[int, Sequence[int]], told: set[int], *, circular: bool = False
) -> Chain:
    told.add(root)
    depths, behind, line = {root: 0}, {root: 0}, [root]
    for ahead in line:  # grows while it is walked: nearest first
        for pid in sorted(waits_for):
            if pid not in told and ahead in waits_for[pid]:
                told.add(pid)
                depths[pid], behind[pid] = depths[ahead] + 1, ahead
                line.append(pid)
    blocked = tuple((pid, behind[pid], depths[pid]) for pid in _as_tree(root, line, behind))
    return Chain(root=root, blocked=blocked, circular=circular)


def _as_tree(root: int, line: Sequence[int], behind: Mapping[int, int]) -> list[int]:
    """Those below a root, each after the one it is behind."""
    ordered: list[int] = []
    stack = [root]
    while stack:
        pid = stack.pop()
        ordered.append(pid)
        stack += [other for other in reversed(line) if other != root and behind[other] == pid]
    return ordered[1:]
