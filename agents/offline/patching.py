"""Values of one container, and overrides of them for one environment alone.

An override is a strategic-merge patch in a file beside the environment's kustomization.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.manifests import yamlstyle, yamltext
from agents.offline import kustomize, workloads
from agents.offline.book import Book
from agents.offline.kustomize import Variant
from agents.offline.layout import folder, join
from agents.offline.targets import Target, own_kustomization
from agents.offline.workloads import POD, Object, Spot, dig, items


@dataclass(frozen=True, slots=True)
class Container:
    """One container of the workload that is being changed."""

    book: Book
    target: Target
    index: int

    @property
    def item(self) -> Object:
        """The workload."""
        return self.target.workload

    @property
    def name(self) -> str:
        """The name of the container."""
        return str(dig(self.item.data, *POD, "containers", self.index, "name"))

    def base(self, *at: str | int) -> Spot:
        """A value of the container in the manifest itself, patches aside."""
        way = (*POD, "containers", self.index, *at)
        return Spot(self.item.path, self.item.index, way, dig(self.item.data, *way))

    def spot(self, variant: Variant, *at: str | int) -> Spot:
        """A value where it is governed for a variant: the outermost patch, else the manifest."""
        for path in variant.chain:
            found = workloads.patch_of(self.book.fresh(), path, self.item)
            listed = items(found.data, *POD, "containers") if found else []
            for place, entry in enumerate(listed):
                if found and dig(entry, "name") == self.name and dig(entry, *at) is not None:
                    way = (*POD, "containers", place, *at)
                    return Spot(found.path, found.index, way, dig(entry, *at))
        return self.base(*at)

    def override(self, variant: Variant, at: yamltext.Path, value: Any, note: str) -> None:
        """Set a value for one variant. A mapping is added to the list at `at` instead."""
        own = own_kustomization(self.target, variant)
        found = workloads.patch_of(self.book.fresh(), own, self.item) or self._new_patch(own, note)
        names = [dig(c, "name") for c in items(found.data, *POD, "containers")]
        if self.name not in names:
            listed = Spot(found.path, found.index, (*POD, "containers"), None)
            self.book.append(listed, {"name": self.name}, note)
            names.append(self.name)
        way = (*POD, "containers", names.index(self.name), *at)
        change = self.book.append if isinstance(value, dict) else self.book.assign
        change(Spot(found.path, found.index, way, None), value, f"{note} for {variant.label} alone")

    def _new_patch(self, own: str, note: str) -> kustomize.Patch:
        """An empty patch file beside a kustomization, and its line in it."""
        path = join(folder(own), f"{self.item.name}-patch.yaml")
        if path in self.book.repository.paths or path in self.book.files:
            raise workloads.Opaque(f"{path} exists and is used for something else")
        data = {
            "apiVersion": self.item.data.get("apiVersion"),
            "kind": self.item.kind,
            "metadata": {"name": self.item.name},
            "spec": {"template": {"spec": {"containers": [{"name": self.name}]}}},
        }
        lists = yamlstyle.offset(self.book.text(own))
        self.book.write(path, yamlstyle.dump([data], lists=lists), note)
        name = path.rpartition("/")[2]
        legacy = "patchesStrategicMerge" in kustomize.head(self.book.repository, own)
        key, line = ("patchesStrategicMerge", name) if legacy else ("patches", {"path": name})
        self.book.append(Spot(own, 0, (key,), None), line, f"use the patch {name}")
        return kustomize.Patch(path, 0, data)
