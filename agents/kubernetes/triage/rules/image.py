"""Images: name, tag, registry, credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.kubernetes.reading import name_of, parts, text
from agents.kubernetes.triage.happened import Event
from agents.kubernetes.triage.history import back
from agents.kubernetes.triage.making import of_pod
from agents.kubernetes.triage.phrases import Phrases
from agents.kubernetes.triage.pods import Container, containers, live
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Remedy

_REASONS: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ErrImageInspect",
        "RegistryUnavailable",
        "ImageInspectError",
        "SignatureValidationFailed",
    }
)
# The more special words come first: "not found" ends many messages.
_SAID: Final = Phrases.of(
    ("invalid-name", r"InvalidImageName|invalid reference format|couldn't parse image"),
    ("never-pulled", r"ErrImageNeverPull|pull policy of Never"),
    ("rate-limited", r"toomanyrequests|too many requests|\b429\b|rate limit"),
    (
        "platform-mismatch",
        r"no match(?:ing manifest)? for (?:platform|\S+/\S+ in)|no matching manifest",
    ),
    (
        "registry-certificate",
        r"x509:|unknown authority|failed to verify certificate|gave HTTP response to HTTPS client",
    ),
    (
        "registry-unreachable",
        r"no such host|server misbehaving|i/o timeout|connection refused|connection reset",
        r"TLS handshake timeout|network is unreachable|no route to host|deadline exceeded",
        r"RegistryUnavailable|awaiting headers|while waiting for connection",
        r"\b50[0234] (?:Internal|Bad|Service|Gateway)|: EOF\b",
    ),
    ("repository-not-found", r"repository (?:\S+ )?(?:does not exist|not found)|name[_ ]unknown"),
    (
        "authentication",
        r"unauthorized|\b401\b|\b403\b|authentication required|no basic auth|forbidden",
        r"access[ _]denied|denied:|oauth token|authorization failed|credentials",
    ),
    ("tag-not-found", r"manifest[_ ]unknown|not found|no such manifest"),
)
_SUMMARY: Final = {
    "invalid-name": "{image} is no valid image reference.",
    "tag-not-found": "The registry has no {image}: the tag or digest does not exist.",
    "repository-not-found": "The registry has no repository of {image}, or hides it.",
    "authentication": "The registry refuses the credentials with which {image} is pulled.",
    "missing-pull-secret": "{image} needs credentials, and the pull secret {secret} is not there.",
    "registry-unreachable": "The registry of {image} cannot be reached from the node.",
    "registry-certificate": "The node does not trust the TLS certificate of {image}'s registry.",
    "rate-limited": "The registry allows no more pulls for now: {image} waits.",
    "never-pulled": "{image} is not on the node, and its pull policy is Never.",
    "platform-mismatch": "{image} has no variant for the platform of the node.",
    "pull-failed": "{image} cannot be pulled.",
}
_MANUAL: Final = {
    "invalid-name": "Write the image as registry/repository:tag, in lower case.",
    "tag-not-found": "Push the tag, or set one that the registry has.",
    "repository-not-found": "Correct the repository, or add a pull secret if it is private.",
    "authentication": "Renew the pull secret (kubernetes.io/dockerconfigjson) of the pods.",
    "missing-pull-secret": "Create the pull secret in the namespace.",
    "registry-unreachable": "Correct the registry's name, or its DNS and path from the nodes.",
    "registry-certificate": "Have the nodes trust its authority, or renew the certificate.",
    "rate-limited": "Pull with an account, or through a mirror; then wait for the limit to pass.",
    "never-pulled": "Set imagePullPolicy IfNotPresent, or load the image onto the nodes.",
    "platform-mismatch": "Build the image for the nodes' platform.",
    "pull-failed": "Read the message of the registry.",
}


def pulls(snapshot: Snapshot) -> Iterator[Finding]:
    """A container waits for its image; the words of kubelet and registry tell why."""
    for pod in live(snapshot):
        for container in containers(pod):
            if container.waiting in _REASONS:
                yield _of(snapshot, container)


def _of(snapshot: Snapshot, container: Container) -> Finding:
    image = text(container.spec, "image") or text(container.status, "image")
    events = _events(snapshot, container, image)
    told = [container.message, *(it.message for it in reversed(events)), container.waiting]
    cause = _SAID.first(told)[0] or "pull-failed"
    lost = snapshot.events_of(container.pod, "FailedToRetrieveImagePullSecret")
    if lost and cause in ("authentication", "repository-not-found"):
        cause, events = "missing-pull-secret", (*events, *lost[-1:])
    return of_pod(
        snapshot,
        container.pod,
        f"image/{cause}",
        _SUMMARY[cause].format(image=image, secret=_secrets(container)),
        snapshot.facts(
            container.pod,
            (*container.path, "state", "waiting", "reason"),
            (*container.path, "state", "waiting", "message"),
            (*container.spec_path, "image"),
        )
        + snapshot.happened(*events[-2:]),
        confidence=_CONFIDENCE.get(cause, 1.0),
        remedy=_remedy(snapshot, container, cause),
    )


_CONFIDENCE: Final = {"pull-failed": 0.6, "repository-not-found": 0.9}


def _events(snapshot: Snapshot, container: Container, image: str) -> tuple[Event, ...]:
    """The failures of this image."""
    found = snapshot.events_of(container.pod, "Failed", "InspectFailed", "ErrImageNeverPull")
    return tuple(it for it in found if image in it.message and "Error: " not in it.message[:7])


def _secrets(container: Container) -> str:
    return ", ".join(
        name_of({"metadata": it}) for it in parts(container.pod, "spec", "imagePullSecrets")
    )


def _remedy(snapshot: Snapshot, container: Container, cause: str) -> Remedy:
    changed = cause not in ("rate-limited", "registry-certificate")
    before = back(snapshot, container.pod, container.name) if changed else None
    return before or manual(_MANUAL[cause])


RULES: Final = (pulls,)
