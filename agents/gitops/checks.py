"""Everything that is looked at before files are committed, pushed or merged. Pure functions.

A check reads text and says what it found; whether findings block is decided by the caller, which is
`Worktree`: errors do.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from agents.gitops import kustomize, manifests, rules, schemas, strictyaml
from agents.gitops.issues import Issue
from agents.gitops.manifests import Manifest
from agents.gitops.policy import Policy
from agents.gitops.strictyaml import Document
from agents.manifests import charts
from aura.kernel import secrets

__all__ = ["VALIDATORS", "Issue", "check_files", "errors", "scan_secrets"]

_YAML = (".yaml", ".yml")
# Written in JSON with comments by the programs that own them.
_COMMENTED_JSON = ("tsconfig", "jsconfig", "devcontainer")
_DATA_KEYS = ("data", "binaryData")
VALIDATORS: Final = (*("yaml", "json", "kubernetes", "schemas", "kustomize", "secrets", "policy"),)


def errors(issues: Sequence[Issue]) -> list[Issue]:
    """The issues that block."""
    return [issue for issue in issues if issue.severity == "error"]


def check_files(
    files: Mapping[str, str],
    *,
    exists: Callable[[str], bool] | None = None,
    read: Callable[[str], str | None] | None = None,
    removed: Collection[str] = (),
    policy: Policy | None = None,
) -> list[Issue]:
    """All issues of `files` (path from the root -> text), sorted by file and line.

    `exists` and `read` tell of the other files of the repository; without them nothing else exists.
    `removed` are paths that the same change deletes, `policy` the operator's own rules.
    """
    house = policy or Policy()
    tree = _Tree(files=files, other=exists or (lambda path: False), reader=read, policy=house)
    issues = [issue for path in sorted(files) for issue in _check_file(path, files[path], tree)]
    issues += rules.check_together(tree.manifests)
    issues += _broken_references(tree, removed)
    return sorted(house.judged(issues), key=lambda issue: (issue.file, issue.line or 0, issue.rule))


def scan_secrets(path: str, text: str) -> list[Issue]:
    """One error for each credential in `text`; messages never hold the value."""
    return [
        Issue(
            severity="error",
            message=f"holds a credential ({match.kind}); refer to a Secret instead",
            file=path,
            line=match.line,
            rule=f"secrets.{match.kind}",
        )
        for match in secrets.find(text)
    ]


# --- one file -------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Tree:
    """The changed files, what is known of the rest, and the objects found so far."""

    files: Mapping[str, str]
    other: Callable[[str], bool]
    reader: Callable[[str], str | None] | None
    policy: Policy
    manifests: list[Manifest] = field(default_factory=list)

    def exists(self, path: str) -> bool:
        return path in self.files or self.other(path)

    def read(self, path: str) -> str | None:
        if path in self.files:
            return self.files[path]
        return self.reader(path) if self.reader else None

    def documents(self, path: str) -> list[Document]:
        """The YAML of a file that is only looked up: nothing when it cannot be read."""
        try:
            return strictyaml.load_all(self.read(path) or "")
        except strictyaml.Refused:
            return []


def _check_file(path: str, text: str, tree: _Tree) -> Iterator[Issue]:
    yield from scan_secrets(path, text)
    if charts.is_template(path, tree.exists):
        return  # no YAML before it is rendered
    if kustomize.is_kustomization(path):
        documents, problem = _parsed_yaml(path, text)
        yield from problem
        yield from kustomize.check(path, documents, tree.exists, tree.policy)
    elif path.endswith(_YAML):
        documents, problem = _parsed_yaml(path, text)
        yield from problem
        yield from _check_objects(path, documents, tree)
        if charts.is_values(path):
            yield from _check_values(path, documents)
    elif path.endswith(".json") and not _has_comments(path):
        documents, problem = _parsed_json(path, text)
        yield from problem
        yield from _check_objects(path, documents, tree)


def _check_values(path: str, documents: Sequence[Document]) -> Iterator[Issue]:
    """Images of a chart's values. No tag at all is fine: charts then take their own version."""
    for document in documents:
        for at in charts.components(document.value):
            image = charts.dig(document.value, (*at, charts.IMAGE))
            tag = image.get("tag") if isinstance(image, dict) else str(image).rpartition(":")[2]
            if tag == "latest":
                where = (*at, charts.IMAGE)
                name = ".".join(map(str, where))
                yield Issue(
                    severity="warning",
                    message=f"{name}: latest is not pinned; name a version",
                    file=path,
                    line=document.lines.get((*where, "tag"), document.lines.get(where)),
                    rule="kubernetes.image",
                )


def _parsed_yaml(path: str, text: str) -> tuple[list[Document], list[Issue]]:
    try:
        return strictyaml.load_all(text), []
    except strictyaml.Refused as refused:
        return [], [_error(path, refused.message, refused.line, f"yaml.{refused.rule}")]


def _parsed_json(path: str, text: str) -> tuple[list[Document], list[Issue]]:
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        return [], [_error(path, f"not JSON: {error.msg}", error.lineno, "json.parse")]
    except _DuplicateKey as error:
        message = f"the key {error.args[0]!r} is there twice; the second would win"
        return [], [_error(path, message, None, "json.duplicate-key")]
    except (RecursionError, ValueError):
        return [], [_error(path, "nested too deeply, or a number too long", None, "json.limits")]
    return [Document(value, {})], []


class _DuplicateKey(Exception):
    """A JSON object names a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _DuplicateKey(key)
        result[key] = value
    return result


def _has_comments(path: str) -> bool:
    return path.rpartition("/")[2].startswith(_COMMENTED_JSON) or "/.vscode/" in f"/{path}"


def _error(path: str, message: str, line: int | None, rule: str) -> Issue:
    return Issue(severity="error", message=message, file=path, line=line, rule=rule)


# --- objects --------------------------------------------------------------------------------------


def _check_objects(path: str, documents: Sequence[Document], tree: _Tree) -> Iterator[Issue]:
    governing = kustomize.nearest(path, tree.exists)
    found = list(manifests.manifests(path, documents, managed=governing is not None))
    for manifest in found:
        yield from _secret(manifest)
        yield from _encoded_secrets(manifest)
    named = kustomize.named(governing, tree.documents(governing)) if governing else {}
    if kustomize.is_patch(named.get(path)):
        return  # a part of an object, judged where it is put together
    tree.manifests += found
    issues = [issue for manifest in found for issue in _whole(manifest, tree.policy)]
    if found and governing and path not in named and _beside(path, governing):
        yield _unnamed(path, governing)
        issues = [replace(issue, severity="warning") for issue in issues]  # may be a patch as well
    yield from issues


def _whole(manifest: Manifest, policy: Policy) -> list[Issue]:
    issues = [*rules.check_manifest(manifest), *policy.check(manifest)]
    if errors(issues):
        return issues  # the schema would say the same in other words
    return [*issues, *schemas.check(manifest)]


def _beside(path: str, other: str) -> bool:
    return path.rpartition("/")[0] == other.rpartition("/")[0]


def _unnamed(path: str, governing: str) -> Issue:
    message = f"is not named in {governing}, so nothing applies it"
    return Issue(severity="warning", message=message, file=path, rule="kustomize.unnamed")


def _secret(manifest: Manifest) -> Iterator[Issue]:
    """A Secret in clear. Placeholders that a plugin fills in, and SOPS, are not clear text."""
    if manifest.builtin != "Secret":
        return
    for key in ("data", "stringData"):
        given = manifest.get(key)
        values = given.values() if isinstance(given, dict) else [given] if given else []
        clear = [value for value in values if value and not _is_placeholder(value)]
        if clear:
            yield manifest.issue(
                "error", "secret", f"{key} of a Secret is readable by all; use a SealedSecret", key
            )


def _is_placeholder(value: Any) -> bool:
    return isinstance(value, str) and secrets.is_reference(value)


def _encoded_secrets(manifest: Manifest) -> Iterator[Issue]:
    """Credentials behind base64, where Kubernetes keeps bytes."""
    for key in _DATA_KEYS:
        for name, value in manifest.mapping(key).items():
            text = _decoded(value)
            named = f"{name}: {text}" if manifest.builtin == "Secret" and text else text
            for match in secrets.find(named)[:1]:
                yield Issue(
                    severity="error",
                    message=f"{key}.{name} holds a credential ({match.kind}) in base64",
                    file=manifest.file,
                    line=manifest.line(key, name),
                    rule=f"secrets.{match.kind}",
                )


def _decoded(value: Any) -> str:
    """The text behind base64, or nothing."""
    if not isinstance(value, str):
        return ""
    try:
        return b64decode("".join(value.split()), validate=True).decode()
    except ValueError:
        return ""


def _broken_references(tree: _Tree, removed: Collection[str]) -> Iterator[Issue]:
    """Kustomizations that the change leaves alone but whose files it takes away."""
    governing = {kustomize.nearest(path, tree.exists) for path in removed}
    for path in sorted(path for path in governing if path and path not in tree.files):
        yield from kustomize.broken_by(path, tree.documents(path), removed)
