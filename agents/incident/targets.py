"""What a bundle is about: the layers it has, and the targets of those that need one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.incident.layers import Item, Layer, of_host, of_tools
from agents.runtime.tool import CallContext

NEEDS = {
    Layer.DATABASE: "no connection_string was given",
    Layer.KUBERNETES: "no k8s_context was given",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Where to look; an empty text is no target. `wanted`: layers that were named, all if none."""

    connection_string: str = ""
    k8s_context: str = ""
    k8s_namespace: str = ""
    wanted: Sequence[Layer] = ()

    def layers(self) -> list[Layer]:
        """The layers of the bundle, in its order: each whose target is known."""
        chosen = self.wanted or tuple(Layer)
        return [layer for layer in Layer if layer in chosen and self._has(layer)]

    def missing(self) -> list[str]:
        """Lines for the layers that were named and have no target."""
        return [
            f"{layer}: {NEEDS[layer]}"
            for layer in Layer
            if layer in self.wanted and not self._has(layer)
        ]

    def items(self, context: CallContext) -> list[Item]:
        """The files to take. Asks the policy about each that a tool tells."""
        return [item for layer in self.layers() for item in self._of(layer, context)]

    def _has(self, layer: Layer) -> bool:
        match layer:
            case Layer.DATABASE:
                return bool(self.connection_string)
            case Layer.KUBERNETES:
                return bool(self.k8s_context)
            case _:
                return True

    def _of(self, layer: Layer, context: CallContext) -> list[Item]:
        target: dict[str, Any]
        match layer:
            case Layer.DATABASE:
                from agents.database.tools import database_tools  # noqa: PLC0415 - where it is used

                target = {"connection_string": self.connection_string}
                return list(of_tools(layer, database_tools(), target, context))
            case Layer.KUBERNETES:
                from agents.kubernetes.tools import (  # noqa: PLC0415 - likewise
                    kubernetes_tools,
                )

                target = {"context": self.k8s_context, "namespace": self.k8s_namespace}
                return list(of_tools(layer, kubernetes_tools(), target, context))
            case _:
                return list(of_host(layer))
