"""An OpenID provider on loopback: a JWKS endpoint, and tokens signed with its keys."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://login.example/realms/ops", "aura"
KINDS: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}


@cache
def key_of(kind: str = "RSA", number: int = 0) -> Any:
    """The same key for the same number: to make one takes long."""
    if kind == "EC":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "OKP":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(key: Any, kid: str, kind: str = "RSA", **more: Any) -> dict[str, Any]:
    """The key as a JWKS shows it."""
    return {**KINDS[kind].to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"} | more


class Provider:
    """`keys` are what it shows, `asked` how often; `status` other than 200 is an outage."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/jwks"
        self.key = key_of()
        self.keys: list[dict[str, Any]] = [public(self.key, "k1")]
        self.asked = 0
        self.status = 200

    def token(self, *, key: Any = None, alg: str = "RS256", kid: str = "k1", **claims: Any) -> str:
        """A good token, but for what is said otherwise; a claim that is None is left out."""
        now = int(time.time())
        usual = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "ada",
            "iat": now,
            "exp": now + 300,
            "roles": ["approver"],
        }
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(said, key or self.key, algorithm=alg, headers={"kid": kid} if kid else {})


@contextmanager
def running() -> Iterator[Provider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked += 1
            body = json.dumps({"keys": provider.keys}).encode()
            self.send_response(provider.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = Provider(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield provider
        server.shutdown()
