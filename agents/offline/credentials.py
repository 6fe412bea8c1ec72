"""Finds passwords, tokens and keys in the text of a ticket, so that they never reach a file."""

from __future__ import annotations

import re

from aura.kernel import secrets

_SAFE_ENDING = re.compile(
    r"(?:_FILE|_PATH|_DIR|_TTL|_NAME|_LENGTH|_EXPIRY|_TIMEOUT|_ENABLED|_DISABLED|_POLICY|_ROUNDS)$"
)
_SECRET_NAME = re.compile(
    r"PASS(?:WORD|WD|PHRASE|CODE)|(?:^|_)(?:PASS|PWD?|SALT|PEPPER|PIN|JWT|COOKIE)(?:_|\d|$)"
    r"|SECRET|TOKEN|CREDENTIAL"
    r"|(?:API|ACCESS|PRIVATE|ENCRYPTION|SIGNING|LICENSE|AUTH|SSH|MASTER|CLIENT|SHARED)_?KEY"
)
# Shapes that are credentials in a ticket whatever stands around them; the scanner that guards
# commits (`aura.kernel.secrets`) knows more of them and is asked too.
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bsk-[\w-]{16,}|\bgh[pousr]_\w{16,}|\bglpat-[\w-]{16,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|\bbearer\s+[\w.~+/=-]{16,}"
    r"|\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@\"']*:[^\s/@\"']+@\S*",
    re.IGNORECASE | re.DOTALL,
)
_WORD = (
    r"(?:passwords?|passwd|passphrase|passcode|pwd|secrets?|(?:access |auth |api )?tokens?"
    r"|(?:api|access|secret|private|encryption|signing)[ _-]?keys?|credentials?)"
)
# A Secret is an object too ("the secret web-db-2"), so that word alone tells nothing.
_SAID = _WORD.replace("|secrets?", "")
# "password=x" and "password: x" are told by the sign; "the password is x" only where x looks like
# one, because "the token is expired" is a complaint and no credential.
_BY_SIGN = re.compile(
    rf"{_WORD}\s*(?:=|:)\s*(?!\s|[<{{$*\[]|from\b|sealed|see\b)(\"[^\"\n]+\"|'[^'\n]+'|\S+)",
    re.IGNORECASE,
)
_BY_WORDS = re.compile(
    rf"\b{_SAID}\s+(?:(?:is|to|of|as|being|should be|must be)\s+)?"
    r"(\"[^\"\n]{4,}\"|'[^'\n]{4,}'"
    r"|(?=[^\s\"']*[A-Za-z!#$%&*])(?=[^\s\"']*\d)[^\s\"'<{:/]{6,})",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """True for variable names that hold a credential, e.g. `DB_PASSWORD`, not `PASSWORD_FILE`."""
    upper = re.sub(r"[.-]", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).upper()
    return bool(_SECRET_NAME.search(upper)) and not _SAFE_ENDING.search(upper)


def looks_secret(value: str) -> bool:
    """True for values that are credentials by their shape, wherever they stand."""
    return _SHAPES.search(value) is not None or bool(secrets.find(value))


def strip(text: str, *, cut: str) -> tuple[str, bool]:
    """`text` with every credential replaced by `cut`, and whether there was one."""
    clean = text
    for pattern in (_SHAPES, _BY_SIGN, _BY_WORDS):
        clean = pattern.sub(cut, clean)
    for match in reversed(secrets.find(clean)):
        clean = clean[: match.start] + cut + clean[match.end :]
    return clean, clean != text
