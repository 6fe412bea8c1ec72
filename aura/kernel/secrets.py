"""Finds credentials in text and takes them out, before text is stored, shown or committed.

Two questions are asked of every hit. Does the *shape* fit (a prefix only one vendor uses, or a key
such as `password` with a value)? And is the *value* a real one, not a reference such as `${VAR}`?
The second is asked of the matched value alone: what else stands on the line excuses nothing.

Every pattern is bounded or anchored at a literal, so time grows with the length of the text only.
"""

from __future__ import annotations

import re
from base64 import b64decode
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from itertools import groupby
from typing import Any

WINDOW = 1 << 20  # characters looked at in one go
SHORTEST_TOKEN = 8  # characters; what is shorter under `token:` is a word or a number
OVERLAP = 1 << 13  # longer than any match but a key block, whose end is searched in the whole text
MAX_DEPTH = 200
TOO_DEEP = "[redacted:too_deep]"


@dataclass(frozen=True, slots=True)
class SecretMatch:
    """A credential at `text[start:end]`; `line` counts from 1. The value itself is not kept."""

    kind: str
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One shape. A named group is the secret value; `hints` (lower case) are a cheap pre-check."""

    name: str
    pattern: re.Pattern[str]
    hints: tuple[str, ...]
    real: Callable[[str], bool]


# --- is the value a real one? ---------------------------------------------------------------------

_REFERENCE = re.compile(
    r"""
      \[redacted(?::[\w#-]+)?\]              # our own mark
    | \$\{[\w.]+(?::?[?+][^}]*)?\}           # ${VAR}, ${VAR:?message}; a default (:-x) is a value
    | \$\(+[^)]*\)+                          # $(VAR), $(command)
    | \$[A-Za-z_]\w*(?::\w+)?                # $VAR, argocd's $secret:key
    | \{\{.*(?:\}\})?                        # {{ .Values.x }}
    | \{[\w.]*\}                             # {name}
    | %\([\w.]+\)s | %s | %[A-Z_]+% | @[A-Z_]+@
    | <[^<>]*>?                              # <password>, <path:vault/data#key>
    | [*.\u2022\u2026?_-]+ | x{3,}           # ****, ..., xxxx
    | [&*!]\w+                               # YAML anchor, alias, tag
    | [|>][+-]?\d?                           # head of a YAML block
    | (?:null|nil|none|undefined|true|false|yes|no|on|off|empty|unset|required|optional|redacted
        |str|string|bytes|secretstr|boolean)
    | (?:vault|op|ref\+\w+|env|file|ssm|sm)://?.* | vault:.*
    | arn:aws:[\w-]+:.* | projects/.*/secrets/.*
    | ENC\[.*\]?                             # SOPS
    | A[QYg][A-D][A-Za-z0-9+/]{360,}={0,2}   # SealedSecret: starts with the length of an RSA block
    | (?:os|process|env|self|settings|config|var|local|data|module|secrets?)\.[\w.\[\]("')]+
    | [A-Za-z_][\w.]*\([^)]*\)?              # a call in code
    | (?:/[A-Za-z0-9._-]+){2,}/? | /[a-z]+/? | ~/.* # a file's path
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_DEFAULT = re.compile(r"\$\{[\w.]+:?-(?P<default>[^}]*)\}")
_NAME_LIKE = re.compile(r"[a-z0-9]+(?:[-._/][a-z0-9]+)+", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEY_BODY = re.compile(r"[A-Za-z0-9+/]{16}")
_KEY_LINES = re.compile(r"(?:(?:\s|\\[nr]){1,200}[A-Za-z0-9+/=]{16,200}){1,200}")
KEY_BLOCK = 1 << 14  # characters; an RSA key of 16,384 bits in PEM fits
_RANDOM_PART = re.compile(r"(?=[a-z]*[0-9])(?=[0-9]*[a-z])[a-z0-9]{16,}", re.IGNORECASE)


def is_reference(value: str) -> bool:
    """Whether `value` only points to a secret (`${VAR}`), or marks where one is to be filled in."""
    value = value.strip()
    default = _DEFAULT.fullmatch(value)
    if default:
        return is_reference(default["default"]) if default["default"] else True
    return not value or _REFERENCE.fullmatch(value) is not None


def _any_value(value: str) -> bool:
    return not is_reference(value)


def _looks_random(value: str) -> bool:
    """For keys that often hold names (`secret: db-credentials`): a value must not look like one."""
    value = value.strip()
    if len(value) < SHORTEST_TOKEN or is_reference(value):
        return False
    if _UUID.fullmatch(value):
        return True
    if _NAME_LIKE.fullmatch(value):
        return _RANDOM_PART.search(value) is not None
    if any(c.isdigit() for c in value) and any(c.isalpha() for c in value):
        return True
    return value.isascii() and value.isalpha() and len(value) >= 20  # noqa: PLR2004  no word is


def _has_digit(value: str) -> bool:
    return any(c.isdigit() for c in value) and not is_reference(value)


def _has_key_body(value: str) -> bool:
    """Whether a key block holds more than dots: documentation shows the frame alone."""
    return _KEY_BODY.search(value) is not None


def _is_user_and_password(value: str) -> bool:
    try:
        return b":" in b64decode(value + "=" * (-len(value) % 4), validate=True)
    except ValueError:
        return False


def _not_sample(value: str) -> bool:
    """AWS prints ids that end in EXAMPLE in its documentation; those are nobody's."""
    return not value.endswith(("EXAMPLE", "EXAMPLEKEY"))


# --- the shapes -----------------------------------------------------------------------------------

# A password key is enough by itself; under a weak key the value must look random as well.
_STRONG_WORD = r"(?i:password|passwd|passphrase|pwd|pass)"
_STRONG_KEY = r"(?i:password|passwd|passphrase|(?<![a-z])pwd|(?<=[_-])pass)"
_WEAK_KEY = (
    r"(?i:secret|token|credentials?|api[_-]?key|access[_-]?key|account[_-]?key|secret[_-]?key"
    r"|private[_-]?key|signing[_-]?key|encryption[_-]?key|master[_-]?key|shared[_-]?key"
    r"|auth[_-]?key|license[_-]?key|webhook[_-]?key)"
)
_KEY_END = r"(?i:[_-]?(?:value|prod|dev|staging|test|plain|base64|b64|old|new|v?\d{1,3}))?"
_DOUBLE = r'"(?P<{0}>(?:[^"\\\n]|\\.){{1,4096}})"'
_SINGLE = r"'(?P<{0}>[^'\n]{{1,4096}})'"
# Bare values: a first word, and `rest` of the line to tell a sentence from a value.
_AFTER_COLON = r"(?P<{0}>[^\s\"'][^\s]{{0,4095}})(?=(?P<rest>[^\n]{{0,200}}))"
# After an equals sign a value also ends at `&`, `;` and `,`: queries and connection strings.
_AFTER_EQUALS = r"(?P<{0}>(?:[^\s,;&\"']|,(?![\s]|\w+=))(?:[^\s,;&]|,(?![\s]|\w+=)){{0,4095}})"


def _assignment(key: str) -> str:
    """`key: v`, `key=v`, `"key": "v"`, `key => 'v'`, `--key v`, and `key: |` with its next line."""
    head = rf"{key}{_KEY_END}"
    colon = r"[\"']?\]?[ \t]{0,8}:[ \t]{1,64}|[\"'][ \t]{0,8}:[ \t]{0,64}|:-?(?=[^\s:/=?+-])"
    equals = r"[\"']?\]?[ \t]{0,8}(?::=|=>|={1,3})[ \t]{0,64}"
    block = r"[\"']?[ \t]{0,8}:[ \t]{0,64}[|>][+-]?\d?[ \t]{0,8}\n[ \t]{1,64}"
    quoted = f"(?:{_DOUBLE.format('d')}|{_SINGLE.format('s')})"
    return (
        rf"{head}(?:"
        rf"(?:{colon}|{equals}|[ \t]{{1,4}}(?=[\"'])){quoted}"
        rf"|{block}(?P<b>[^\n]{{1,4096}})"
        rf"|(?:{colon}){_AFTER_COLON.format('c')}"
        rf"|(?:{equals}){_AFTER_EQUALS.format('e')}"
        rf")"
    )


def _option(key: str) -> str:
    return rf"(?<![\w-])--[\w-]{{0,40}}{key}[ \t]{{1,4}}(?P<v>(?!-)[^\s\"']{{1,4096}})"


def _environment(key: str) -> str:
    """`name: DB_PASSWORD` with `value: v` beside or below it, in YAML or JSON."""
    name = rf"[\"']?\bname[\"']?[ \t]{{0,8}}:[ \t]{{0,8}}[\"']?[\w.-]{{0,80}}?{key}{_KEY_END}[\"']?"
    value = r"[ \t]{0,8},?\s{0,80}[\"']?value[\"']?[ \t]{0,8}:[ \t]{0,64}"
    quoted = f"{_DOUBLE.format('d')}|{_SINGLE.format('s')}"
    return rf"{name}{value}(?:{quoted}|{_AFTER_COLON.format('c')})"


def _kind(
    name: str, hints: str, pattern: str, real: Callable[[str], bool] = lambda value: True
) -> _Kind:
    return _Kind(name=name, pattern=re.compile(pattern), hints=tuple(hints.split()), real=real)


def _token(name: str, hints: str, pattern: str) -> _Kind:
    """A token that its prefix gives away; it must not be the tail of a longer word."""
    return _kind(name, hints, rf"(?<![A-Za-z0-9_])(?P<v>{pattern})")


# Most telling first: where two shapes meet, the first gives the name.
_KINDS: tuple[_Kind, ...] = (
    _kind(
        "private_key",
        "-----begin",
        r"-----BEGIN (?P<label>(?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?)-----",
        _has_key_body,
    ),
    _kind(
        "putty_key",
        "private-lines",
        r"\bPrivate-Lines: \d{1,4}\r?\n(?P<v>(?:[A-Za-z0-9+/=]{1,80}\r?\n?){1,100})",
    ),
    _token("age_key", "age-secret-key-1", r"AGE-SECRET-KEY-1[0-9A-Z]{50,64}"),
    _kind(
        "aws_access_key",
        "akia asia abia acca",
        r"(?<![A-Z0-9])(?P<v>(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})(?![A-Z0-9])",
        _not_sample,
    ),
    _kind(
        "aws_secret_key",
        "aws",
        r"(?i:aws[\w.-]{0,30}(?:secret|private)[\w.-]{0,20})[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?"
        r"(?P<v>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
        _not_sample,
    ),
    _token(
        "github_token",
        "ghp_ gho_ ghs_ ghu_ ghr_ github_pat_",
        r"gh[opsur]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}",
    ),
    _token(
        "gitlab_token",
        "glpat- gldt- glrt- glcbt- glptt- glft- glimt- glagent- gloas- glsoat-",
        r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[\w-]{20,300}",
    ),
    _token("anthropic_key", "sk-ant-", r"sk-ant-[\w-]{20,300}"),
    _token(
        "openai_key",
        "sk-",
        r"sk-(?:(?:proj|svcacct|admin|None)-[\w-]{20,300}|or-v1-[0-9a-f]{40,80}|[A-Za-z0-9]{20,100})",
    ),
    _token("slack_token", "xox xapp-", r"(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,300}"),
    _kind(
        "slack_webhook",
        "hooks.slack.com/",
        r"hooks\.slack\.com/(?:services|workflows)/(?P<v>[A-Za-z0-9/_-]{20,200})",
    ),
    _token("google_key", "aiza", r"AIza[\w-]{35}"),
    _token("google_oauth", "ya29. gocspx-", r"ya29\.[\w-]{20,300}|GOCSPX-[\w-]{20,60}"),
    _token(
        "stripe_key",
        "k_live_ k_test_ whsec_",
        r"(?:[rs]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,200}",
    ),
    _token("npm_token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _kind(
        "npm_auth",
        "_auth",
        r"_auth(?:Token)?[ \t]{0,4}=[ \t]{0,4}(?P<v>[^\s\"']{8,512})",
        _any_value,
    ),
    _token("pypi_token", "pypi-", r"pypi-AgE[\w-]{50,300}"),
    _token("docker_token", "dckr_", r"dckr_(?:pat|oat)_[\w-]{20,80}"),
    _token("digitalocean_token", "_v1_", r"do[por]_v1_[a-f0-9]{64}"),
    _token("sendgrid_key", "sg.", r"SG\.[\w-]{16,32}\.[\w-]{30,60}"),
    _token("huggingface_token", "hf_", r"hf_[A-Za-z0-9]{30,60}"),
    _token("vault_token", "hvs. hvb. hvr.", r"hv[sbr]\.[\w-]{24,300}"),
    _token("grafana_token", "glsa_ glc_", r"gl(?:sa|c)_[A-Za-z0-9+/=_]{30,300}"),
    _token("telegram_token", ":aa", r"\d{8,10}:AA[\w-]{32,35}"),
    _token(
        "jwt",
        "eyj",
        r"eyJ[\w-]{8,4000}\.[\w-]{8,4000}\.[\w-]{8,4000}(?:\.[\w-]{0,4000}){0,2}",
    ),
    _kind(
        "azure_key",
        "accountkey sharedaccess",
        r"(?i:AccountKey|SharedAccessKey|SharedAccessSignature)[ \t]{0,4}=[ \t]{0,4}"
        r"(?P<v>[A-Za-z0-9+/%=]{20,512})",
    ),
    _kind(
        "url_password",
        "://",
        r"://[^\s/@:\"'<>]{0,256}:(?P<v>[^\s/@\"']{1,512})@",
        _any_value,
    ),
    _kind("url_token", "://", r"://(?P<v>[^\s/@:\"'<>]{16,512})@", _looks_random),
    _kind(
        "bearer_token",
        "bearer",
        r"\b(?i:bearer)[ \t]{1,8}[\"']?(?P<v>[A-Za-z0-9._~+/=-]{16,4096})",
        _has_digit,
    ),
    _kind(
        "basic_auth",
        "basic",
        r"\b(?i:authorization)[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?(?i:basic)[ \t]{1,8}"
        r"(?P<v>[A-Za-z0-9+/]{4,4096}={0,2})",
        _is_user_and_password,
    ),
    _kind(
        "basic_auth",
        "curl",
        r"\bcurl\b[^\n]{0,200}?[ \t](?:-u|--user)[ =]?[\"']?[^\s:\"']{1,128}:"
        r"(?P<v>[^\s\"']{1,256})",
        _any_value,
    ),
    _kind(
        "registry_auth",
        '"auth"',
        r"\"auth\"[ \t]{0,4}:[ \t]{0,4}\"(?P<v>[A-Za-z0-9+/]{4,1024}={0,2})\"",
        _is_user_and_password,
    ),
    _kind("password", "pass pwd", _environment(_STRONG_WORD), _any_value),
    _kind("token", "name", _environment(_WEAK_KEY), _looks_random),
    _kind("password", "pass pwd", _assignment(_STRONG_KEY), _any_value),
    _kind("password", "--", _option(_STRONG_WORD), _any_value),
    _kind("token", "secret token credential key", _assignment(_WEAK_KEY), _looks_random),
    _kind("token", "--", _option(_WEAK_KEY), _looks_random),
)


def _any_of(words: Iterable[str]) -> str:
    """A pattern of these words that looks at each character once: `re` does not do that itself."""
    by_letter = groupby(sorted(words), key=lambda word: word[:1])
    ways = [
        re.escape(letter) + _any_of({word[1:] for word in group})
        for letter, group in by_letter
        if letter
    ]
    return f"(?:{'|'.join(ways)})" if ways else ""


def _shortest(words: set[str]) -> set[str]:
    """Without those that hold another one."""
    return {word for word in words if not any(w != word and w in word for w in words)}


# Most texts hold no hint at all, and every string of every event is looked at.
_HINT = re.compile(_any_of(_shortest({hint for kind in _KINDS for hint in kind.hints})))


# --- finding --------------------------------------------------------------------------------------


def find(text: str) -> list[SecretMatch]:
    """Every credential in `text`, in the order of the text, none overlapping another."""
    spans: list[tuple[int, int, str]] = []
    start = 0
    while True:
        end = start + WINDOW
        _search(text, start, end, spans)
        if end >= len(text):
            break
        start = end - OVERLAP
    return [
        SecretMatch(kind=kind, line=line, start=start, end=end)
        for (start, end, kind), line in zip(spans, _lines(text, spans), strict=True)
    ]


def _search(text: str, start: int, end: int, spans: list[tuple[int, int, str]]) -> None:
    lowered = text[start:end].lower()
    if not _HINT.search(lowered):
        return
    for kind in _KINDS:
        if not any(hint in lowered for hint in kind.hints):
            continue
        for match in kind.pattern.finditer(text, start, min(end, len(text))):
            span = _value(text, match)
            if span[0] < span[1] and kind.real(text[span[0] : span[1]]):
                _add(spans, *span, kind.name)


def _value(text: str, match: re.Match[str]) -> tuple[int, int]:
    """Where the secret value of a match begins and ends; an empty span when there is none."""
    if "label" in match.re.groupindex:
        return _key_block(text, match)
    for name in ("v", "d", "s", "b", "e"):
        if name in match.re.groupindex and match[name] is not None:
            return match.start(name), match.start(name) + len(_trimmed(match[name], name))
    return match.start("c"), match.start("c") + len(_plain(match["c"], match["rest"]))


def _key_block(text: str, match: re.Match[str]) -> tuple[int, int]:
    """The lines after a PEM header: up to its footer, or as long as they look like a key."""
    start = match.end()
    footer = text.find(f"-----END {match['label']}", start, start + KEY_BLOCK)
    if footer >= 0:
        return start, footer
    lines = _KEY_LINES.match(text, start)
    return start, lines.end() if lines else start


def _trimmed(value: str, group: str) -> str:
    """A bare value without what closes the text around it."""
    if group != "e":
        return value
    while value and (value[-1] in "\"',;" or (value[-1] in "}])" and _unopened(value))):
        value = value[:-1]
    return value


def _unopened(value: str) -> bool:
    opener = {"}": "{", "]": "[", ")": "("}[value[-1]]
    return value.count(opener) < value.count(value[-1])


def _plain(word: str, rest: str) -> str:
    """The value of `key: word rest of the line`: the word, the whole line, or nothing for prose."""
    if word.startswith("{{") or is_reference(word):
        return ""  # a template's expression or a YAML tag, whatever follows
    value = _trimmed(word, "e")
    rest = rest.partition(" #")[0].rstrip()
    if value != word or not rest.strip() or ":" in rest or "=" in rest:
        return value
    words = rest.split()
    if len(words) > 1 and all(part.strip(".,;()").isalpha() for part in (word, *words)):
        return ""
    return word + rest


def _add(spans: list[tuple[int, int, str]], start: int, end: int, kind: str) -> None:
    """Insert in order; a span that meets others is joined with them and keeps the first's name."""
    at = bisect_right(spans, (start, end, ""))
    while at > 0 and spans[at - 1][1] > start:
        at -= 1
    stop = at
    while stop < len(spans) and spans[stop][0] < end:
        stop += 1
    if stop > at:
        start, end = min(start, spans[at][0]), max(end, spans[stop - 1][1])
        kind = spans[at][2]
    spans[at:stop] = [(start, end, kind)]


def _lines(text: str, spans: list[tuple[int, int, str]]) -> Iterator[int]:
    line, seen = 1, 0
    for start, _, _ in spans:
        line += text.count("\n", seen, start)
        seen = start
        yield line


# --- taking out -----------------------------------------------------------------------------------


# Turns a secret into a name that says nothing but which secrets are equal.
Pseudonym = Callable[[str], str]


def redact(text: str, *, pseudonym: Pseudonym | None = None) -> str:
    """`text` with every credential's value replaced by `[redacted:<kind>]`, the rest untouched.

    With a `pseudonym` it is `[redacted:<kind>#<pseudonym>]`. Words that were given to `remember`
    are credentials wherever they stand.
    """
    text = _without_remembered(text, pseudonym)
    if len(text) <= WINDOW and not _HINT.search(text.lower()):
        return text
    parts = []
    seen = 0
    for match in find(text):
        parts += [
            text[seen : match.start],
            _mark(match.kind, text[match.start : match.end], pseudonym),
        ]
        seen = match.end
    return "".join([*parts, text[seen:]])


@lru_cache(maxsize=1024)
def _redacted(text: str, pseudonym: Pseudonym | None) -> str:
    return redact(text, pseudonym=pseudonym)


def redact_name(text: str, *, pseudonym: Pseudonym | None = None) -> str:
    """`redact` for short texts that come again and again, such as names."""
    return _redacted(text, pseudonym)


def _mark(kind: str, secret: str, pseudonym: Pseudonym | None) -> str:
    return f"[redacted:{kind}#{pseudonym(secret)}]" if pseudonym else f"[redacted:{kind}]"


MOST_REMEMBERED = 1000
SHORTEST_REMEMBERED = 4  # characters; a shorter word is in every text
_remembered: dict[str, None] = {}  # a set that knows who came first


def remember(secret: str) -> None:
    """From now on this process redacts `secret` wherever it stands; the oldest are forgotten."""
    if len(secret) < SHORTEST_REMEMBERED:
        return
    if secret not in _remembered:
        _redacted.cache_clear()
    _remembered.pop(secret, None)
    _remembered[secret] = None
    if len(_remembered) > MOST_REMEMBERED:
        _remembered.pop(next(iter(_remembered)), None)


def _without_remembered(text: str, pseudonym: Pseudonym | None) -> str:
    for secret in list(_remembered):
        if secret in text:
            text = text.replace(secret, _mark("secret", secret, pseudonym))
    return text


_SECRET_NAME = re.compile(
    rf"(?i:(?:.*[^a-z])?)(?:{_WEAK_KEY}|(?i:authorization|(?:set-)?cookie)){_KEY_END}", re.DOTALL
)
_CAMEL_SECRET = re.compile(
    r".*[a-z0-9](?:Secret|Token|ApiKey|AccessKey|PrivateKey|Credentials?)", re.DOTALL
)
_PASSWORD_NAME = re.compile(
    rf"(?:.*)(?i:password|passwd|passphrase|pwd|[_-]pass){_KEY_END}", re.DOTALL
)


def _name_kind(name: object) -> str | None:
    """What a value called `name` holds: `password`, `token`, or None when the name is no hint."""
    if not isinstance(name, str) or len(name) > 200:  # noqa: PLR2004  no key is that long
        return None
    return _kind_of_name(name)


@lru_cache(maxsize=1024)  # the same few dozen keys are in every event
def _kind_of_name(name: str) -> str | None:
    if _PASSWORD_NAME.fullmatch(name):
        return "password"
    if _SECRET_NAME.fullmatch(name) or _CAMEL_SECRET.fullmatch(name):
        return "token"
    return None


@lru_cache(maxsize=1024)
def _clean_name(name: str) -> str:
    return redact(name)


def redact_value(value: Any, *, pseudonym: Pseudonym | None = None) -> Any:
    """A JSON value without credentials, of the same shape.

    Strings are redacted, and so is whatever a key like `password` or `api_key` holds, and `value`
    beside `name: DB_PASSWORD`. What lies deeper than 200 levels is replaced whole.
    """
    clean = cache(partial(redact, pseudonym=pseudonym))  # an event says some texts twice
    return _walk(value, None, 0, _Ways(clean, pseudonym))


@dataclass(frozen=True, slots=True)
class _Ways:
    """How a text is cleaned, and how a whole value is named."""

    clean: Callable[[str], str]
    pseudonym: Pseudonym | None


def _walk(value: Any, kind: str | None, depth: int, ways: _Ways) -> Any:
    """`kind` is what the key above says the value is."""
    if depth > MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, str):
        return _whole(value, kind, ways.pseudonym) if kind else ways.clean(value)
    if isinstance(value, dict):
        pair = _name_kind(value.get("name")) if isinstance(value.get("value"), str) else None
        return {
            (_clean_name(key) if isinstance(key, str) else key): _walk(
                item, _name_kind(key) or (pair if key == "value" else None), depth + 1, ways
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_walk(item, kind, depth + 1, ways) for item in value]
    if kind == "password" and isinstance(value, int | float) and not isinstance(value, bool):
        return _mark("password", str(value), ways.pseudonym)
    return value


def _whole(value: str, kind: str, pseudonym: Pseudonym | None) -> str:
    return value if is_reference(value) else _mark(kind, value, pseudonym)
