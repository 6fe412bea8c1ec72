"""Signed notes: the documented format, and what is none."""

from __future__ import annotations

import pytest

from governance.audit import notes
from governance.audit.notes import COSIGNATURE, BadNote, Checkpoint, Note, SecretKey, public_key

# The example of Go's package note, which C2SP took its format from.
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb\
6KE6RyyBwJnAM=
"""


def test_a_note_of_another_implementation_is_read_and_its_signature_holds():
    key = public_key(GO_VERIFIER)
    assert key.text == GO_VERIFIER
    note = Note.read(GO_NOTE)
    assert str(note) == GO_NOTE
    assert note.signers([key]) == [key]
    forged = Note.read(GO_NOTE.replace("answer", "anzwer"))
    with pytest.raises(BadNote, match="does not hold"):
        forged.signers([key])


@pytest.fixture
def key() -> SecretKey:
    return SecretKey.made("example.com/log")


def test_a_checkpoint_is_three_lines_and_a_signature(key):
    note = notes.signed(key, Checkpoint("example.com/log", 7, bytes(32)))
    assert note.text == f"example.com/log\n7\n{'A' * 43}=\n"
    assert Note.read(str(note)).checkpoint == Checkpoint("example.com/log", 7, bytes(32))
    assert note.signers([key.public]) == [key.public]


def test_a_signature_of_an_unknown_key_counts_for_nothing(key):
    note = notes.signed(key, Checkpoint("example.com/log", 7, bytes(32)))
    assert note.signers([SecretKey.made("example.com/log").public]) == []


def test_a_cosignature_says_when(key):
    witness = SecretKey.made("example.com/witness", COSIGNATURE)
    note = notes.signed(key, Checkpoint("example.com/log", 7, bytes(32)))
    line = notes.cosignature(witness, note, 1_700_000_000)
    both = note.with_signatures(notes.cosignatures(line))
    assert both.signers([witness.public, key.public]) == [key.public, witness.public]
    other = notes.cosignatures(line)[0][1]
    late = other[:4] + (1_700_000_001).to_bytes(8, "big") + other[12:]
    with pytest.raises(BadNote):
        note.with_signatures([(witness.public.name, late)]).signers([witness.public])


def test_a_key_file_is_read_again_and_shown_to_nobody(key):
    again = SecretKey.read(key.text + "\n")
    assert again.public == key.public
    secret = key.text.split("+", 4)[-1]  # base64, which may hold a + of its own
    assert secret
    assert secret not in repr(key)


@pytest.mark.parametrize(
    "text", ["", "x", "PRIVATE+KEY+a+00000000+AAAA", "a+00000000+AAAA", "a b+00000000+AQ=="]
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(BadNote):
        SecretKey.read(text)
    with pytest.raises(BadNote):
        public_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "a\n1\nAA==\n\nno signature\n",
        "a\n\n\u2014 x AAAA\n",
        GO_NOTE.rstrip("\n"),
        "x" * 200_000,
    ],
)
def test_what_is_no_note_is_refused(text):
    with pytest.raises(BadNote):
        Note.read(text)


@pytest.mark.parametrize("size", ["-1", "01", "1e3", "9" * 30, ""])
def test_what_is_no_checkpoint_is_refused(size):
    with pytest.raises(BadNote):
        Checkpoint.read(f"a\n{size}\n{'A' * 43}=\n")
