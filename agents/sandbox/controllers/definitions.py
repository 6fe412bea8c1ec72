"""CustomResourceDefinitions: kinds that the cluster learns while it runs."""

from __future__ import annotations

from agents.sandbox import clock, kinds
from agents.sandbox.controllers.base import Controller
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object, copy_of, set_condition, spec_of, status_of
from agents.sandbox.store import Key


class Definitions(Controller):
    kind = kinds.CRD

    def reconcile(self, key: Key) -> None:
        super().reconcile(key)
        if self.store.find(kinds.CRD, *key) is None:
            for kind in list(self.cluster.kinds):
                if kind.custom and f"{kind.plural}.{kind.group}" == key[1]:
                    self.cluster.kinds.remove(kind)

    def look(self, obj: Object) -> None:
        spec = spec_of(obj)
        for version in spec.get("versions") or ():
            known = self.cluster.kinds.at(spec["group"], version["name"], spec["names"]["plural"])
            if known is None:
                self.cluster.kinds.add(_kind(spec, version))
        status = copy_of(status_of(obj))
        status["acceptedNames"] = spec["names"]
        status["storedVersions"] = [v["name"] for v in spec["versions"] if v.get("storage")]
        now = clock.stamp()
        for name, reason, words in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ):
            set_condition(status, now, type=name, status="True", reason=reason, message=words)
        self.set_status(obj, status)


def _kind(spec: Object, version: Object) -> Kind:
    names = spec["names"]
    sub = version.get("subresources") or {}
    return Kind(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        namespaced=spec.get("scope") == "Namespaced",
        short=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(each for each in ("status", "scale") if each in sub),
        custom=True,
    )
