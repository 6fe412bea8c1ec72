"""How a repository lays its applications out, told from its paths and its kustomizations.

Five ways are known: overlays (`apps/web/base` + `apps/web/overlays/<env>`), Kustomize folders
(`apps/web/kustomization.yaml`), plain folders (`apps/web/deployment.yaml`), flat files
(`manifests/web.yaml`), and Helm charts (`apps/web/Chart.yaml`). New applications follow the one
that the repository uses, charts aside.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from agents.manifests import charts, yamltext
from agents.offline import values
from agents.offline.vocabulary import words

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
GUIDE = "AGENTS.md"
MAX_GUIDE = 50_000

_PATH = re.compile(r"[A-Za-z0-9_@+][A-Za-z0-9._@+-]*(?:/[A-Za-z0-9._@+-]+)*|\.[A-Za-z0-9._@+/-]+")
_ROLES = words(
    "deployment deploy service svc ingress ing configmap cm config kustomization namespace ns hpa"
    " pdb serviceaccount sa rbac role rolebinding networkpolicy netpol pvc secret sealedsecret"
    " sealed-secret statefulset daemonset job cronjob app all manifest manifests externalsecret"
    " servicemonitor patch"
)
_ROLE = re.compile(rf"(?P<app>.*?)-?(?P<role>{'|'.join(sorted(_ROLES, key=len, reverse=True))})")
_ROOTS = words(
    "apps applications manifests k8s kubernetes deploy deployments services workloads gitops"
)
# Folders that hold other things than applications: bootstrap, charts, templates.
_FOREIGN = words(
    "clusters cluster argocd argo-cd argo flux-system bootstrap docs scripts test tests hack ci"
    " components crds terraform ansible"
)
_TEMPLATES = frozenset({"charts", "templates"})


class Kind(StrEnum):
    """How one application is laid out."""

    OVERLAYS = "overlays"
    KUSTOMIZE = "kustomize"
    FOLDER = "folder"
    FLAT = "flat"
    HELM = "helm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Where an application lives. `home` is its folder; for flat files the folder they share.

    `base` is the folder of its manifests, `overlays` maps an environment to its folder.
    """

    name: str
    kind: Kind
    home: str
    files: tuple[str, ...]
    base: str
    overlays: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What AGENTS.md says: `place` with `{name}` in it, and the namespace to use unless told."""

    place: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository as far as it was read: `texts` maps paths to contents."""

    paths: tuple[str, ...]
    texts: Mapping[str, str]
    applications: Mapping[str, Application]
    guide: Guide

    @property
    def kustomizations(self) -> dict[str, str]:
        """Folder -> path of its kustomization."""
        return {folder(path): path for path in self.paths if is_kustomization(path)}

    @property
    def environments(self) -> tuple[str, ...]:
        """Every overlay that any application has."""
        names = (env for app in self.applications.values() for env in app.overlays)
        return tuple(dict.fromkeys(names))

    def documents(self, path: str) -> list[Any]:
        """The YAML documents of a file; none when it was not read or is no YAML."""
        try:
            return yamltext.documents(self.texts[path]) if path in self.texts else []
        except yamltext.Unreadable:
            return []


def survey(paths: Iterable[str], texts: Mapping[str, str]) -> Repository:
    """What the paths and the guide tell. `texts` may lack any file."""
    kept = tuple(path for path in dict.fromkeys(paths) if is_safe(path))
    guide = read_guide(texts.get(GUIDE, ""))
    applications = {app.name: app for app in reversed(_applications(kept))}
    return Repository(paths=kept, texts=texts, applications=applications, guide=guide)


def is_safe(path: str) -> bool:
    """A relative path of plain characters that stays inside the repository."""
    parts = path.split("/")
    return _PATH.fullmatch(path) is not None and not {"..", ".", "", ".git"} & set(parts)


def is_kustomization(path: str) -> bool:
    return posixpath.basename(path) in KUSTOMIZATIONS


def folder(path: str) -> str:
    return posixpath.dirname(path)


def join(*parts: str) -> str:
    return posixpath.join(*parts)


def models(repository: Repository, name: str | None) -> list[Application]:
    """Up to three applications to learn the house style from: those of the most common kind."""
    every = repository.applications.values()
    others = [app for app in every if app.name != name and app.kind is not Kind.HELM]
    if not others:
        return []
    kind, root = Counter((app.kind, root_of(app)) for app in others).most_common(1)[0][0]
    same = [app for app in others if (app.kind, root_of(app)) == (kind, root)]
    return sorted(same, key=lambda app: app.name)[:3]


def root_of(app: Application) -> str:
    """The folder that holds the applications."""
    return app.home if app.kind is Kind.FLAT else folder(app.home)


_PLACE = re.compile(
    r"\b(?:applications?|apps?|services?|workloads?)\b[^.\n`]{0,60}?"
    r"\b(?:lives?|goes?|go|belongs?|stored|kept|found|are|is)\b[^.\n`]{0,40}`(?P<v>[^`\n]+)`",
    re.IGNORECASE,
)
_DEFAULT_NAMESPACE = re.compile(
    r"\bdefault namespace\b[^.\n`]{0,30}`(?P<v>[^`\n]+)`", re.IGNORECASE
)
_PLACEHOLDER = re.compile(r"<[a-z -]+>|\{[a-z_]+\}|\*|\$\{?[a-z_]+\}?", re.IGNORECASE)


def read_guide(text: str) -> Guide:
    """What AGENTS.md states in words such as "live in `apps/<name>/`", and nothing else of it."""
    place = namespace = ""
    for match in _PLACE.finditer(text[:MAX_GUIDE]):
        template, count = _PLACEHOLDER.subn("{name}", match["v"].strip().removeprefix("./"))
        if count and is_safe(template.rstrip("/").replace("{name}", "x")):
            place = template.rstrip("/")
            break
    stated = _DEFAULT_NAMESPACE.search(text[:MAX_GUIDE])
    if stated:
        template = _PLACEHOLDER.sub("{name}", stated["v"].strip())
        namespace = template if values.is_namespace(template.replace("{name}", "x")) else ""
    return Guide(place=place, namespace=namespace)


def is_yaml(path: str) -> bool:
    return path.endswith((".yaml", ".yml")) or is_kustomization(path)


def _applications(paths: tuple[str, ...]) -> list[Application]:
    homes = charts.homes(paths)
    usable = [p for p in paths if is_yaml(p) and not _is_foreign(p, homes)]
    found = _with_overlays(usable, paths)
    taken = tuple(f"{app.home}/" for app in found)
    rest = [p for p in usable if not p.startswith(taken)] if taken else usable
    by_folder: dict[str, list[str]] = {}
    for path in rest:
        by_folder.setdefault(folder(path), []).append(path)
    for place, files in sorted(by_folder.items()):
        found += _in_folder(place, files, paths)
    return [*found, *(_chart(home, paths) for home in homes if _named_well(home))]


def _named_well(home: str) -> bool:
    hidden = any(part.startswith(".") for part in home.split("/"))
    return values.is_name(posixpath.basename(home)) and not hidden


def _chart(home: str, paths: tuple[str, ...]) -> Application:
    files = tuple(p for p in paths if p.startswith(f"{home}/") and charts.is_values(p))
    name = posixpath.basename(home)
    return Application(name=name, kind=Kind.HELM, home=home, files=files, base=home)


def _is_foreign(path: str, homes: list[str]) -> bool:
    parts = folder(path).split("/")
    hidden = any(part.startswith(".") for part in path.split("/"))
    in_chart = any(path == chart or path.startswith(f"{chart}/") for chart in homes)
    return hidden or in_chart or parts[0] in _FOREIGN or bool(set(parts) & _TEMPLATES)


def _with_overlays(usable: list[str], paths: tuple[str, ...]) -> list[Application]:
    """Folders that have `overlays/<env>/` or `base/` in them."""
    homes = dict.fromkeys(
        match["home"]
        for path in usable
        if (match := re.match(r"(?P<home>.+?)/(?:overlays/[^/]+|base)/[^/]+$", path))
    )
    found = []
    for home in homes:
        name = posixpath.basename(home)
        if not values.is_name(name) or name in _ROOTS:
            continue
        files = tuple(p for p in paths if p.startswith(f"{home}/"))
        overlays = {
            p.removeprefix(f"{home}/overlays/").split("/")[0]: join(
                home, "overlays", p.removeprefix(f"{home}/overlays/").split("/")[0]
            )
            for p in files
            if p.startswith(f"{home}/overlays/") and p.count("/") > home.count("/") + 2
        }
        base = join(home, "base") if any(p.startswith(f"{home}/base/") for p in files) else home
        found.append(
            Application(
                name=name, kind=Kind.OVERLAYS, home=home, files=files, base=base, overlays=overlays
            )
        )
    return found


def _in_folder(place: str, files: list[str], paths: tuple[str, ...]) -> list[Application]:
    """One application in its own folder, or several flat files side by side."""
    name = posixpath.basename(place)
    manifests = [p for p in files if not is_kustomization(p)]
    if not place or not manifests:
        return []
    own = name not in _ROOTS and any(_role(p, name) for p in manifests)
    if own and values.is_name(name):
        kustomized = len(manifests) < len(files)
        everything = tuple(p for p in paths if p.startswith(f"{place}/"))
        kind = Kind.KUSTOMIZE if kustomized else Kind.FOLDER
        return [Application(name=name, kind=kind, home=place, files=everything, base=place)]
    listed = len(manifests) < len(files) or bool(set(place.split("/")) & _ROOTS)
    return _flat(place, manifests) if listed else []


def _role(path: str, name: str) -> bool:
    """True when the file is named by its role in one application: `deployment.yaml`, `web.yaml`."""
    stem = posixpath.basename(path).rsplit(".", 1)[0].lower()
    match = _ROLE.fullmatch(stem)
    return stem == name or (match is not None and match["app"] in ("", name))


def _flat(place: str, manifests: list[str]) -> list[Application]:
    groups: dict[str, list[str]] = {}
    stems = {posixpath.basename(p).rsplit(".", 1)[0] for p in manifests}
    for path in manifests:
        stem = posixpath.basename(path).rsplit(".", 1)[0]
        match = _ROLE.fullmatch(stem)
        name = match["app"] if match and match["app"] and stem not in _ROLES else stem
        shared = name != stem and (
            name in stems or sum(s.startswith(f"{name}-") for s in stems) > 1
        )
        name = name if shared or (match and match["role"] in ("deployment", "deploy")) else stem
        if values.is_name(name) and name not in _ROLES:
            groups.setdefault(name, []).append(path)
    return [
        Application(name=name, kind=Kind.FLAT, home=place, files=tuple(files), base=place)
        for name, files in groups.items()
    ]
