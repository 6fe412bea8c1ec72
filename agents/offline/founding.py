"""A new application: what it is made of, where it goes, and what must include it."""

from __future__ import annotations

import posixpath
import re

from agents.offline import catalogue, kustomize, manifests, workloads
from agents.offline.book import Book
from agents.offline.catalogue import Software
from agents.offline.intent import Intent, Slot
from agents.offline.layout import Application, Kind, Repository, folder, join, models, root_of
from agents.offline.manifests import Blueprint, Style
from agents.offline.outcome import Topic, ask
from agents.offline.values import Image
from agents.offline.workloads import Spot

ASSUMED = "a stable release from a built-in table"
SYSTEM_NAMESPACES = re.compile(r"kube-.*|default|argocd|flux-system|istio-system|cert-manager")


def found_application(book: Book, intent: Intent) -> Blueprint:
    """Write the files of a new application, in the layout and style of the repository."""
    name = intent.name or ""
    repository = book.repository
    neighbours = models(repository, name)
    kind, home = place(repository, neighbours, name)
    alike = [n for n in neighbours if (n.kind is Kind.FLAT) == (kind is Kind.FLAT)]
    style = manifests.learn(repository, alike, kind)
    blueprint = _blueprint(book, intent, style)
    style = _stating_namespace(style, blueprint)
    match kind:
        case Kind.OVERLAYS:
            _with_overlays(book, blueprint, style, home, neighbours, intent)
        case Kind.KUSTOMIZE:
            _in_folder(book, blueprint, style, home, kustomized=True)
            _include(book, blueprint.name, home, neighbours)
        case Kind.FOLDER:
            files = _in_folder(book, blueprint, style, home, kustomized=False)
            _include_files(book, home, files, neighbours)
        case Kind.FLAT:
            _flat(book, blueprint, style, home)
    _check_free(book)
    _risks(book, blueprint, style, intent)
    return blueprint


def place(repository: Repository, neighbours: list[Application], name: str) -> tuple[Kind, str]:
    """(kind, folder) of a new application: as AGENTS.md says, as the neighbours do, or in apps/."""
    template = repository.guide.place
    if template.endswith((".yaml", ".yml")):
        return Kind.FLAT, posixpath.dirname(template)
    kind = neighbours[0].kind if neighbours else Kind.KUSTOMIZE
    if "/base" in template:
        return Kind.OVERLAYS, template.replace("{name}", name).partition("/base")[0]
    if template:
        kind = Kind.KUSTOMIZE if kind is Kind.FLAT else kind
        home = template.replace("{name}", name)
        return kind, home if "{name}" in template else join(template, name)
    if not neighbours:
        return Kind.KUSTOMIZE, join("apps", name)
    root = root_of(neighbours[0])
    return kind, root if kind is Kind.FLAT else join(root, name)


def _blueprint(book: Book, intent: Intent, style: Style) -> Blueprint:
    name = intent.name or ""
    image, software = pick_image(book, intent)
    port = intent.port or (software.port if software else None)
    if port is None and intent.host:
        raise ask(
            Topic.VALUE, f"On which port does {name} listen? The host needs one.", slot=Slot.PORT
        )
    return Blueprint(
        name=name,
        image=image,
        replicas=1 if intent.replicas is None else intent.replicas,
        port=port,
        container_port=_listens(intent, software),
        namespace=_namespace(book.repository, intent, style),
        host=intent.host,
        env=intent.env,
        resources=dict(intent.resources),
        software=software,
    )


def _listens(intent: Intent, software: Software | None) -> int | None:
    """The port of known software is that of its image, unless a variable of the ticket sets one."""
    set_by_variable = any("PORT" in name.upper() for name, _ in intent.env)
    return software.port if software and not set_by_variable else intent.port


def pick_image(book: Book, intent: Intent) -> tuple[Image, Software | None]:
    """The image that was told, completed by the catalogue; asks where no release can be told.

    A version that nobody told is never taken silently: the plan's summary and risks say so.
    """
    entry = catalogue.SOFTWARE.get(intent.software or "")
    image = intent.image
    if image is None and entry:
        image = Image(entry.repository, intent.version)
    if image and not image.pinned and intent.version:
        image = image.tagged(intent.version)
    software = catalogue.of_image(image) if image else None
    if image and not image.pinned and software:
        image = image.tagged(software.tag)
        asked = "The newest version cannot be looked up" if intent.newest else "No version was told"
        book.warn(f"{asked}: {image} is taken, {ASSUMED}. Check that it is the one wanted.")
    if image is None or not image.pinned:
        raise ask_image(intent, image)
    if image.tag == "latest":
        book.warn("The tag latest moves: what runs can change without a commit.")
    return image, software


def ask_image(intent: Intent, image: Image | None) -> Exception:
    """The question for the image of an application, with what is known as an option."""
    known = f" Of {image.repository} only the version is missing." if image else ""
    example = f"{image.repository}:1.0.0" if image else "ghcr.io/acme/shop:2.3.1"
    options = [str(intent.hint)] if intent.hint else []
    return ask(
        Topic.IMAGE,
        f"For {intent.name} the ticket names none.{known} Answer with a full reference, for example"
        f" {example}.",
        *options,
    )


def _namespace(repository: Repository, intent: Intent, style: Style) -> str:
    """Told, by AGENTS.md, or as the neighbours have it; a kustomization above all of them wins."""
    name = intent.name or ""
    if style.namespace_in == "above" and style.namespace:
        if intent.namespace in (None, style.namespace) or Slot.NAMESPACE in intent.accepted:
            return style.namespace
        raise ask(
            Topic.NAMESPACE,
            f"A kustomization puts every application into {style.namespace}, the ticket says"
            f" {intent.namespace}. Use {style.namespace}?",
            "yes",
            "give up",
        )
    if intent.namespace:
        return intent.namespace
    if repository.guide.namespace:
        return repository.guide.namespace.replace("{name}", name)
    return name if style.own_namespace else style.namespace


def _stating_namespace(style: Style, blueprint: Blueprint) -> Style:
    """Where no neighbour states a namespace and the ticket does, the manifests state it."""
    if not blueprint.namespace or style.namespace_in in ("manifest", "kustomization"):
        return style
    return style if style.namespace_in == "above" else manifests.in_manifest(style)


def _in_folder(
    book: Book, blueprint: Blueprint, style: Style, home: str, *, kustomized: bool
) -> list[str]:
    files = manifests.by_file(manifests.objects(blueprint, style), style, blueprint.name)
    for file, text in files.items():
        book.write(join(home, file), text, f"write {_kinds(text)} of {blueprint.name}")
    if kustomized:
        stated = blueprint.namespace if style.namespace_in == "kustomization" else ""
        text = manifests.kustomization(list(files), style, namespace=stated)
        book.write(
            join(home, "kustomization.yaml"), text, f"list the manifests of {blueprint.name}"
        )
    return list(files)


def _kinds(text: str) -> str:
    return " and ".join(re.findall(r"(?m)^kind: (\w+)", text))


def _flat(book: Book, blueprint: Blueprint, style: Style, home: str) -> None:
    files = manifests.by_file(manifests.objects(blueprint, style), style, blueprint.name)
    including = book.repository.kustomizations.get(home)
    for file, text in files.items():
        book.write(join(home, file), text, f"write {_kinds(text)} of {blueprint.name}")
        if including:
            _add_line(book, including, "resources", file)


def _with_overlays(
    book: Book,
    blueprint: Blueprint,
    style: Style,
    home: str,
    neighbours: list[Application],
    intent: Intent,
) -> None:
    """A base and, for the environments that are meant, the overlays the neighbours have."""
    _in_folder(
        book, blueprint, manifests.without_namespace(style), join(home, "base"), kustomized=True
    )
    model = next((n for n in neighbours if n.overlays), None)
    environments = _environments(model, intent)
    for label in environments:
        namespace = intent.namespace or _overlay_namespace(
            book.repository, model, label, blueprint.name
        )
        namespace = namespace or blueprint.namespace
        text = manifests.kustomization(["../../base"], style, namespace=namespace)
        path = join(home, "overlays", label, "kustomization.yaml")
        book.write(path, text, f"render {blueprint.name} in {label}")
        book.say(f"{label} in namespace {namespace}" if namespace else label)
    _include(book, blueprint.name, home, neighbours, environments)


def _environments(model: Application | None, intent: Intent) -> list[str]:
    known = sorted(model.overlays) if model else []
    wanted = [e for e in intent.environments if e != "all"]
    if not wanted:
        return known or ["production"]
    return [next((k for k in known if kustomize.matches(k, e)), e) for e in wanted]


def _overlay_namespace(
    repository: Repository, model: Application | None, label: str, name: str
) -> str:
    """The namespace of the neighbour's overlay, with its name replaced where it is part of it."""
    path = repository.kustomizations.get(model.overlays.get(label, "-")) if model else None
    value = kustomize.head(repository, path).get("namespace") if path else None
    return value.replace(model.name, name) if isinstance(value, str) and model else ""


def _include(
    book: Book,
    name: str,
    home: str,
    neighbours: list[Application],
    environments: list[str] | None = None,
) -> None:
    """Add a line wherever a neighbour is included; else in the kustomization of the root."""
    root = posixpath.dirname(home)
    for neighbour in neighbours:
        added = False
        for line in kustomize.including(book.repository, neighbour):
            meant = not environments or _of_environments(line.target, neighbour, environments)
            new = re.sub(rf"(?<![\w-]){re.escape(neighbour.name)}(?![\w-])", name, line.value)
            if meant and new != line.value:
                _add_line(book, line.path, line.key, new)
                added = True
        if added:
            return
    parent = book.repository.kustomizations.get(root)
    if parent and not environments:
        _add_line(book, parent, "resources", posixpath.basename(home))
    elif not neighbours and not environments:
        text = manifests.kustomization([posixpath.basename(home)], Style())
        book.write(join(root, "kustomization.yaml"), text, "list the applications")
    else:
        book.warn(f"No kustomization lists the applications: Argo CD must find {home} by itself.")


def _include_files(book: Book, home: str, files: list[str], neighbours: list[Application]) -> None:
    """A kustomization that lists the files of a neighbour one by one lists these too."""
    lines = [line for n in neighbours for line in kustomize.including(book.repository, n)]
    for file in files if lines else []:
        path = posixpath.relpath(join(home, file), folder(lines[0].path) or ".")
        _add_line(book, lines[0].path, lines[0].key, path)


def _of_environments(target: str, neighbour: Application, environments: list[str]) -> bool:
    inside = [e for e, place in neighbour.overlays.items() if target.startswith(place)]
    return not inside or inside[0] in environments


def _add_line(book: Book, path: str, key: str, line: str) -> None:
    """A line in a kustomization; a sorted list stays sorted."""
    listed = [str(v) for v in workloads.items(kustomize.head(book.fresh(), path), key)]
    if line in listed:
        return
    at = None
    if len(listed) > 1 and listed == sorted(listed):
        at = next((i for i, value in enumerate(listed) if value > line), None)
    book.append(Spot(path, 0, (key,), None), line, f"include {line}", at=at)


def _check_free(book: Book) -> None:
    """New files must be new: what exists at their place is somebody else's."""
    for path in book.files:
        if path in book.repository.paths and path not in book.repository.texts:
            raise workloads.Opaque(f"{path} exists and was not read")
        if path in book.repository.paths and path not in book.repository.kustomizations.values():
            raise workloads.Opaque(f"{path} exists and holds something else")


def _risks(book: Book, blueprint: Blueprint, style: Style, intent: Intent) -> None:
    software = blueprint.software
    for risk in _software_risks(blueprint, software) if software else ():
        book.warn(risk)
    if not blueprint.port:
        book.warn("No port was told: there is no Service and no readiness check.")
    if blueprint.namespace and SYSTEM_NAMESPACES.fullmatch(blueprint.namespace):
        book.warn(f"{blueprint.namespace} is a namespace of the system.")
    if blueprint.namespace and blueprint.namespace != style.namespace:
        book.warn(f"The namespace {blueprint.namespace} must exist, or Argo CD must make it.")
    if not blueprint.namespace and not book.changed:
        book.warn("No namespace was told: Argo CD's destination decides.")
    if intent.environments and not book.changed:
        named = " and ".join(intent.environments)
        book.warn(f"The repository has no separate place for {named}.")
    if blueprint.host:
        _host_risks(book, blueprint, style)


def _host_risks(book: Book, blueprint: Blueprint, style: Style) -> None:
    book.warn(f"The DNS name {blueprint.host} must point to the ingress controller.")
    if not style.ingress_class:
        book.warn("No ingress class was told: the cluster's default one is used.")
    software = blueprint.software
    if software and software.port_name != "http":
        book.warn(f"An Ingress passes HTTP on, and {software.repository} speaks something else.")


def _software_risks(blueprint: Blueprint, software: Software) -> list[str]:
    name = blueprint.name
    found = [software.caution] if software.caution else []
    if software.credentials:
        keys = ", ".join(key for _, key in software.credentials)
        secret = manifests.secret_name(name)
        found.append(
            f"{name} starts only when a Secret {secret} with the key {keys} exists: add it as a"
            " sealed secret."
        )
    if software.keeps_data:
        found.append("There is no volume: its data is lost when the pod restarts.")
    if software.clusters and blueprint.replicas > 1:
        found.append(
            f"The {blueprint.replicas} replicas know nothing of each other: they form no cluster."
        )
    if blueprint.port != blueprint.container_port:
        found.append(
            f"The image listens on {blueprint.container_port}: the Service passes"
            f" {blueprint.port} on to it."
        )
    return found
