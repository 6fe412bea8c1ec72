"""The Merkle tree of RFC 6962 §2.1. Pure: hashes in, hashes out.

A tree is held as its *frontier*: the roots of the complete subtrees it consists of, the largest
first; there are as many as its size has one-bits. That is enough to append and to tell the root.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
EMPTY = hashlib.sha256().digest()

# Root of the leaves start..stop, of which `stop` is the first outside.
Subtree = Callable[[int, int], bytes]


def node(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """A growing tree: `size` leaves and the roots of its complete subtrees."""

    __slots__ = ("nodes", "size")

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        self.size, self.nodes = size, list(nodes)
        if len(self.nodes) != size.bit_count() or any(len(n) != HASH_BYTES for n in self.nodes):
            raise ValueError(f"no frontier of {size} leaves")

    @classmethod
    def unpacked(cls, size: int, packed: bytes) -> Frontier:
        """The inverse of `packed`. Raises ValueError for what is no frontier of that size."""
        steps = range(0, len(packed), HASH_BYTES)
        return cls(size, (packed[at : at + HASH_BYTES] for at in steps))

    @property
    def packed(self) -> bytes:
        """The nodes in a row."""
        return b"".join(self.nodes)

    def copy(self) -> Frontier:
        return Frontier(self.size, self.nodes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash: subtrees of the same size become one."""
        size, nodes = self.size, self.nodes
        while size & 1:
            leaf = hashlib.sha256(b"\x01" + nodes.pop() + leaf).digest()
            size >>= 1
        nodes.append(leaf)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """Root hash of the tree."""
        if not self.nodes:
            return EMPTY
        root = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            root = node(left, root)
        return root


def root(leaves: Iterable[bytes]) -> bytes:
    """Root hash over leaf hashes."""
    tree = Frontier()
    tree.extend(leaves)
    return tree.root()


def split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Proof that leaf `index` (from 0) is in the tree of `size` leaves; RFC 6962 §2.1.1."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    return _path(index, 0, size, subtree)


def _path(index: int, start: int, stop: int, subtree: Subtree) -> list[bytes]:
    if stop - start == 1:
        return []
    middle = start + split(stop - start)
    if index < middle:
        return [*_path(index, start, middle, subtree), subtree(middle, stop)]
    return [*_path(index, middle, stop, subtree), subtree(start, middle)]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Proof that the tree of `new` leaves begins with that of `old`; RFC 6962 §2.1.2.

    Of the old leaves it asks for roots of complete subtrees only, which the old frontier holds.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} cannot begin with one of {old}")
    if old in {0, new}:
        return []
    return _consistency(old, 0, new, subtree, whole=True)


def _consistency(old: int, start: int, stop: int, subtree: Subtree, *, whole: bool) -> list[bytes]:
    if old == stop:
        return [] if whole else [subtree(start, stop)]
    middle = start + split(stop - start)
    if old <= middle:
        return [
            *_consistency(old, start, middle, subtree, whole=whole),
            subtree(middle, stop),
        ]
    return [
        *_consistency(old, middle, stop, subtree, whole=False),
        subtree(start, middle),
    ]


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof leads from the leaf hash to the expected root; RFC 9162 §2.1.3.2."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == expected


def consistent(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof leads to both roots; RFC 9162 §2.1.4.2. Every tree begins with none."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY
    return _leads_to_both(old, new, old_root, new_root, list(proof))


def _leads_to_both(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> bool:
    if old.bit_count() == 1:
        path.insert(0, old_root)
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = node(sibling, first), node(sibling, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node(second, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root
