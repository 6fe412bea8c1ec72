"""Taking an application, or its place in one environment, out of the repository."""

from __future__ import annotations

from agents.offline import kustomize, workloads
from agents.offline.book import Book
from agents.offline.intent import Intent
from agents.offline.kustomize import Entry
from agents.offline.layout import Application, Kind
from agents.offline.outcome import Topic, ask
from agents.offline.targets import choose
from agents.offline.workloads import Opaque, Spot


def remove(book: Book, application: Application, intent: Intent) -> None:
    """Delete the files of an application and every line that includes them."""
    if application.kind is Kind.HELM:
        raise Opaque(f"{application.home} is a Helm chart, which goes with its Argo CD application")
    every = kustomize.variants(book.repository, application)
    chosen = choose(every, intent)
    if len(chosen) < len(every) and application.overlays:
        _remove_overlays(book, application, [v.label for v in chosen])
        return
    if len(chosen) < len(every):
        raise Opaque("one environment includes it by a line that others share")
    named = intent.environments and "all" not in intent.environments
    if named and not every[0].label:
        raise ask(
            Topic.ENVIRONMENT,
            f"The repository has one place for all of them: {application.name} would be removed"
            " from each. Shall it be?",
            "all",
            "give up",
        )
    _check_shared(book, application)
    for path in application.files:
        book.delete(path, f"part of {application.name}")
    for entry in reversed(kustomize.including(book.repository, application)):
        _exclude(book, entry, application.name)
    book.say("every file")
    _losses(book, application)


def _remove_overlays(book: Book, application: Application, labels: list[str]) -> None:
    places = tuple(f"{application.overlays[label]}/" for label in labels)
    where = " and ".join(labels)
    for path in application.files:
        if path.startswith(places):
            book.delete(path, f"part of {application.name} in {where}")
    for entry in reversed(kustomize.including(book.repository, application)):
        if f"{entry.target}/".startswith(places):
            _exclude(book, entry, f"{application.name} in {where}")
    book.say(f"only in {where}")
    _losses(book, application)


def _exclude(book: Book, entry: Entry, what: str) -> None:
    spot = Spot(entry.path, 0, (entry.key, entry.index), None)
    book.remove(spot, f"no longer include {what}")


def _check_shared(book: Book, application: Application) -> None:
    """A flat file may hold objects of several applications: those are not deleted along."""
    if application.kind is not Kind.FLAT:
        return
    names = {
        item.name
        for item in workloads.objects(book.repository, application)
        if item.kind in workloads.KINDS
    }
    if len(names) > 1:
        listed = ", ".join(sorted(names))
        raise Opaque(f"{application.files[0]} holds several workloads ({listed})")


def _losses(book: Book, application: Application) -> None:
    found = workloads.objects(book.repository, application)
    if workloads.of_kind(found, "PersistentVolumeClaim", "StatefulSet"):
        book.warn("It keeps data in volumes: they may be deleted with it.")
    if workloads.of_kind(found, "Namespace"):
        book.warn("Its Namespace is deleted too, with everything else that is in it.")
    for service in workloads.of_kind(found, "Service"):
        book.warn(f"Whatever calls the Service {service.name} stops working.")
    book.warn(f"Argo CD deletes {application.name} from the cluster only where pruning is on.")
