"""SealedSecret manifests. One that is changed keeps its comments, its order and its other keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from typing import Any, Final

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agents.gitops import strictyaml
from agents.gitops.sealed.sealing import Scope
from agents.gitops.sealed.vault import SecretName
from agents.runtime.tool import ToolFailure

API_VERSION, KIND = "bitnami.com/v1alpha1", "SealedSecret"
WIDE: Final = {
    Scope.NAMESPACE_WIDE: "sealedsecrets.bitnami.com/namespace-wide",
    Scope.CLUSTER_WIDE: "sealedsecrets.bitnami.com/cluster-wide",
}
_DOCUMENT: Final = re.compile(r"(?m)^(?=---(?:[ \t\r]|$))")
_WIDTH: Final = 1_000_000  # ciphertexts stay on one line


def made(secret: SecretName, sealed: Mapping[str, str], *, scope: Scope, kind: str) -> str:
    """A new manifest; `kind` is the type of the Secret that comes of it."""
    metadata: dict[str, Any] = {"name": secret.name, "namespace": secret.namespace}
    if scope in WIDE:
        metadata["annotations"] = {WIDE[scope]: "true"}
    value = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": {
            "encryptedData": dict(sealed),
            "template": {"metadata": dict(metadata), "type": kind},
        },
    }
    # No anchors: both metadata are written out.
    return _Plain.text(value)


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    @classmethod
    def text(cls, value: Any) -> str:
        return yaml.dump(value, Dumper=cls, sort_keys=False, width=_WIDTH)


def scope_of(text: str, secret: SecretName) -> Scope:
    """The scope that the manifest's values are bound to. Raises `ToolFailure`."""
    value = _found(_documents(text), secret)[1]
    said: dict[str, Any] = {}
    for path in (("metadata",), ("spec", "template", "metadata")):
        part: Any = value
        for key in path:
            part = part.get(key) if isinstance(part, Mapping) else None
        said |= (part or {}).get("annotations") or {}
    if str(said.get(WIDE[Scope.CLUSTER_WIDE])).lower() == "true":
        return Scope.CLUSTER_WIDE
    if str(said.get(WIDE[Scope.NAMESPACE_WIDE])).lower() == "true":
        return Scope.NAMESPACE_WIDE
    return Scope.STRICT


def keys_of(text: str, secret: SecretName) -> list[str]:
    """The keys that the manifest holds values of. Raises `ToolFailure`."""
    value = _found(_documents(text), secret)[1]
    return [str(key) for key in (value.get("spec") or {}).get("encryptedData") or {}]


def updated(text: str, secret: SecretName, sealed: Mapping[str, str]) -> str:
    """`text` with these values replaced or added. Raises `ToolFailure` where there is none such."""
    documents = _documents(text)
    at, value = _found(documents, secret)
    spec = value.setdefault("spec", {})
    if not spec.get("encryptedData"):
        spec["encryptedData"] = {}
    spec["encryptedData"].update(sealed)
    begins = documents[at].startswith("---")
    written = StringIO()
    _editor(explicit_start=begins).dump(value, written)
    documents[at] = written.getvalue()
    return "".join(documents)


def _documents(text: str) -> list[str]:
    """The documents of a file as they are written. Raises `ToolFailure` for what is not YAML."""
    try:
        strictyaml.load_all(text)  # no alias bombs, no endless nesting
    except strictyaml.Refused as refused:
        raise ToolFailure(f"the file cannot be changed: {refused.message}") from None
    return _DOCUMENT.split(text)


def _found(documents: list[str], secret: SecretName) -> tuple[int, Any]:
    """The place and the value of the SealedSecret. Raises `ToolFailure`."""
    for at, document in enumerate(documents):
        try:
            value = _editor().load(document)
        except YAMLError:
            raise ToolFailure("the file cannot be changed: it is not YAML") from None
        if not isinstance(value, dict) or value.get("kind") != KIND:
            continue
        metadata = value.get("metadata") or {}
        if metadata.get("name") == secret.name and metadata.get("namespace") == secret.namespace:
            return at, value
    raise ToolFailure(
        f"the file has no {KIND} {secret}; sealed_secret_create makes one in a new file"
    )


def _editor(*, explicit_start: bool = False) -> YAML:
    editor = YAML(typ="rt")
    editor.preserve_quotes = True
    editor.width = _WIDTH
    editor.explicit_start = explicit_start
    return editor
