"""Sealed secrets become secrets, where they were sealed with this cluster's certificate."""

from __future__ import annotations

from agents.sandbox import clock, kinds
from agents.sandbox.controllers.base import Controller
from agents.sandbox.objects import (
    Object,
    at,
    copy_of,
    is_deleting,
    meta,
    name_of,
    namespace_of,
    owner_reference,
    set_condition,
    spec_of,
    status_of,
)
from agents.sandbox.sealing import CannotOpen

_COMPONENT = "sealed-secrets"


class SealedSecrets(Controller):
    kind = kinds.SEALED_SECRET

    def look(self, obj: Object) -> None:
        generation = meta(obj).get("generation", 1)
        if is_deleting(obj) or status_of(obj).get("observedGeneration") == generation:
            return
        status: Object = copy_of(status_of(obj))
        status["observedGeneration"] = generation
        fields = {"type": "Synced", "status": "True"}
        try:
            self._put(obj, self.cluster.sealing.open(obj))
            text = "SealedSecret unsealed successfully"
            self.events.normal(obj, _COMPONENT, "Unsealed", text)
        except CannotOpen as error:
            fields = {"type": "Synced", "status": "False", "message": str(error)}
            text = f"Failed to unseal: {error}"
            self.events.warning(obj, _COMPONENT, "ErrUnsealFailed", text)
        set_condition(status, clock.stamp(), **fields)
        self.set_status(obj, status)

    def _put(self, obj: Object, data: Object) -> None:
        template = at(spec_of(obj), "template", default={})
        metadata = copy_of(template.get("metadata") or {})
        metadata |= {"name": name_of(obj), "namespace": namespace_of(obj)}
        metadata["ownerReferences"] = [owner_reference(obj)]
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": template.get("type", "Opaque"),
            "data": data,
        }
        if self.store.find(kinds.SECRET, namespace_of(obj), name_of(obj)) is None:
            self.cluster.registry.create(kinds.SECRET, secret)
        else:
            self.cluster.registry.update(kinds.SECRET, secret)
