"""The certificate of the sealed-secrets controller: what values are sealed with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from django.utils.timezone import now

from agents.kubernetes import client
from agents.kubernetes.client import Cluster
from agents.kubernetes.failures import NOT_FOUND, ClusterError, told
from agents.kubernetes.kinds import SERVICE
from agents.kubernetes.reading import parts, text
from agents.runtime.tool import NeedsPerson
from aura.config import Settings

PATH: Final = "proxy/v1/cert.pem"
MIN_BITS: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """`fingerprint`: SHA-256 of the certificate, hexadecimal."""

    key: RSAPublicKey
    fingerprint: str
    expires: datetime


def configured(config: Settings, tool: str) -> Certificate:
    """The certificate of the settings. Raises a `ToolFailure` that says what is wrong with it."""
    if config.sealed_secrets_cert:
        try:
            pem = config.sealed_secrets_cert.read_bytes()
        except OSError as error:
            raise NeedsPerson(f"AURA_SEALED_SECRETS_CERT cannot be read: {error}") from None
        return parsed(pem)
    with told(tool, f"namespace {config.sealed_secrets_namespace}"):
        return parsed(_served(config).encode())


def parsed(pem: bytes) -> Certificate:
    """The certificate in a PEM text, of several the first. Raises `NeedsPerson`."""
    try:
        found = x509.load_pem_x509_certificates(pem)[0]
    except (ValueError, IndexError):
        raise NeedsPerson("what should be the sealed-secrets certificate is no PEM") from None
    key = found.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_BITS:
        raise NeedsPerson("the sealed-secrets certificate has no RSA key of 2048 bits or more")
    if found.not_valid_after_utc < now():
        raise NeedsPerson(
            f"the sealed-secrets certificate expired on {found.not_valid_after_utc:%Y-%m-%d}; give"
            " the newest one of the controller (kubeseal --fetch-cert)"
        )
    return Certificate(
        key=key,
        fingerprint=found.fingerprint(SHA256()).hex(),
        expires=found.not_valid_after_utc,
    )


def _served(config: Settings) -> str:
    """PEM as the controller serves it, through the API server's proxy, as kubeseal asks for it."""
    cluster = client.connect(config.kubeconfig, config.k8s_context)
    namespace, name = config.sealed_secrets_namespace, config.sealed_secrets_controller
    port = _port(cluster, namespace, name)
    service = f"http:{name}:{port}"
    path = f"{SERVICE.path(namespace=namespace)}/{quote(service, safe=':')}/{PATH}"
    return cluster.text(path, ())


def _port(cluster: Cluster, namespace: str, name: str) -> str:
    """Name of the service's first port; one without a name is meant by none."""
    try:
        service = cluster.get(SERVICE, name, namespace)
    except ClusterError as error:
        if error.status != NOT_FOUND:
            raise
        raise ClusterError(
            f"There is no sealed-secrets controller {name} in namespace {namespace}; name it with"
            " AURA_SEALED_SECRETS_NAMESPACE and AURA_SEALED_SECRETS_CONTROLLER, or give its"
            " certificate in AURA_SEALED_SECRETS_CERT.",
            error.detail,
        ) from None
    ports = parts(service, "spec", "ports")
    return text(ports[0], "name") if ports else ""
