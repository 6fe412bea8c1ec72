"""What the tools need of whoever keeps the values that people enter."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

DECLINE: Final = "decline"  # the one answer to a question for values that is none


@dataclass(frozen=True, slots=True)
class SecretName:
    """A Secret of the cluster."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Vault(Protocol):
    """Values for one ticket, from when a person enters them until they are sealed."""

    def values(self, secret: SecretName) -> Mapping[str, str]:
        """What was entered for it and is still there, by key."""

    def forget(self, secret: SecretName, keys: Collection[str], *, call_id: str) -> None:
        """These were sealed by this call: their values are erased."""

    def sealed_by(self, call_id: str) -> frozenset[str]:
        """The keys whose values this very call has sealed."""

    def where(self, secret: SecretName) -> str:
        """Where a person enters them, in words."""
