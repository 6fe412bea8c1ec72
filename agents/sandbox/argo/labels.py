"""Kustomize's transformers of labels, annotations and images."""

from __future__ import annotations

import re
from typing import Any

from agents.sandbox.argo.documents import RenderError
from agents.sandbox.objects import Object, at, pod_template


def listed(config: Object, key: str) -> list[Any]:
    found = config.get(key) or []
    if not isinstance(found, list):
        raise RenderError(f"{key}: is not a list")
    return found


def label(objects: list[Object], config: Object) -> None:
    common = config.get("commonLabels") or {}
    for obj in objects:
        _add_labels(obj, common, selectors=True, templates=True)
        for entry in listed(config, "labels"):
            selectors = bool(entry.get("includeSelectors"))
            templates = selectors or bool(entry.get("includeTemplates"))
            pairs = entry.get("pairs") or {}
            _add_labels(obj, pairs, selectors=selectors, templates=templates)
        for key, value in (config.get("commonAnnotations") or {}).items():
            _annotations(obj)[key] = value
            for template in _templates(obj):
                _annotations(template)[key] = value


def _templates(obj: Object) -> list[Object]:
    """The pod template, and the job template around it."""
    found = [pod_template(obj)]
    if obj["kind"] == "CronJob":
        found.append(at(obj, "spec", "jobTemplate", default={}))
    return [each for each in found if each]


def _annotations(obj: Object) -> Object:
    found: Object = obj.setdefault("metadata", {}).setdefault("annotations", {})
    return found


def _add_labels(obj: Object, labels: Object, *, selectors: bool, templates: bool) -> None:
    if not labels:
        return
    obj.setdefault("metadata", {}).setdefault("labels", {}).update(labels)
    template = pod_template(obj)
    for each in _templates(obj) if templates else ():
        each.setdefault("metadata", {}).setdefault("labels", {}).update(labels)
    spec = obj.get("spec")
    if not selectors or not isinstance(spec, dict):
        return
    if obj["kind"] in ("Service", "ReplicationController"):
        if spec.get("selector"):
            spec["selector"].update(labels)
    elif template and obj["kind"] not in ("Job", "CronJob"):
        spec.setdefault("selector", {}).setdefault("matchLabels", {}).update(labels)


def set_image(obj: Object, image: Object) -> None:
    spec = obj.get("spec") if obj["kind"] == "Pod" else pod_template(obj).get("spec")
    if not isinstance(spec, dict):
        return
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        found = re.fullmatch(
            r"(.+?)(:[\w][\w.-]*)?(@sha256:[0-9a-f]+)?", container.get("image", "")
        )
        if found is None or found[1] != image.get("name"):
            continue
        name = str(image.get("newName") or found[1])
        if image.get("digest"):
            container["image"] = f"{name}@{image['digest']}"
        elif image.get("newTag") is not None:
            container["image"] = f"{name}:{image['newTag']}"
        else:
            container["image"] = f"{name}{found[2] or ''}{found[3] or ''}"
