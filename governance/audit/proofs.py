"""RFC 6962 proofs about the log in the database."""

from __future__ import annotations

from governance.audit import merkle
from governance.audit.checkpoints import leaves_between, nearest_tree
from governance.audit.merkle import Frontier


def inclusion(seq: int, size: int) -> list[bytes]:
    """Proof that the event at place `seq` (from 1) is in the tree of the first `size` events.

    Reads the leaves between a checkpoint before `seq` and `size`. Raises ValueError for a place
    outside of the tree.
    """
    if not 0 < seq <= size:
        raise ValueError(f"no place {seq} in a log of {size}")
    complete = _complete_subtrees(seq - 1)  # what is left of the way to a leaf

    def subtree(start: int, stop: int) -> bytes:
        return complete.get((start, stop)) or _subtree(start, stop)

    return merkle.inclusion_proof(seq - 1, size, subtree)


def consistency(old: int, new: int) -> list[bytes]:
    """Proof that the tree of `new` events begins with that of `old`.

    Reads the leaves between a checkpoint at or before `old` and `new`.
    """
    complete = _complete_subtrees(old)

    def subtree(start: int, stop: int) -> bytes:
        return complete.get((start, stop)) or _subtree(start, stop)

    return merkle.consistency_proof(old, new, subtree)


def _subtree(start: int, stop: int) -> bytes:
    return merkle.root(leaves_between(start, stop))


def _complete_subtrees(size: int) -> dict[tuple[int, int], bytes]:
    """(start, stop) -> root of the complete subtrees of the first `size` events."""
    tree: Frontier = nearest_tree(size)
    tree.extend(leaves_between(tree.size, size))
    found, start = {}, 0
    for node, bit in zip(
        tree.nodes, (b for b in reversed(range(size.bit_length())) if size >> b & 1), strict=True
    ):
        found[(start, start + (1 << bit))] = node
        start += 1 << bit
    return found
