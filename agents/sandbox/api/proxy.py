"""The service proxy, for the one service that answers through it: the sealed-secrets controller."""

from __future__ import annotations

from agents.sandbox import errors
from agents.sandbox.api.message import Response, as_text
from agents.sandbox.api.resources import Target
from agents.sandbox.cluster import Cluster

SEALED_SECRETS = "sealed-secrets-controller"
_CERTIFICATE = "proxy/v1/cert.pem"


def answer(cluster: Cluster, target: Target) -> Response:
    """GET …/services/[http:]sealed-secrets-controller[:port]/proxy/v1/cert.pem"""
    service = next((part for part in target.name.split(":") if part == SEALED_SECRETS), "")
    if service and target.sub == _CERTIFICATE:
        return as_text(cluster.sealing.certificate())
    raise errors.ApiError(
        503,
        "ServiceUnavailable",
        f'no endpoints available for service "{target.name}"',
    )
