"""Bearer JWTs of the OpenID provider (RFC 7519, RFC 9068): signed by whom, for whom, until when.

Only asymmetric signatures count, each with the algorithm that its key is for: neither `none` nor an
HMAC over a public key is ever tried. PyJWT does the cryptography; it is small, kept by one team for
ten years, and in our tree already because mcp needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import jwt

from aura.config import Settings
from governance.identity.jwks import key_sets

ALGORITHMS: Final = frozenset(
    {
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "EdDSA"),
    }
)
LEEWAY_S = 30.0  # so far clocks may be apart
TOKEN_CHARS = 16_384
NAME_CHARS = 120
PARTS = 3
REQUIRED = ["iss", "aud", "exp"]


class Refused(Exception):
    """The token does not count; the text says why, for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the provider says of somebody. `roles` are its words, ours or not."""

    name: str
    issuer: str
    roles: frozenset[str]
    expires_at: datetime


def looks_like_one(token: str) -> bool:
    """Whether it has the form of a signed JWT."""
    return token.count(".") == PARTS - 1


def verify(token: str, config: Settings) -> Claims:
    """The claims of a token that counts. Raises `Refused`, and `Unavailable` while no key is known.

    May ask the provider for its keys.
    """
    if len(token) > TOKEN_CHARS:
        raise Refused("it is too long")
    try:
        header = jwt.get_unverified_header(token)
        key = _key(header, config)
        said = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=config.oidc_audience,
            issuer=config.oidc_issuer,
            leeway=LEEWAY_S,
            options={"require": REQUIRED},
        )
        return Claims(
            name=_name(_claim(said, config.oidc_name_claim)),
            issuer=config.oidc_issuer,
            roles=frozenset(_words(_claim(said, config.oidc_roles_claim))),
            expires_at=datetime.fromtimestamp(int(said["exp"]) + LEEWAY_S, UTC),
        )
    except jwt.PyJWTError as error:
        raise Refused(f"{error}"[:200]) from None
    except (ValueError, OverflowError, OSError, RecursionError):
        raise Refused("it is malformed") from None


def _key(header: Mapping[str, Any], config: Settings) -> jwt.PyJWK:
    """The provider's key that the header names, for an algorithm that is allowed."""
    algorithm, name = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Refused(f"the algorithm {str(algorithm)[:20]!r} is not allowed")
    if header.get("crit"):
        raise Refused("it has critical headers that nobody here knows")
    key = key_sets(config.oidc_jwks_url).find(name, algorithm)
    if key is None:
        raise Refused(f"the provider has no key {str(name)[:60]!r} for {algorithm}")
    return key


def _claim(said: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, which may hold dots, or by a path through objects: `realm_access.roles`.

    None when it is not there.
    """
    if path in said:
        return said[path]
    value: Any = said
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _words(value: Any) -> Iterable[str]:
    """A list of texts, or one text of several words, as `scope` has them."""
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Refused("it does not name anybody")
    if len(value) > NAME_CHARS:
        raise Refused("the name in it is too long")
    return value.strip()
