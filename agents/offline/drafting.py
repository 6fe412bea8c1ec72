"""From an intent and a repository to an outcome: a draft, a question, nothing to do, or no way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agents.manifests.yamltext import EditRefused
from agents.offline import (
    changes,
    exposure,
    founding,
    helm,
    kustomize,
    limits,
    manifests,
    removal,
    variables,
    workloads,
)
from agents.offline.book import Book
from agents.offline.intent import Action, Intent, Slot
from agents.offline.layout import Application, Kind, Repository, models
from agents.offline.manifests import Blueprint
from agents.offline.outcome import Asked, Draft, Hopeless, Nothing, Outcome, Topic, ask
from agents.offline.targets import Target, choose
from agents.offline.values import Image
from agents.offline.workloads import Opaque

SUBJECT_CHARS = 72
MAX_RISKS = 15
GIVE_UP = "give up"
WITHOUT = "go on without it"


def draft(intent: Intent, repository: Repository) -> Outcome:
    """What to do about an intent. Pure; raises nothing on purpose."""
    try:
        action = _checked(intent, repository)
        if action is Action.REMOVE:
            return _removal(intent, repository)
        application = repository.applications.get(intent.name or "")
        if application is not None:
            return _change(intent, repository, application)
        if action is not Action.DEPLOY:
            raise _unknown_name(intent, repository)
        return _foundation(intent, repository)
    except Asked as asked:
        return asked.question
    except (Opaque, EditRefused) as refused:
        return Hopeless(
            f"Rules cannot do this: {refused}. Make the change by hand, or configure a model."
        )


def _checked(intent: Intent, repository: Repository) -> Action:
    """Everything that must be right before any file is looked at."""
    if intent.fault(Slot.SECRET) and Slot.SECRET not in intent.accepted:
        raise ask(
            Topic.SECRET,
            "Passwords, tokens and keys are never written into a repository: put the value into a"
            " sealed secret, and change it, because it stands in the ticket now."
            " Shall I go on without it?",
            WITHOUT,
            GIVE_UP,
        )
    if intent.action is None:
        raise _not_understood(repository)
    fault = next((f for f in intent.faults if f.slot is not Slot.SECRET), None)
    if fault:
        raise ask(Topic.VALUE, f"{fault.why}. What should it be?", slot=fault.slot)
    if intent.rivals:
        names = list(dict.fromkeys(filter(None, [intent.name, *intent.rivals])))
        raise ask(
            Topic.NAME,
            f"The ticket names {', '.join(names)}; one ticket changes one application. Open another"
            " ticket for the others.",
            *names,
        )
    if intent.name is None:
        raise ask(Topic.NAME, "The ticket names none that I recognise.", *_names(repository))
    return intent.action


def _names(repository: Repository) -> list[str]:
    return sorted(repository.applications)[:6]


def _not_understood(repository: Repository) -> Asked:
    name = next(iter(_names(repository)), "web")
    return ask(
        Topic.ACTION,
        "Without a language model I can deploy, scale, update, configure and remove an application"
        " by its manifests in Git; I cannot look for causes. Say it in one of these ways:",
        "Deploy nginx 1.27 with 2 replicas on port 80",
        f"Scale {name} to 3 replicas",
        f"Update {name} to version 1.2.3",
        f"Set LOG_LEVEL=debug on {name}",
        f"Remove {name}",
    )


def _unknown_name(intent: Intent, repository: Repository) -> Asked:
    names = _names(repository)
    more = len(repository.applications) - len(names)
    rest = f" and {more} more" if more else ""
    there = f"there are: {', '.join(names)}{rest}" if names else "I recognise none in its layout"
    return ask(
        Topic.NAME,
        f"When this ticket began, the repository had no application called {intent.name}; {there}.",
        *names,
    )


def _foundation(intent: Intent, repository: Repository) -> Outcome:
    book = Book(repository)
    blueprint = founding.found_application(book, intent)
    neighbours = models(repository, blueprint.name)
    style = f" The manifests follow those of {neighbours[0].name}." if neighbours else ""
    quantities = manifests.quantities(blueprint)
    sizes = "; ".join(
        f"{side} cpu {values['cpu']}, memory {values['memory']}"
        for side, values in quantities.items()
    )
    default = "" if blueprint.resources else " (defaults, nothing was told)"
    told = " and ".join(f"{key}={value}" for key, value in blueprint.env)
    summary = (
        f"Deploy {_described(blueprint, intent)}{f', with {told}' if told else ''}."
        f"{_rendered(book)}{_assumed(book)} Resources: {sizes}{default}.{style}"
    )
    subject = _subject(
        f"Deploy {blueprint.name} {blueprint.image.tag or ''} with {_count(blueprint.replicas)}",
        f"Deploy {blueprint.name}",
    )
    return _drafted(book, intent, summary, subject)


def _described(blueprint: Blueprint, intent: Intent) -> str:
    one = "" if intent.replicas is not None else " (none was told)"
    parts = [f"{blueprint.name}: image {blueprint.image}", f"{_count(blueprint.replicas)}{one}"]
    if blueprint.port:
        parts.append(f"port {blueprint.port}")
    if blueprint.namespace:
        parts.append(f"namespace {blueprint.namespace}")
    if blueprint.host:
        parts.append(f"host {blueprint.host}")
    return ", ".join(parts)


def _rendered(book: Book) -> str:
    return f" Environments: {'; '.join(book.changed)}." if book.changed else ""


def _assumed(book: Book) -> str:
    """What was taken without being told stands in the summary too, not only among the risks."""
    found = [risk for risk in book.risks if founding.ASSUMED in risk]
    return "".join(f" {risk}" for risk in found)


def _count(replicas: int) -> str:
    return f"{replicas} replica{'' if replicas == 1 else 's'}"


def _change(intent: Intent, repository: Repository, application: Application) -> Outcome:
    book = Book(repository)
    if application.kind is Kind.HELM:
        target = helm.target(intent, repository, application)
        steps = helm.steps(book, target, intent, _wanted_image(intent))
    else:
        target = _target(intent, repository, application)
        steps = _steps(book, target, intent)
    _one_place_for_all(book, target, intent)
    for slot, change in steps:
        if slot in intent.slots:
            change()
    _complete(intent)
    if not book.differs():
        return Nothing(f"{application.name} is in the state that the ticket asks for already.")
    summary = f"Change {application.name}: {'; '.join(book.changed)}."
    if intent.action is Action.DEPLOY:
        summary = f"{application.name} is deployed already. {summary}"
    return _drafted(book, intent, summary, _change_subject(book, target, intent))


def _steps(book: Book, target: Target, intent: Intent) -> list[tuple[Slot, Callable[[], None]]]:
    def host() -> None:
        neighbours = models(book.repository, target.name)
        kind = target.application.kind
        style = manifests.learn(book.repository, [target.application, *neighbours], kind)
        exposure.set_host(book, target, intent, style)

    return [
        (Slot.IMAGE, lambda: changes.release(book, target, intent, _wanted_image(intent))),
        (Slot.REPLICAS, lambda: changes.scale(book, target, intent)),
        (Slot.ENV, lambda: variables.set_variables(book, target, intent)),
        (Slot.RESOURCES, lambda: limits.limit(book, target, intent)),
        (Slot.PORT, lambda: exposure.set_port(book, target, intent)),
        (Slot.HOST, host),
    ]


def _target(intent: Intent, repository: Repository, application: Application) -> Target:
    found = workloads.objects(repository, application)
    item = workloads.workload(found, application.name)
    if item is None:
        kinds = sorted({o.kind for o in found}) or ["nothing that can be read"]
        raise Opaque(
            f"the files of {application.name} hold {', '.join(kinds)}, and no single Deployment"
            " that could be meant"
        )
    every = kustomize.variants(repository, application)
    target = Target(application, found, item, choose(every, intent), every)
    _same_namespace(intent, repository, application)
    return target


def _same_namespace(intent: Intent, repository: Repository, application: Application) -> None:
    stated = manifests.namespaces_of(repository, application)
    differs = intent.namespace and stated and intent.namespace not in stated
    if differs and Slot.NAMESPACE not in intent.accepted:
        raise ask(
            Topic.NAMESPACE,
            f"{application.name} is in {', '.join(sorted(stated))}, the ticket says"
            f" {intent.namespace}. I do not move applications; shall I change it where it is?",
            "yes",
            GIVE_UP,
        )


def _one_place_for_all(book: Book, target: Target, intent: Intent) -> None:
    single = len(target.every) == 1 and not target.every[0].label
    if single and intent.environments and "all" not in intent.environments:
        named = " and ".join(intent.environments)
        book.warn(f"The repository has no separate place for {named}: the change is for all.")
    if len(target.every) > 1 and not target.partial:
        book.warn(f"It reaches every environment: {', '.join(v.label for v in target.every)}.")


def _complete(intent: Intent) -> None:
    """The action needs its value; asked for last, so that a wrong name is found out first."""
    slots = intent.slots
    if intent.action is Action.SCALE and Slot.REPLICAS not in slots:
        raise ask(Topic.REPLICAS, f"The ticket names no number for {intent.name}.")
    if intent.action is Action.IMAGE and Slot.IMAGE not in slots:
        raise founding.ask_image(intent, None)


def _wanted_image(intent: Intent) -> Callable[[Image], Image]:
    """The new image from the one in force: a version alone keeps the repository."""

    def wanted(current: Image) -> Image:
        image = intent.image
        if image is None:
            return current.tagged(intent.version) if intent.version else current
        if not image.pinned and not intent.version:
            raise founding.ask_image(intent, image)
        image = image if image.pinned else image.tagged(intent.version or "")
        # `nginx` and `docker.io/library/nginx` are one: the way it is written stays.
        return (
            replace(image, repository=current.repository) if image.short == current.short else image
        )

    return wanted


def _change_subject(book: Book, target: Target, intent: Intent) -> str:
    what = book.changed[0] if len(book.changed) == 1 else ""
    match intent.action:
        case Action.SCALE if what:
            count = what.split(" to ")[1]
            return _subject(f"Scale {target.name} to {count}", f"Scale {target.name}")
        case Action.IMAGE if what:
            new = what.split(" to ")[1]
            return _subject(f"Update {target.name} to {new}", f"Update {target.name}")
        case _:
            return _subject(
                f"Change {target.name}: {'; '.join(book.changed)}", f"Change {target.name}"
            )


def _removal(intent: Intent, repository: Repository) -> Outcome:
    application = repository.applications.get(intent.name or "")
    if application is None:
        raise _unknown_name(intent, repository)
    _same_namespace(intent, repository, application)
    book = Book(repository)
    removal.remove(book, application, intent)
    summary = f"Remove {application.name}: {'; '.join(book.changed)}."
    return _drafted(
        book, intent, summary, _subject(f"Remove {application.name}", "Remove an application")
    )


def _subject(text: str, short: str) -> str:
    """The first line of a commit message, at most 72 characters."""
    line = " ".join(text.split())
    return line if len(line) <= SUBJECT_CHARS else short[:SUBJECT_CHARS]


def _drafted(book: Book, intent: Intent, summary: str, subject: str) -> Draft:
    unmet = [f"Mentioned in the ticket and not part of this plan: {what}." for what in intent.unmet]
    if Slot.SECRET in intent.accepted:
        unmet.append("A credential of the ticket is left out: it belongs into a sealed secret.")
    changed = book.differs()
    return Draft(
        files=changed,
        notes={path: "; ".join(dict.fromkeys(book.notes[path])) for path in changed},
        summary=summary,
        subject=subject,
        risks=tuple([*book.risks, *unmet][:MAX_RISKS]),
    )
