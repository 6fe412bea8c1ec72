"""What the client library raises when no HTTP answer came, as a `ClusterError`."""

from __future__ import annotations

import ssl

from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException
from urllib3 import exceptions as urllib3
from websocket import WebSocketException, WebSocketTimeoutException

from agents.kubernetes.failures import ClusterError, in_time, one_line

_CERTIFICATE = (
    ("has expired", "Its certificate has expired."),
    ("Hostname mismatch", "Its certificate is for another host name."),
    ("doesn't match", "Its certificate is for another host name."),
    ("not valid for", "Its certificate is for another host name."),
    ("self-signed", "Its certificate is self-signed and not the one of the kubeconfig."),
    ("self signed", "Its certificate is self-signed and not the one of the kubeconfig."),
    ("unable to get local issuer", "Its certificate is not signed by the CA of the kubeconfig."),
    ("wrong version number", "It does not speak TLS on this port."),
)


# What each error means; the first that fits. All of them may be over soon.
_PASSING = (
    (urllib3.NameResolutionError, "The host of the cluster is not known: {} has no address here."),
    (
        urllib3.NewConnectionError,
        "The cluster cannot be reached: nothing answers at {}. Is it running?",
    ),
    (urllib3.ProxyError, "The proxy on the way to {} does not work."),
    (urllib3.HTTPError, "The connection to the cluster broke off at {}."),
    (WebSocketException, "The connection to the cluster broke off at {}."),
    (OSError, "The connection to the cluster broke off at {}."),
)


def failure(error: Exception, *, server: str, context: str, seconds: float) -> ClusterError:
    """Which failure an error of the library means. Raises what is none of the outside's."""
    cause = _cause(error)
    said = one_line(str(cause))
    if isinstance(cause, urllib3.SSLError | ssl.SSLError) or _is_tls(cause):
        return ClusterError(_of_tls(said, server), f"{server}: {said}")
    if isinstance(cause, ConfigException | FileNotFoundError | PermissionError):
        return ClusterError(f"The credentials of context {context!r} cannot be used: {said}")
    slow = isinstance(cause, TimeoutError | urllib3.TimeoutError | WebSocketTimeoutException)
    if slow and not isinstance(cause, urllib3.NewConnectionError):
        return in_time(seconds, server)
    for kind, words in _PASSING:
        if isinstance(cause, kind):
            return ClusterError(words.format(server), f"{server}: {said}", transient=True)
    raise error


def _is_tls(cause: Exception) -> bool:
    """The library wraps what the TLS library says, without a type of its own."""
    return isinstance(cause, ApiException) and "SSL" in str(cause.reason)


def _cause(error: Exception) -> Exception:
    """The error below the library's account of its tries."""
    if isinstance(error, urllib3.MaxRetryError) and error.reason is not None:
        return error.reason
    return error


def _of_tls(said: str, server: str) -> str:
    why = next((words for sign, words in _CERTIFICATE if sign in said), "")
    return f"The cluster at {server} cannot be trusted: the TLS handshake failed. {why}".rstrip()
