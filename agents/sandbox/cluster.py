"""One simulated cluster: its objects, its controllers and what its containers wrote."""

from __future__ import annotations

import secrets

from agents.sandbox import clock
from agents.sandbox.engine import Engine
from agents.sandbox.events import Recorder
from agents.sandbox.kinds import Kinds
from agents.sandbox.logs import Logs
from agents.sandbox.objects import Object
from agents.sandbox.options import Options, User
from agents.sandbox.registry import Registry
from agents.sandbox.sealing import Sealing
from agents.sandbox.store import Store

_TOKEN_S = 3600


class Cluster:
    """Not thread-safe: whoever uses it does so on the thread its server runs on."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.kinds = Kinds()
        self.store = Store()
        self.registry = Registry(self.store)
        self.engine = Engine(self.store)
        self.events = Recorder(self.store)
        self.logs = Logs()
        self.sealing = Sealing()

    def issue_token(self, namespace: str, account: str) -> Object:
        """A new token of a service account, as a TokenRequest's status shows it."""
        token = secrets.token_urlsafe(32)
        self.options.tokens[token] = User(
            name=f"system:serviceaccount:{namespace}:{account}",
            groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}"),
        )
        return {"token": token, "expirationTimestamp": clock.stamp(clock.now() + _TOKEN_S)}
