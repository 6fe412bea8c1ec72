"""What went wrong with a cluster, in one plain line and with the detail below it.

A `ClusterError` is raised where a request fails; `told` gives it the words of a tool's failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from agents.kubernetes.kinds import named
from agents.runtime.tool import ToolFailure, TransientFailure
from aura.kernel.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
CONFLICT: Final = 409
GONE: Final = 410
INVALID: Final = 422
TOO_MANY: Final = 429
SERVER_ERROR: Final = 500
NOT_OFFERED: Final = 501
MAX_DETAIL: Final = 2000  # characters

_RBAC = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]*)"'
    r' in API group "(?P<group>[^"]*)"(?: in the namespace "(?P<namespace>[^"]*)")?'
)


class ClusterError(Exception):
    """`diagnosis`: one line that says what to do; `detail`: what the server or library said.

    `status` is the HTTP status, 0 where none came; `reason` that of the Status object.
    `transient`: the same request may work later.
    """

    def __init__(
        self,
        diagnosis: str,
        detail: str = "",
        *,
        status: int = 0,
        reason: str = "",
        transient: bool = False,
    ) -> None:
        super().__init__(diagnosis)
        self.diagnosis = diagnosis
        self.detail = detail
        self.status = status
        self.reason = reason
        self.transient = transient


@contextmanager
def told(tool: str, target: str) -> Iterator[None]:
    """Turns a `ClusterError` inside into the failure of a tool: diagnosis, then `ERROR — …`."""
    try:
        yield
    except ClusterError as error:
        raise _failure(error, tool, target) from error


def _failure(error: ClusterError, tool: str, target: str) -> ToolFailure:
    detail = one_line(error.detail or error.diagnosis)
    text = redact(f"{error.diagnosis}\nERROR — {tool} failed for {target}: {detail}")
    return TransientFailure(text) if error.transient else ToolFailure(text)


def one_line(text: str) -> str:
    """Text from outside as part of a line of ours."""
    return " ".join(text.split())[:MAX_DETAIL]


def of_answer(status: int, body: bytes, *, context: str) -> ClusterError:
    """The failure that an HTTP answer other than 2xx means. `context` names the cluster."""
    said = _status_object(body)
    message = str(said.get("message") or body[:MAX_DETAIL].decode("utf-8", "replace")).strip()
    reason = str(said.get("reason") or "")
    return ClusterError(
        _diagnosis(status, message, said, context),
        f"{status} {reason}: {message}" if reason else f"HTTP {status}: {message}",
        status=status,
        reason=reason,
        transient=status in (GONE, TOO_MANY) or (status >= SERVER_ERROR and status != NOT_OFFERED),
    )


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) and said.get("kind") == "Status" else {}


# {said}: the server's words, {context}: whose credentials were used
_WORDS: Final = {
    BAD_REQUEST: "The cluster refuses the request: {said}",
    UNAUTHORIZED: (
        "The cluster does not accept the credentials of context {context}: they are wrong or have"
        " expired. Put a valid token into its kubeconfig."
    ),
    405: "The cluster does not offer this operation here: {said}",
    CONFLICT: "The object was changed by somebody else meanwhile; look again. {said}",
    GONE: "The list changed while it was read; ask again.",
    INVALID: "The cluster refuses the object as invalid: {said}",
    NOT_OFFERED: "The cluster does not offer this: {said}",
    TOO_MANY: "The cluster asks to wait, or a disruption budget stands against it: {said}",
}
_FAULT: Final = "The API server of context {context} has a fault of its own: {said}"


def _diagnosis(status: int, message: str, said: Mapping[str, Any], context: str) -> str:
    short = one_line(message)[:300]
    if status == FORBIDDEN:
        return _forbidden(message, short)
    if status == NOT_FOUND:
        return _missing(said, short)
    return _WORDS.get(status, _FAULT).format(said=short, context=repr(context))


def _forbidden(message: str, short: str) -> str:
    match = _RBAC.search(message)
    if match is None:
        return f"The cluster forbids it: {short}"
    group = match["group"] or "core"
    where = f"in namespace {match['namespace']}" if match["namespace"] else "in the whole cluster"
    return (
        f"RBAC forbids it: {match['user']} may not {match['verb']} {match['resource']}"
        f" (API group {group}) {where}. Whoever runs the cluster can grant verb"
        f" {match['verb']!r} on resource {match['resource']!r}; see docs/clusters.md."
    )


def _missing(said: Mapping[str, Any], short: str) -> str:
    details = said.get("details")
    if isinstance(details, dict) and details.get("name"):
        plural = str(details.get("kind") or "object")
        kind = named(plural)
        return (
            f"There is no {kind.kind.lower() if kind else plural} named {details['name']!r} there."
        )
    return f"The cluster does not know this: {short}"


def in_time(seconds: float, server: str) -> ClusterError:
    """Nothing came back."""
    return ClusterError(
        f"The cluster did not answer within {seconds:g} s.",
        f"no answer from {server}; is the API server overloaded or cut off by a firewall?",
        transient=True,
    )
