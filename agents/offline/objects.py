"""The verbs of a text and their objects: which of them asks for what, of which application."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.offline import catalogue, values
from agents.offline.slots import VERSION
from agents.offline.vocabulary import (
    COMPOUND,
    FILLERS,
    PARTS,
    RELATED,
    STOPS,
    TOLD,
    TRAILERS,
    VERB,
    WISHED,
    WISHES,
    Verb,
)

MAX_WORDS = 3  # of a name: "the landing page" is `landing-page`, a longer phrase is prose
LOOK_AHEAD = 200  # characters after a verb in which its object ends
LOOK_BACK = 80  # characters before a verb that can make it a mere mention
_VERSION = re.compile(VERSION)
_LIST = re.compile(
    r"\s*(?:,\s*and\b|,|\band\b|&|\+|\bplus\b)\s+(?:(?:the|a|an|also)\s+)*"
    r"(?P<v>[A-Za-z][\w-]*)(?P<next>\s*[\w|]*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A verb with its object.

    `name` is None where the object is no application: then `part` says that it is a part of one
    ("the port"), and `wrong` holds the word that is no valid name. `others` are further
    applications of an enumeration; `version` stood right after the name.
    """

    verb: Verb
    name: str | None = None
    part: bool = False
    wrong: str | None = None
    others: tuple[str, ...] = ()
    version: str | None = None


def wishes(rest: str, known: frozenset[str]) -> list[Wish]:
    """Every verb that asks for something; those that only tell of something are left out."""
    found = []
    for match in VERB.finditer(rest):
        before = rest[max(0, match.start() - LOOK_BACK) : match.start()]
        wished = match[0].lower() in WISHES and WISHED.search(before)
        if wished or not TOLD.search(before):
            found.append(_wish(Verb[match.lastgroup or ""], rest[match.end() :], known))
    return found


@dataclass(slots=True)
class _Phrase:
    words: list[str]
    rest: str = ""
    version: str | None = None


def _wish(verb: Verb, after: str, known: frozenset[str]) -> Wish:
    phrase = _phrase(after[:LOOK_AHEAD])
    words = [word.lower() for word in phrase.words]
    if words and (words[0] in PARTS or words[-1] in PARTS) and "-".join(words) not in known:
        return Wish(verb=verb, part=True)
    name, wrong = _name(words, known)
    if name is None:
        return Wish(verb=verb, wrong=wrong)
    others = _others(phrase.rest, known)
    return Wish(verb=verb, name=name, others=others, version=version_of(name, phrase.version))


def version_of(name: str, word: str | None) -> str | None:
    """`word` beside a name as its version; a lone integer only beside known software."""
    return word if word and ("." in word or name in catalogue.SOFTWARE) else None


def _phrase(after: str) -> _Phrase:
    """The words of an object: up to a cut, a sign, a version, or a word that no name holds."""
    words: list[str] = []
    for match in re.finditer(r"\S+", after):
        written = match[0].strip("()")
        word = written.rstrip(".,;:!?")
        if written == "|" and not words:
            continue
        if _ends(word, after[: match.start()], words):
            return _Phrase(words, after[match.start() :])
        if _VERSION.fullmatch(word):
            return _Phrase(words, after[match.end() :], word if words else None)
        if words or word.lower() not in FILLERS:
            words.append(word)
        if word != written or len(words) > MAX_WORDS + 1:
            return _Phrase(words, after[match.start() + len(word) :])
    return _Phrase(words)


def _ends(word: str, before: str, words: list[str]) -> bool:
    next_line = "\n" in before and bool(words)
    stops = word.lower() in STOPS or (bool(words) and VERB.fullmatch(word) is not None)
    return word in ("|", "") or next_line or stops


def _name(words: list[str], known: frozenset[str]) -> tuple[str | None, str | None]:
    """(name, None), or (None, what is wrong), or (None, None) where there is no name."""
    while words and words[-1] in TRAILERS and "-".join(words) not in known:
        words = words[:-2] if words[1:][-2:] == ["web", "server"] else words[:-1]
    joined = "-".join(words)
    if joined in known:
        return joined, None
    last = words[-1] if words else ""
    if last in known or (last in catalogue.SOFTWARE and not set(words) & COMPOUND):
        return last, None
    if not words or len(words) > MAX_WORDS:
        return None, None
    odd = next((word for word in words if not values.is_name(word)), None)
    if odd or not values.is_name(joined):
        return None, odd or joined
    return joined, None


def _others(rest: str, known: frozenset[str]) -> tuple[str, ...]:
    """Further applications in an enumeration: "nginx, redis and postgres"."""
    names: list[str] = []
    while match := _LIST.match(rest):
        word, follows = match["v"].lower(), match["next"].strip().lower()
        listed = word in known or word in catalogue.SOFTWARE
        if not listed and not (_may_be_name(word) and (not follows or follows in STOPS)):
            break
        names.append(word)
        rest = re.sub(rf"^\s+{VERSION}", "", rest[match.end("v") :])
    return tuple(names)


def _may_be_name(word: str) -> bool:
    ordinary = word in STOPS | FILLERS | PARTS | TRAILERS or VERB.fullmatch(word)
    return values.is_name(word) and not ordinary


def related(rest: str, known: frozenset[str]) -> list[str]:
    """Known applications that the text mentions; else the one word that a preposition points to."""
    found = mentioned(rest, known)
    if found:
        return found
    words = (match["v"].lower() for match in RELATED.finditer(rest))
    return [word for word in words if _may_be_name(word)][:1]


def mentioned(text: str, known: frozenset[str]) -> list[str]:
    """The known applications whose names stand in the text, in its order."""
    names = "|".join(map(re.escape, sorted(known, key=len, reverse=True))) or r"(?!)"
    found = re.findall(rf"(?<![\w./-])(?:{names})(?![\w/-]|\.\w)", text, re.IGNORECASE)
    return list(dict.fromkeys(name.lower() for name in found))
