"""RFC 6962's tree: known answers, and against the definition itself for every small size."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.audit import merkle
from governance.audit.merkle import Frontier, consistent, included

# The inputs and roots that Certificate Transparency's implementations test with.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
          "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
MOST = 40


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


LEAVES = [leaf(bytes([n])) for n in range(MOST)]


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of §2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    both = by_definition(leaves[:k]) + by_definition(leaves[k:])
    return hashlib.sha256(b"\x01" + both).digest()


def subtree(start: int, stop: int) -> bytes:
    return by_definition(LEAVES[start:stop])


def test_the_known_answers():
    tree = Frontier()
    assert tree.root().hex().startswith("e3b0c44298fc1c14")
    for data, root in zip(INPUTS, ROOTS, strict=True):
        tree.append(leaf(bytes.fromhex(data)))
        assert tree.root().hex() == root


def test_the_frontier_tells_the_root_of_the_definition_and_survives_packing():
    tree = Frontier()
    for size in range(MOST):
        assert tree.root() == by_definition(LEAVES[:size])
        again = Frontier.unpacked(size, tree.packed)
        again.append(LEAVES[size])
        tree.append(LEAVES[size])
        assert again.root() == tree.root()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13, MOST])
def test_every_leaf_has_a_proof_and_no_other_leaf_fits_it(size):
    root = subtree(0, size)
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, subtree)
        assert included(LEAVES[index], index, size, proof, root)
        assert not included(leaf(b"other"), index, size, proof, root)
        assert not included(LEAVES[index], (index + 1) % size, size, proof, root) or size == 1
        assert not included(LEAVES[index], index, size, [*proof, root], root)
        assert not proof or not included(LEAVES[index], index, size, proof[:-1], root)


def test_every_pair_of_sizes_has_a_proof_and_no_other_root_fits_it():
    for new in range(MOST):
        for old in range(new + 1):
            proof = merkle.consistency_proof(old, new, subtree)
            before, after = subtree(0, old), subtree(0, new)
            assert consistent(old, new, before, after, proof)
            assert not consistent(old, new, leaf(b"x"), after, proof)
            assert not consistent(old, new, before, leaf(b"x"), proof) or old == 0
            assert not consistent(old, new, before, after, [*proof, before])
            if proof:
                assert not consistent(old, new, before, after, proof[:-1])


@given(st.integers(0, MOST), st.integers(0, MOST), st.lists(st.binary(min_size=32, max_size=32)))
def test_an_invented_proof_proves_nothing(old, new, proof):
    real = old <= new and merkle.consistency_proof(old, new, subtree) == proof
    told = consistent(old, new, subtree(0, old), subtree(0, new), proof)
    assert told == (real or (old == 0 and not proof and new >= 0 and old <= new))


@pytest.mark.parametrize(("size", "packed"), [(1, b""), (2, b"x" * 64), (3, b"x" * 63), (0, b"x")])
def test_what_is_no_frontier_is_refused(size, packed):
    with pytest.raises(ValueError, match="no frontier"):
        Frontier.unpacked(size, packed)


def test_there_is_no_proof_about_what_is_not_there():
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(3, 3, subtree)
    with pytest.raises(ValueError, match="cannot begin"):
        merkle.consistency_proof(4, 3, subtree)
