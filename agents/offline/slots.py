"""Cuts the values out of a text: variables, images, hosts, places. What is left tells the action.

Each reader takes its matches away from the text, so that no word is read twice: the `web` of
"namespace web" is no application, the `2.3` of an image no version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

from agents.offline import catalogue, counts, credentials, values
from agents.offline.intent import Slot
from agents.offline.scanning import CUT, FROM, OF, RESERVED, TO, Scan
from agents.offline.vocabulary import words

MAX_CHARS = 8_000  # what asks for one change to one application is shorter
MIN_ADDRESS = 1000  # `redis:6379` names a port, `redis:7` a release
VERSION = r"v?\d+(?:\.\d+)*(?:[-_+][A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*)?"
_STAGES = {
    "dev": "dev|development",
    "staging": "staging|stage|stg",
    "qa": "qa",
    "uat": "uat",
    "preprod": "preprod|pre-prod|preproduction|pre-production",
    "production": "production|prod",
    "test": "test|testing",
}
CANONICAL = {alias: name for name, words in _STAGES.items() for alias in words.split("|")}
# Wishes that are seen and not carried out; a plan names them as left out.
_UNMET = {
    "autoscaling": r"auto-?scal\w*|\bhpa\b|horizontal pod autoscaler",
    "TLS certificates": r"\btls\b|\bssl\b|\bhttps\b(?!:)|certificates?\b|cert-manager",
    "persistent storage": r"persistent\w*|\bpvcs?\b|\bvolumes?\b|\bdisks?\b|\bstorage\b",
    "clustering (Sentinel, replication, failover)": (
        r"\bsentinel\b|\breplication\b|\bfailover\b|high(?:ly)?[ -]availab\w+|\bclustered\b"
    ),
    "backups": r"\bbackups?\b",
    "monitoring": r"\bmonitor(?:ing)?\b|\balerts?\b|\balerting\b|\bservicemonitors?\b",
    "network policies": r"network ?polic(?:y|ies)",
    "canary or blue-green releases": r"\bcanary\b|\bblue[-/ ]green\b",
    "Helm charts": r"\bhelm\b",
    "jobs and other workloads than Deployments": (
        r"\bcron ?jobs?\b|\bdaemon ?sets?\b|\bstateful ?sets?\b"
    ),
}


def scan(text: str, *, known: Iterable[str] = (), environments: Iterable[str] = ()) -> Scan:
    """Every value that `text` states, and the rest of it. `environments` are known folder names."""
    plain = _plain(text)
    found = Scan(plain, plain, frozenset(known), frozenset(environments))
    for read in _READERS:
        read(found)
    found.settle()
    return found


def _plain(text: str) -> str:
    """One kind of quotes, arrows and blanks, so that the patterns stay readable."""
    text = text[:MAX_CHARS].replace("|", " ").replace("**", "").replace("`", '"')
    text = re.sub("[“”„«»]", '"', text)
    text = re.sub("[\u2018\u2019]", "'", text)
    text = re.sub(r"\s*(?:→|=>|->)\s*", " to ", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    return "".join(c for c in text if c.isprintable() or c == "\n")


_INSTEAD = r"\b(?:instead of|rather than)\s+\S+(?:\s+(?:replicas?|instances?|pods?))?"
_NOT = (  # as words: the "not" of the tag `does-not-exist` refuses nothing
    r"(?<![\w./:=@-])(?:do not|don'?t|never|without|not|must not|should not|shouldn'?t)\b"
    r"(?![./:=@-]\w)(?! only\b)"
    r"(?:(?!\.\s)[^,;\n|])*?(?=[,;\n|]|[.!?](?:\s|$)|\bbut\b|\band\b|$)"
)
_NO = r"\bno\s+(?:ingress|host(?:name)?|domain|service|port)\b"
_QUESTION = (
    r"(?:(?<=\n)|(?<=[.!?]\s)|^)\s*(?:why|how|what|when|where|who|which|is|are|does|do|did|has|have"
    r"|was|were|should|will)\b[^?\n]*\?"
)
_REFUSED = (_INSTEAD, _NOT, _NO, _QUESTION)


def _refusals(found: Scan) -> None:
    """What the text asks not to do is no wish: "do not delete X", "why is X slow?"."""
    no_host = r"\b(?:without|no)\s+(?:the\s+|an?\s+|any\s+)?(?:ingress|host(?:name)?|domain)\b"
    if re.search(no_host, found.rest, re.IGNORECASE):
        found.without.add(Slot.HOST)
    for pattern in _REFUSED:
        found.refused += " ".join(m[0] for m in re.finditer(pattern, found.rest, re.IGNORECASE))
        found.drop(pattern)


def _credentials(found: Scan) -> None:
    found.rest, secret = credentials.strip(found.rest, cut=CUT)
    if secret:
        found.wrong(Slot.SECRET, "it holds what looks like a password, token or key")


_VALUE = r"(?P<v>\"[^\"\n]*\"|'[^'\n]*'|[^\s\"';|]+)"
_ENV_WORDS = r"(?:env(?:ironment)?(?: var(?:iable)?)?|variable|var)"
_NOT_VARIABLES = words(
    "CPU RAM TLS SSL DNS HPA API URL URI IP TCP UDP HTTP HTTPS NOTE TODO FIXME WARNING ASAP EOD"
    " YAML JSON IMAGE PORT HOST NAME NAMESPACE REPLICAS VERSION TAG MEMORY APP"
)
_NAMED_VARIABLE = (
    rf"\b(?i:{_ENV_WORDS})\s+(?i:(?:called|named)\s+)?\"?(?P<k>[A-Za-z_]\w*)\"?\s*"
    rf"(?i:=|:|\bto\b|\bwith (?:the )?value\b|\bas\b)\s*{_VALUE}"
)
_QUOTED = r"\"(?P<k>[A-Za-z_]\w*)=(?P<v>[^\"\n]*)\""
_EQUALS = r"(?<![\w./?&:-])(?P<k>[A-Za-z_][\w.-]*)=(?P<v>\"[^\"\n]*\"|'[^'\n]*'|[^\s\"';|]*)"
_SPACED_EQUALS = rf"(?<![\w./?&:-])(?P<k>[A-Z_][A-Z0-9_]+)\s+=\s+{_VALUE}"
_SET_TO = (
    r"\b(?i:set|change|switch|put)\s+(?:the\s+)?\"?(?P<k>[A-Z][A-Z0-9_]{2,})\"?"
    rf"(?P<keep>\s+(?:of|for|on|in)\s+[a-z][\w-]*)?\s+(?:from\s+\S+\s+)?to\s+{_VALUE}"
)
_LISTED = (
    r"(?m:^)\s*[-*]?\s*(?P<k>[A-Z][A-Z0-9]*_[A-Z0-9_]+):\s+"
    r"(?P<v>\"[^\"\n]*\"|'[^'\n]*'|[^\s|][^\n|]*)"
)
_ASSIGNMENTS = (_NAMED_VARIABLE, _QUOTED, _EQUALS, _SPACED_EQUALS, _SET_TO, _LISTED)


def _variables(found: Scan) -> None:
    """`FOO=bar`, `set FOO to bar`, `- FOO_BAR: baz`, and `remove the variable FOO`."""
    spoken_of = r"\benv\b|environment var|variables?\b|\bconfig|\bset\b|\bsettings?\b"
    lower_too = re.search(spoken_of, found.rest, re.IGNORECASE) is not None
    for pattern in _ASSIGNMENTS:
        # Only this form says in words that it is about a variable.
        explicit = pattern is _NAMED_VARIABLE
        keep = partial(_assignment, found, lower_too=lower_too, explicit=explicit)
        found.rest = re.sub(pattern, keep, found.rest)
    _unset(found)


def _assignment(found: Scan, match: re.Match[str], *, lower_too: bool, explicit: bool) -> str:
    """Keep one assignment, or leave it in the text when it is none."""
    key, value = match["k"], match["v"]
    upper = key.isupper() and key not in _NOT_VARIABLES
    variable = upper or explicit or ("=" in match[0] and lower_too)
    if not variable or (key.lower() in RESERVED and not (upper or explicit)):
        return match[0]
    if found.faults and match.string[match.end() :].startswith(CUT):
        return CUT  # the rest of the value was a credential
    if match[0].startswith('"') or value[:1] in ('"', "'"):
        _variable(found, key, value.strip("\"'"))
    else:
        first, *others = re.split(r",(?=[A-Z_][A-Z0-9_]*=)", value)
        for name, text in [(key, first), *((o.split("=", 1)) for o in others)]:
            _variable(found, name, text.rstrip(".,;:)!?") or text)
    # What stands before the name ("set", "env var") tells the action and stays.
    before = match[0][: match.start("k") - match.start()]
    return f"{before}{CUT}{match.groupdict().get('keep') or ''}{CUT}"


def _variable(found: Scan, key: str, value: str) -> None:
    if credentials.is_secret_name(key) or credentials.looks_secret(value):
        found.wrong(Slot.SECRET, f"the value of {values.shown(key)} looks like a credential")
    elif not values.is_env_name(key):
        found.wrong(Slot.ENV, f"{values.shown(key)!r} is no name of an environment variable")
    elif len(value) > values.MAX_ENV_VALUE:
        limit = values.MAX_ENV_VALUE
        found.wrong(Slot.ENV, f"the value of {key} is longer than {limit} characters")
    else:
        pairs = dict(found.values.get("env", ())) | {key: value}
        found.values["env"] = tuple(pairs.items())


def _unset(found: Scan) -> None:
    verb = r"\b(?i:remove|delete|unset|drop)\s+(?i:the\s+)?"
    for pattern in (
        rf"{verb}(?i:{_ENV_WORDS})\s+\"?(?P<k>[A-Za-z_]\w*)\"?",
        rf"{verb}\"?(?P<k>[A-Z][A-Z0-9]*_[A-Z0-9_]+)\"?(?:\s+(?i:{_ENV_WORDS}))?",
    ):
        match = re.search(pattern, found.rest)
        if match:
            # The verb stays, so that something is asked for; its object is gone.
            found.rest = f"{found.rest[: match.start()]} unset {CUT}{found.rest[match.end() :]}"
            found.values["unset"] = (*found.values.get("unset", ()), match["k"])


def _unquoted(found: Scan) -> None:
    """After the variables, quotes mean nothing more, and "nginx's" is nginx."""
    found.rest = re.sub(r"[\"']", "", re.sub(r"'s\b", "", found.rest))
    if re.search(r"\bconfig ?maps?\b", found.rest, re.IGNORECASE):
        found.values["in_configmap"] = True


def _images(found: Scan) -> None:
    """A reference is known by its tag or registry; after the word `image` anything may be one."""
    named = rf"\bimages?(?:\s+tag)?{OF}{TO}{FROM}(?P<v>[^\s|,;()]+)"
    for match in list(re.finditer(named, found.rest, re.IGNORECASE))[:5]:
        _named_image(found, match)
    for token in re.findall(r"[^\s|,;()]+", found.rest):
        word = token.rstrip(".:!?")
        image = _reference(word)
        if image:
            found.rest = found.rest.replace(word, CUT, 1)
            found.say(Slot.IMAGE, image)


def _named_image(found: Scan, match: re.Match[str]) -> None:
    word = match["v"].rstrip(".:!?")
    image = values.parse_image(_lowered(word))
    if image and (image.pinned or "/" in word or image.name in catalogue.SOFTWARE):
        found.say(Slot.IMAGE, image)
    elif image is None and re.search(r"[:/@$]", word):
        found.wrong(Slot.IMAGE, f"{values.shown(word)!r} is no valid image reference")
    else:
        return
    found.rest = found.rest.replace(word, CUT, 1)


def _reference(word: str) -> values.Image | None:
    """An image that is recognisable without the word `image` before it."""
    image = values.parse_image(_lowered(word))
    if image is None or re.search(r"\.(?:ya?ml|json|md|txt|py|sh)$", word):
        return None
    if image.digest:
        return image
    if not image.tag:
        first, slash, _ = image.repository.partition("/")
        return image if slash and ("." in first or ":" in first) else None
    # `redis:6379` and `web:8080` are addresses, `replicas:3` is a setting.
    address = image.tag.isdigit() and int(image.tag) >= MIN_ADDRESS
    return None if address or image.repository in RESERVED else image


def _lowered(word: str) -> str:
    """`Nginx:1.27` at the start of a sentence means nginx; only well-known names are mended so."""
    name, colon, tag = word.partition(":")
    return f"{name.lower()}{colon}{tag}" if name.lower() in catalogue.SOFTWARE else word


_NO_NAMESPACE = words(
    "new own separate dedicated same different other called named its the a an for with and on"
    " in to of that which is so if as at by where already needs should must can will exists"
)
_NAMESPACES = (
    r"\b(?:namespace|ns)\b(?:\s+(?:is|should be|called|named))?\s*[:=]?\s*(?P<v>[^\s|,;()]+)",
    r"(?<!\w)-n\s+(?P<v>[^\s|,;()]+)",
    r"\b(?:in|into|to|the|from|of|inside)\s+(?:the\s+|a\s+)?(?:new\s+)?(?P<v>[^\s|,;()]+)\s+namespace\b",
)


def _namespaces(found: Scan) -> None:
    for pattern in _NAMESPACES:
        for match in reversed(list(re.finditer(pattern, found.rest, re.IGNORECASE))):
            word = match["v"].rstrip(".:!?")
            lowered = word.lower() if word == word.capitalize() else word
            if not word or lowered in _NO_NAMESPACE:
                continue
            if values.is_namespace(lowered):
                found.say(Slot.NAMESPACE, lowered)
            else:
                found.wrong(Slot.NAMESPACE, f"{values.shown(word)!r} is no valid namespace")
            ends_in_word = match.end() == match.end("v")
            found.cut(match, end=match.start("v") + len(word) if ends_in_word else -1)


_HOST_WORD = r"(?:host(?:name)?s?|domain|url)"
_ANNOUNCED = (
    rf"\b{_HOST_WORD}\s+(?:of|for)\s+(?P<keep>[a-z][\w-]*)\s+(?:to|is)\s+"
    rf"|\b(?:{_HOST_WORD}|ingress(?:\s+{_HOST_WORD})?|reachable|available|served|exposed?|published?)"
    r"\s*(?:is|=|:|to|as|under|at|on|via|through|from|for)?\s*"
    rf"(?:(?:the\s+)?{_HOST_WORD}\s+)?"
    rf"|\b(?:at|under|via|behind)\s+(?:the\s+)?(?:{_HOST_WORD}\s+)?"
)
_HOST = r"(?:https?://)?(?P<v>[^\s|,;()/:]+\.[^\s|,;()/:]+)(?P<port>:\d+)?(?P<path>/[^\s|]*)?"
_NO_HOST = re.compile(r"v?\d+(?:\.\d+)*|.*\.(?:ya?ml|json|md|txt|py|js|sh)")


def _hosts(found: Scan) -> None:
    """A host is believed only after a word that announces one: a URL of a document is none."""
    pattern = rf"(?:{_ANNOUNCED}){FROM}{_HOST}"
    for match in reversed(list(re.finditer(pattern, found.rest, re.IGNORECASE))):
        host = match["v"].rstrip(".!?").lower()
        if _NO_HOST.fullmatch(host) or "." not in host:
            continue
        if values.is_host(host):
            found.say(Slot.HOST, host)
        else:
            found.wrong(Slot.HOST, f"{values.shown(host)!r} is no valid host name")
        port = found.rest[match.start("port") : match.end("port")] if match["port"] else ""
        found.cut(match)
        found.rest += f"{CUT}{port}" if port else ""
        if len((match["path"] or "").rstrip(".,;)")) > 1:
            found.unmet.append("the path below the host")
    bare = found.take(r"\bhost(?:name)?\s*[:=]\s*(?P<v>[^\s|,;]+)")
    if bare:
        found.wrong(Slot.HOST, f"{values.shown(bare['v'])!r} is no full host name")


def _environments(found: Scan) -> None:
    known = "|".join(sorted(map(re.escape, found.environments), key=len, reverse=True))
    every = "|".join(filter(None, [known, *_STAGES.values()]))
    # "to test the ingress" is no environment, "in the test environment" is.
    usual = "|".join(filter(None, [known, *(w for n, w in _STAGES.items() if n != "test")]))
    head = r"\b(?:in|on|to|for|into|from)\s+(?:the\s+|our\s+)?"
    tail = r"(?:\s+(?:environment|env|cluster|overlay|stage|only)s?\b)?"
    more = rf"(?:\s*(?:,|and|&)\s*(?P<w>{every})\b)?"
    if found.take(rf"{head}(?:all|every|both|each)\s+(?:the\s+)?(?:environment|stage|overlay)s?\b"):
        found.values["environments"] = ("all",)
    for pattern in (
        rf"{head}(?P<v>{usual})\b(?!-|\s+(?:namespace|ns)\b){more}{tail}",
        rf"(?:{head})?\b(?P<v>{every})\b{more}\s+(?:environment|env|cluster|overlay)s?\b",
        rf"\b(?:environment|env|overlay|stage)\s*[:=]?\s*(?P<v>{every})\b{more}",
    ):
        found.take_all(pattern, lambda match: _environment(found, match["v"], match["w"]))


def _environment(found: Scan, *words: str | None) -> None:
    names = [
        word if word in found.environments else CANONICAL[word.lower()] for word in words if word
    ]
    said = (*found.values.get("environments", ()), *names)
    found.values["environments"] = tuple(dict.fromkeys(said))


_DOTTED = VERSION.replace(r"(?:\.\d+)*", r"(?:\.\d+)+")
_RELEASE = r"(?:version|tag|release)"
_IS = r"(?:should be|must be|set to|to|is|=|:)"
_VERSIONS = (
    rf"\b{_RELEASE}{OF}{TO}{FROM}(?P<v>{VERSION})(?![\w:/])",
    rf"\b{_RELEASE}{OF}\s*{_IS}\s*{FROM}(?P<v>[A-Za-z0-9_][\w.-]*)",
    rf"(?<![\w.])(?:from\s+)?{_DOTTED}\s+to\s+(?:{_RELEASE}\s+)?(?P<v>{_DOTTED})(?![\w:/])",
)
_NEWEST = (
    r"\b(?:the\s+)?(?:latest|newest|most recent)"
    r"(?:\s+(?:stable\s+)?(?:version|release|tag|image))?\b"
)


def _versions(found: Scan) -> None:
    if found.take(_NEWEST):
        found.values["newest"] = True
    for pattern in _VERSIONS:
        found.take_all(pattern, lambda match: _version(found, match["v"]))
    # "update web to build-7" names a tag; "set web to 5" does not tell what the 5 is.
    for verbs, tag in (
        (
            r"updat|upgrad|bump|downgrad|roll\w* ?back|revert|patch|pin|release",
            r"(?=[\w.-]*\d)\w[\w.-]*",
        ),
        (r"mov|switch|chang|set|use", r"v?\d+\.[\w.-]+"),
    ):
        if "version" not in found.said and re.search(rf"\b(?:{verbs})", found.rest, re.IGNORECASE):
            found.take_all(
                rf"\b(?:from\s+{VERSION}\s+)?to\s+(?:{_RELEASE}\s+)?(?P<v>{tag})(?![\w:/])",
                lambda match: _version(found, match["v"]),
            )


def _version(found: Scan, text: str) -> None:
    tag = text.rstrip(".-")
    if values.is_tag(tag) and not credentials.looks_secret(tag):
        found.say(Slot.VERSION, tag)
    else:
        found.wrong(Slot.IMAGE, f"{values.shown(text)!r} is no valid version")


def _wishes(found: Scan) -> None:
    found.unmet.extend(
        what for what, pattern in _UNMET.items() if re.search(pattern, found.rest, re.IGNORECASE)
    )


# The order matters: an image holds a version, a variable may hold anything, "from 2 to 5" is a
# number of replicas before it can be a version.
_READERS: tuple[Callable[[Scan], None], ...] = (
    _refusals,
    _credentials,
    _variables,
    _unquoted,
    _images,
    _namespaces,
    _hosts,
    _environments,
    _wishes,
    counts.resources,
    counts.replicas,
    counts.ports,
    _versions,
)
