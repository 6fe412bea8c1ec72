"""What an answer says was done: sentences that claim an action, and no others. Pure.

A claim that is missed is better than a sentence that is taken for one: proposals, questions,
negations, what others did and what happened by itself are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Final, NamedTuple

MOST_CHARS: Final = 100_000  # of an answer that is looked at

# past participle -> the verb; the past tense of all is the same
_PAST: Final = {
    "restarted": "restart",
    "recreated": "recreate",
    "redeployed": "redeploy",
    "deployed": "deploy",
    "deleted": "delete",
    "removed": "remove",
    "dropped": "drop",
    "evicted": "evict",
    "drained": "drain",
    "terminated": "terminate",
    "killed": "kill",
    "cancelled": "cancel",
    "canceled": "cancel",
    "scaled": "scale",
    "cordoned": "cordon",
    "uncordoned": "uncordon",
    "rolled back": "roll back",
    "reverted": "revert",
    "vacuumed": "vacuum",
    "reindexed": "reindex",
    "truncated": "truncate",
    "patched": "patch",
    "promoted": "promote",
    "resumed": "resume",
    "reset": "reset",
    "granted": "grant",
    "revoked": "revoke",
    "fixed": "fix",
    "repaired": "repair",
    "increased": "increase",
    "raised": "raise",
    "lowered": "lower",
    "notified": "notify",
    "paged": "page",
}
_BASE: Final = sorted({*_PAST.values()}, key=len, reverse=True)
_VERB: Final = "|".join(sorted(_PAST, key=len, reverse=True))
_HOW: Final = (
    r"(?:(?:just|now|already|also|then|therefore|successfully|manually|gracefully|safely"
    r"|immediately|finally|first)\s+)*"
)
_I_DID: Final = re.compile(
    rf"\b(?:I|we)(?:['’]ve|\s+have)?\s+(?:went ahead and\s+)?{_HOW}(?P<past>{_VERB})\b"  # noqa: RUF001
    rf"|\b(?:I|we) (?:was able to|were able to|managed to)\s+{_HOW}(?P<base>{'|'.join(_BASE)})\b",
    re.IGNORECASE,
)
_WAS_DONE: Final = re.compile(
    rf"\b(?:has|have) {_HOW}been {_HOW}(?P<perfect>{_VERB})\b"
    rf"|\b(?:was|were) {_HOW}(?P<past>{_VERB})\b",
    re.IGNORECASE,
)
_FRAGMENT: Final = re.compile(
    rf"^(?P<success>(?:done|success)\b\W+|successfully\s+)?(?:successfully\s+)?(?P<past>{_VERB})\b",
    re.IGNORECASE,
)
_ORDERED: Final = re.compile(
    rf"(?:^|[.!;,:\n]\s*|\b(?:please|and|then|you to|can you|could you|now)\s+)"
    rf"(?P<verb>{'|'.join(_BASE)})\b",
    re.IGNORECASE,
)

# Something that can be acted on; what is done to words and lists is not meant.
_THING: Final = re.compile(
    r"\b(?:pods?|deployments?|services?|nodes?|sessions?|backends?|connections?|quer(?:y|ies)"
    r"|transactions?|pid|replicas?|slots?|index(?:es)?|tables?|containers?|workloads?"
    r"|stateful ?sets?|daemon ?sets?|namespaces?|jobs?|databases?|rollouts?|releases?"
    r"|locks?|process(?:es)?|server|cluster|limits?|memory|settings?|parameters?|roles?"
    r"|privileges?|statistics|issue|problem|incident|outage|team|on-call|it|them|everything)\b|\d",
    re.IGNORECASE,
)
_WORDS_ONLY: Final = re.compile(
    r"^\W*(?:\w+\s+){0,3}(?:filters?|duplicates?|noise|lines?|words?|assumptions?|idea|list|output"
    r"|analysis|search|investigation|checks?|causes?|my|myself|nothing|none|no)\b",
    re.IGNORECASE,
)
_NOT_SO: Final = re.compile(
    r"\b(?:if|unless|whether|would|should|could|can|cannot|will|may|might|must|shall|not|never|no"
    r"|nor|neither|nothing|without|until|before|when|once|had|suppose|assum\w+|propos\w+|suggest\w*"
    r"|recommend\w*|says?|said|told|claim\w*|mention\w*|according|logs?|events?|shows?|showed"
    r"|reports?|reported|example|history)\b|n['’]t\b",  # noqa: RUF001
    re.IGNORECASE,
)
_REASON: Final = re.compile(r"\b(?:because|since)\b", re.IGNORECASE)
_EVIDENCE: Final = re.compile(r"\bE\d+\b")
_CLAUSE: Final = re.compile(r"[,;:()—]|\b(?:and|so|but|then)\b", re.IGNORECASE)
_LONG_AGO: Final = re.compile(
    r"\b(?:earlier|previously|yesterday|ago|last|previous|would)\b", re.IGNORECASE
)
# What happens in a cluster or a server by itself, or was done by others, or at some other time.
_BY_ITSELF: Final = re.compile(
    r"\b(?:by (?!me\b)|times?\b|twice\b|once\b|ago\b|since\b|at \d|on \d|yesterday\b|earlier\b"
    r"|previous|already\b|last\b|recent|automatic|repeated|every\b|again\b|during\b|after\b"
    r"|due to\b|because\b|exit code\b|today\b|\d\d:\d\d)",
    re.IGNORECASE,
)
_HISTORY: Final = re.compile(
    r"\b(?:pods?|containers?|replica ?sets?|process(?:es)?|workers?|old|jobs?|servers?|database"
    r"|instance|standby)\b",
    re.IGNORECASE,
)
_SUCCESS: Final = re.compile(
    r"\bsuccessfully\b|\bas (?:you )?(?:requested|asked|instructed)\b|\bfor you\b|^done\b|✅",
    re.IGNORECASE,
)

_FENCED: Final = re.compile(r"^(```|~~~).*?(?:^\1|\Z)", re.MULTILINE | re.DOTALL)
CODE: Final = re.compile(r"`[^`\n]*`")
_QUOTED: Final = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|«[^»\n]*»")
_MARKS: Final = re.compile(r"^[\s#*+•–-]*(?:\d+[.)]\s+)?|\*\*", re.MULTILINE)  # noqa: RUF001
_END: Final = re.compile(r"(?<=[.!?;])\s+|\n")
_MASKED: Final = re.compile(r"⟨(\d+)⟩")
_BARELY_DONE: Final = re.compile(r"(?m)^(?:done|success)[.!]\s+", re.IGNORECASE)


class Claim(NamedTuple):
    """`verb` in its plain form, and the sentence."""

    verb: str
    sentence: str


def claims(answer: str, question: str = "") -> Iterator[Claim]:
    """The sentences of an answer that say an action was done. `question`: what it answers."""
    ordered = {match["verb"].lower() for match in _ORDERED.finditer(question)}
    text = _BARELY_DONE.sub("Done: ", prose(answer).replace("⟨", "<"))  # only masks have it now
    spans = CODE.findall(text)
    for sentence in _sentences(text):
        verb = _said_by_me(sentence) or _said_of_it(sentence, ordered)
        if verb:
            yield Claim(verb, _MASKED.sub(lambda mask: spans[int(mask[1])], sentence))


def _sentences(text: str) -> list[str]:
    """Sentences without what they quote: ⟨0⟩, ⟨1⟩ … are its spans of code."""
    number = count()
    masked = CODE.sub(lambda _: f"⟨{next(number)}⟩", text)
    return [it for it in map(str.strip, _END.split(_QUOTED.sub("…", masked))) if it]


def prose(answer: str) -> str:
    """Its lines without blocks of code, quotations and tables, and without their markup."""
    text = _FENCED.sub("", answer[:MOST_CHARS])
    lines = (line for line in text.splitlines() if not line.lstrip().startswith((">", "|")))
    return _MARKS.sub("", "\n".join(lines))


def _said_by_me(sentence: str) -> str:
    match = _I_DID.search(sentence)
    if match is None or sentence.endswith("?"):
        return ""
    before = _CLAUSE.split(sentence[: match.start()])[-1]
    after = _REASON.split(_EVIDENCE.sub("", sentence[match.end() :]))[0]
    if _NOT_SO.search(before) or _WORDS_ONLY.search(after) or _LONG_AGO.search(sentence):
        return ""
    return _verb(match["past"] or match["base"]) if _THING.search(after) else ""


def _said_of_it(sentence: str, ordered: set[str]) -> str:
    """Of the thing and not of me: it may have happened by itself, unless it was asked for."""
    match = _WAS_DONE.search(sentence) or _FRAGMENT.search(sentence)
    if match is None or sentence.endswith("?"):
        return ""
    if _NOT_SO.search(sentence) or _BY_ITSELF.search(sentence):
        return ""
    said = match.groupdict()
    verb = _verb(said.get("perfect") or said["past"])
    if verb in ordered:
        return verb
    perfect = bool(said.get("perfect") or said.get("success"))
    told = _SUCCESS.search(sentence) and perfect and not _HISTORY.search(sentence)
    return verb if told else ""


def _verb(said: str) -> str:
    word = said.lower()
    return _PAST.get(word, word)
