"""Where the repository is and how we prove who we are, without a secret in an argument or a URL."""

from __future__ import annotations

import re
import shlex
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from agents.gitops.failures import NotConfigured
from aura.kernel import secrets

USERNAME, TOKEN = "AURA_CREDENTIAL_USERNAME", "AURA_CREDENTIAL_TOKEN"
DEFAULT_USERNAME = "x-access-token"  # GitHub wants this one, the others take any

# Run by git through `sh`; its text holds names of variables only.
_HELPER = (
    '!f() { test "$1" = get && '
    f'printf "username=%s\\npassword=%s\\n" "${USERNAME}" "${TOKEN}"; }}; f'
)
_SCP_LIKE = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^:].*)")
_USERINFO = re.compile(r"(?<=://)[^\s/@]*@")
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_SHORTEST_TO_HIDE = 4  # characters; a shorter token would be cut out of ordinary words


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """`url` never holds credentials: `parse` moves those of a URL to `username` and `token`."""

    url: str
    scheme: str
    username: str = ""
    token: str = field(default="", repr=False)
    ssh_key_file: Path | None = None
    known_hosts_file: Path | None = None
    accepted_hosts_file: Path | None = None

    def options(self) -> list[str]:
        """`-c` options of the commands that speak to the remote: this protocol and no other."""
        options = [f"protocol.{self.scheme}.allow=always"]
        if self.token and self.scheme in ("http", "https"):
            options.append(f"credential.{self._origin()}.helper={_HELPER}")
        return options

    def environment(self, timeout_s: float) -> dict[str, str]:
        """Variables for the child alone: the credential, or how ssh is to be called."""
        if self.scheme == "ssh":
            return {"GIT_SSH_COMMAND": self._ssh(timeout_s), "GIT_SSH_VARIANT": "ssh"}
        if self.token and self.scheme in ("http", "https"):
            return {USERNAME: self.username or DEFAULT_USERNAME, TOKEN: self.token}
        return {}

    def clean(self, text: str) -> str:
        """`text` without credentials, userinfo of URLs and control characters."""
        for value in self._spellings():
            text = text.replace(value, "[redacted]")
        return secrets.redact(_USERINFO.sub("", _CONTROL.sub("", text)))

    def _origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def _ssh(self, timeout_s: float) -> str:
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": str(max(1, round(timeout_s))),
            "StrictHostKeyChecking": "yes" if self.known_hosts_file else "accept-new",
            "UserKnownHostsFile": f'"{self.known_hosts_file or self.accepted_hosts_file}"',
            "PermitLocalCommand": "no",
            "ForwardAgent": "no",
        }
        words = ["ssh"]
        for key, value in options.items():
            words += ["-o", f"{key}={value}"]
        if self.ssh_key_file:
            words += ["-o", "IdentitiesOnly=yes", "-i", str(self.ssh_key_file)]
        return shlex.join(words)

    def _spellings(self) -> list[str]:
        """Every form in which the token could appear, the longest first."""
        if len(self.token) < _SHORTEST_TO_HIDE:
            return []
        basic = f"{self.username or DEFAULT_USERNAME}:{self.token}".encode()
        forms = {self.token, quote(self.token, safe=""), b64encode(basic).decode()}
        return sorted(forms, key=len, reverse=True)


def parse(
    url: str,
    *,
    username: str = "",
    token: str = "",
    ssh_key_file: Path | None = None,
    known_hosts_file: Path | None = None,
    accepted_hosts_file: Path | None = None,
) -> Remote:
    """The remote at `url`: https, http, ssh (also `user@host:path`), git, or a local path.

    Without `known_hosts_file` the key of an ssh host is believed at the first meeting and kept in
    `accepted_hosts_file`.

    Raises `NotConfigured` for an empty address and for one git would run a program for.
    """
    if not url:
        raise NotConfigured("no Git repository is configured; the operator sets AURA_GIT_REPO_URL")
    if any(c in username + token for c in "\r\n\0"):
        raise NotConfigured("AURA_GIT_USERNAME or AURA_GIT_TOKEN holds a line break")
    scheme, address, userinfo = _split(url)
    user, _, password = userinfo.partition(":")
    return Remote(
        url=address,
        scheme=scheme,
        username=username or unquote(user),
        token=token or unquote(password),
        ssh_key_file=ssh_key_file,
        known_hosts_file=known_hosts_file,
        accepted_hosts_file=accepted_hosts_file,
    )


def _split(url: str) -> tuple[str, str, str]:
    """(scheme, address without userinfo, userinfo). The user of an ssh address stays in it."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.hostname:
        userinfo, _, host = parts.netloc.rpartition("@")
        return parts.scheme, urlunsplit(parts._replace(netloc=host)), userinfo
    if parts.scheme in ("ssh", "git") and _plain(parts.netloc):
        userinfo, at, host = parts.netloc.rpartition("@")
        netloc = f"{userinfo.partition(':')[0]}{at}{host}"  # ssh takes no password from us
        return parts.scheme, urlunsplit(parts._replace(netloc=netloc)), ""
    if _SCP_LIKE.fullmatch(url) and _plain(url):
        return "ssh", url, ""
    if parts.scheme == "file" and parts.path.startswith("/"):
        return "file", parts.path, ""
    if url.startswith(("/", "./", "../", "~")):
        return "file", str(Path(url).expanduser().absolute()), ""
    raise NotConfigured(
        "AURA_GIT_REPO_URL is not an address Aura uses; write https://, ssh://, user@host:path"
        " or an absolute path"
    )


def _plain(address: str) -> bool:
    """Whether ssh cannot take the address, or its host, for an option."""
    host = address.rpartition("@")[2]
    return bool(host) and not address.startswith("-") and not host.startswith("-")
