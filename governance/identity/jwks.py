"""The public keys of the OpenID provider (RFC 7517): fetched, remembered, fetched again.

An unknown key id means that the provider has rotated its keys, so it is asked again, but not more
often than every `AGAIN_S`: strangers can make up key ids. While the provider is away, what it said
last still counts for `STALE_S`.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence

import jwt

from aura.kernel import outbound
from aura.kernel.errors import Unavailable
from aura.kernel.once import Once

FRESH_S = 600.0
AGAIN_S = 30.0
STALE_S = 24 * 3600.0
OK = 200

logger = logging.getLogger(__name__)


class KeySet:
    """The keys behind one URL. Thread-safe; one thread asks, the others wait for it."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Sequence[jwt.PyJWK] = ()
        self._fetched = self._asked = float("-inf")

    def find(self, name: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The key with this id that is for this algorithm; without an id, the only one that is.

        None: the provider has none. Raises `Unavailable` while nothing is known of its keys.
        """
        with self._lock:
            now = self._clock()
            if now - self._fetched > FRESH_S:
                self._ask(now)
            found = self._among(name, algorithm)
            if found is None and now - self._asked > AGAIN_S:
                self._ask(now)
                found = self._among(name, algorithm)
            if now - self._fetched > STALE_S:
                raise Unavailable("The keys of the login provider cannot be had at the moment")
            return found

    def _among(self, name: str | None, algorithm: str) -> jwt.PyJWK | None:
        fitting = [key for key in self._keys if _fits(key, algorithm)]
        if name is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.key_id == name), None)

    def _ask(self, now: float) -> None:
        if now - self._asked < AGAIN_S:
            return
        self._asked = now
        try:
            self._keys = _fetched(self._url)
        except (outbound.Failed, outbound.NotAllowed, ValueError, RecursionError) as error:
            logger.warning("the keys of the login provider could not be read: %s", error)
        else:
            self._fetched = now


def _fits(key: jwt.PyJWK, algorithm: str) -> bool:
    return key.algorithm_name == algorithm


def _fetched(url: str) -> list[jwt.PyJWK]:
    """The keys as the provider names them now. Raises `Failed`, `NotAllowed`, ValueError."""
    answer = outbound.get_configured(url)
    if answer.status != OK:
        raise outbound.Failed(f"it answered {answer.status}")
    return _public(json.loads(answer.body))


def _public(said: object) -> list[jwt.PyJWK]:
    """Usable public keys. An RSA key that names no algorithm is good for each it can do."""
    listed = said.get("keys") if isinstance(said, dict) else None
    entries = [entry for entry in listed or () if isinstance(entry, dict)]
    keys = []
    for entry in entries:
        if entry.get("kty") == "oct" or entry.get("use", "sig") != "sig":
            continue
        for algorithm in _algorithms(entry):
            try:
                keys.append(jwt.PyJWK(entry, algorithm))
            except (jwt.PyJWTError, NotImplementedError) as error:
                logger.warning("a key of the login provider is not usable: %s", type(error))
    if not keys:
        raise ValueError("there is no key for signatures in it")
    return keys


def _algorithms(entry: dict[str, object]) -> Sequence[str | None]:
    if "alg" in entry:
        return [str(entry["alg"])]
    if entry.get("kty") == "RSA":
        return ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
    return [None]  # the curve says it


key_sets = Once(KeySet)
