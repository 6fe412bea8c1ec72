"""Sealed secrets: the controller's certificate, and what becomes of what is sealed with it."""

from __future__ import annotations

import base64
import os
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.agents.sandbox.running import Running

CERTIFICATE = (
    "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:/proxy/v1/cert.pem"
)


def seal(certificate: str, label: str, clear: bytes) -> str:
    """As kubeseal seals: a session key wrapped with RSA-OAEP, the value in AES-GCM."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    session = os.urandom(32)
    digest = hashes.SHA256()
    scheme = padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=label.encode())
    wrapped = key.encrypt(session, scheme)
    sealed = AESGCM(session).encrypt(bytes(12), clear, None)
    return base64.b64encode(len(wrapped).to_bytes(2, "big") + wrapped + sealed).decode()


def sealed_secret(namespace: str, value: str) -> dict[str, Any]:
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "key", "namespace": namespace},
        "spec": {"encryptedData": {"token": value}},
    }


def test_what_is_sealed_with_the_certificate_becomes_a_secret(
    cluster: Running, http: httpx.Client, namespace: str
) -> None:
    certificate = http.get(CERTIFICATE).text
    cluster.put(sealed_secret(namespace, seal(certificate, f"{namespace}/key", b"clear")))
    secret = cluster.until(lambda: cluster.get("Secret", "key", namespace))
    assert base64.b64decode(secret["data"]["token"]) == b"clear"
    assert secret["metadata"]["ownerReferences"][0]["kind"] == "SealedSecret"


def test_what_is_sealed_for_another_name_stays_shut(
    cluster: Running, http: httpx.Client, namespace: str
) -> None:
    certificate = http.get(CERTIFICATE).text
    cluster.put(sealed_secret(namespace, seal(certificate, "elsewhere/key", b"clear")))
    found = cluster.until(
        lambda: cluster.get("SealedSecret", "key", namespace)["status"]["conditions"]
    )
    assert (found[0]["status"], found[0]["message"]) == (
        "False",
        "no key could decrypt secret (token)",
    )
    assert not cluster.list("Secret", namespace)
