"""configMapGenerator and secretGenerator, with the hash that Kustomize puts behind their names."""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
from typing import Any

import yaml

from agents.sandbox.argo import names
from agents.sandbox.argo.documents import RenderError
from agents.sandbox.argo.repository import Files
from agents.sandbox.objects import Object

_LETTERS = str.maketrans({"0": "g", "1": "h", "3": "k", "a": "m", "e": "t"})
_HASH_LENGTH = 10


def made(config: Object, files: Files, base: str) -> list[Object]:
    """The ConfigMaps and Secrets that a kustomization generates."""
    found = []
    options = config.get("generatorOptions") or {}
    for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        found += [_generated(kind, entry, options, files, base) for entry in config.get(key) or ()]
    return found


def _generated(kind: str, entry: Object, options: Object, files: Files, base: str) -> Object:
    data = _data(entry, files, base)
    metadata: Object = {"name": str(entry["name"])}
    if entry.get("namespace"):
        metadata["namespace"] = entry["namespace"]
    own = entry.get("options") or {}
    for key in ("labels", "annotations"):
        values = {**(options.get(key) or {}), **(own.get(key) or {})}
        if values:
            metadata[key] = values
    if kind == "Secret":
        data = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    obj: Object = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data}
    if kind == "Secret":
        obj["type"] = entry.get("type", "Opaque")
    plain = own.get("disableNameSuffixHash", options.get("disableNameSuffixHash"))
    if not plain:
        names.mark_hashed(obj, digest(obj))
    return obj


def digest(obj: Object) -> str:
    """Kustomize's ten letters for the content of a ConfigMap or Secret."""
    body = {"kind": obj["kind"], "name": "", "data": obj.get("data") or ""}
    if obj["kind"] == "Secret":
        body["type"] = obj["type"]
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for sign, escape in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):
        text = text.replace(sign, escape)  # as Go writes JSON
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH].translate(_LETTERS)


def _data(entry: Object, files: Files, base: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in entry.get("literals") or ():
        key, _, value = str(text).partition("=")
        found[key] = value.strip("'\"") if value[:1] in "'\"" else value
    for text in entry.get("files") or ():
        key, mark, path = str(text).rpartition("=")
        found[key if mark else posixpath.basename(path)] = _text(files, base, path)
    envs = [*(entry.get("envs") or ()), *([entry["env"]] if entry.get("env") else [])]
    for path in envs:
        for line in _text(files, base, path).splitlines():
            if line.strip() and not line.startswith("#"):
                key, _, value = line.partition("=")
                found[key.strip()] = value
    return found


def _text(files: Files, base: str, path: str) -> str:
    name = posixpath.normpath(posixpath.join(base, path))
    if name not in files:
        raise RenderError(f"loading KV pairs: file sources: [{path}]: no such file or directory")
    return files[name].decode(errors="replace")


def loaded(content: bytes, name: str) -> Any:
    """The first document of a patch."""
    try:
        return next(iter(yaml.load_all(content, Loader=yaml.CSafeLoader)), None)
    except yaml.YAMLError as error:
        raise RenderError(f"{name}: {' '.join(str(error).split())}") from None
