"""What may be written into a manifest: names, images, hosts, numbers. Anything else is refused.

The text of a ticket is data. Nothing of it reaches a file but through one of these checks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

MAX_REPLICAS = 100
MAX_ENV_VALUE = 200
MAX_IMAGE = 255
MAX_HOST = 253  # RFC 1035, as DNS-1123 subdomains
MAX_PORT = 65535
MAX_DIGITS = 9

_NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")  # DNS-1035: a Service takes no digit first
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")  # DNS-1123
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_CPU = re.compile(r"(\d{1,5}m|\d{1,3}(?:\.\d{1,3})?)")
_MEMORY = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s?([KMGT])(i?)B?", re.IGNORECASE)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<repository>(?:(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::\d{{1,5}})?/|[a-z0-9-]+:\d{{1,5}}/)?"
    rf"{_PART}(?:/{_PART})*)"
    rf"(?::(?P<tag>{_TAG.pattern}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?"
)
_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen twenty"
)
NUMBERS = {word: value for value, word in enumerate(re.findall(r"\w+", _WORDS))} | {"single": 1}


@dataclass(frozen=True, slots=True)
class Image:
    """A container image: `repository`, and `tag` or `digest` where they are known."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def pinned(self) -> bool:
        """True when the reference says which release is meant."""
        return bool(self.tag or self.digest)

    @property
    def name(self) -> str:
        """The last part of the repository, e.g. `web` of `ghcr.io/acme/web`."""
        return self.repository.rpartition("/")[2]

    @property
    def short(self) -> str:
        """The repository without the registry that everybody means when none is named."""
        return self.repository.removeprefix("docker.io/").removeprefix("library/")

    def tagged(self, tag: str) -> Image:
        """The same repository at another tag; a digest would contradict it, so it goes."""
        return replace(self, tag=tag, digest=None)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_image(text: str) -> Image | None:
    """An image reference, or None when `text` is not one from end to end."""
    match = _IMAGE.fullmatch(text)
    if match is None or len(text) > MAX_IMAGE:
        return None
    return Image(match["repository"], match["tag"], match["digest"])


def is_name(text: str) -> bool:
    """A name that every Kubernetes object of an application can carry."""
    return _NAME.fullmatch(text) is not None


def is_namespace(text: str) -> bool:
    """A DNS-1123 label."""
    return _LABEL.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """A full host name of DNS-1123 labels, e.g. `web.example.com`."""
    labels = text.split(".")
    fits = len(text) <= MAX_HOST and len(labels) > 1 and not labels[-1].isdigit()
    return fits and all(_LABEL.fullmatch(label) for label in labels)


def is_tag(text: str) -> bool:
    """An image tag."""
    return _TAG.fullmatch(text) is not None


def is_env_name(text: str) -> bool:
    """A name of an environment variable that every shell can read."""
    return _ENV_NAME.fullmatch(text) is not None


def is_port(number: int) -> bool:
    """A TCP port."""
    return 1 <= number <= MAX_PORT


def number(text: str) -> int | None:
    """A count in digits or words, e.g. `3` or `three`."""
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text)
    return NUMBERS.get(text.lower())


def cpu(text: str) -> str | None:
    """A CPU quantity as Kubernetes writes it, e.g. `500m` or `2`."""
    match = _CPU.fullmatch(text.strip().lower())
    return match[1] if match and float(match[1].rstrip("m")) > 0 else None


def memory(text: str) -> str | None:
    """A memory quantity as Kubernetes writes it: `512MiB` is `512Mi`, `512 MB` is `512M`."""
    match = _MEMORY.fullmatch(text.strip())
    if match is None or float(match[1]) <= 0:
        return None
    unit = match[2].upper()
    binary = "i" if match[3] else ""
    return f"{match[1]}{'k' if unit == 'K' and not binary else unit}{binary}"


_SCALE = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} | {
    f"{unit}i": float(1024**power) for power, unit in enumerate("KMGT", start=1)
}


def amount(quantity: str) -> float | None:
    """A quantity as a number, to compare two; None when it is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]{0,2})", quantity)
    if match is None or (match[2] and match[2] not in _SCALE):
        return None
    return float(match[1]) * _SCALE.get(match[2], 1.0)


def shown(text: str, *, limit: int = 60) -> str:
    """`text` of unknown origin as it may appear in a sentence: one line, printable, cut."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
