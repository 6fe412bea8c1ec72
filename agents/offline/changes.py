"""Replicas and image of an application that exists, each changed where it is governed."""

from __future__ import annotations

from collections.abc import Callable

from agents.offline import workloads
from agents.offline.book import Book
from agents.offline.intent import Intent
from agents.offline.targets import Target, container, governed, own_kustomization, place
from agents.offline.values import Image
from agents.offline.workloads import ImageSpot, Spot, dig


def scale(book: Book, target: Target, intent: Intent) -> None:
    """`replicas` or `by`, where it is governed: a transformer, a patch, or the manifest."""
    item = target.workload
    if item.kind == "DaemonSet":
        raise workloads.Opaque("a DaemonSet runs one pod on every node, it has no replicas")
    places = governed(target, intent, lambda v: workloads.replicas(book.repository, item, v))
    for variant, spot, shared in places:
        current = spot.value if isinstance(spot.value, int) else 1
        wanted = max(0, current + intent.by) if intent.by else intent.replicas
        if wanted is None or wanted == spot.value:
            continue
        note = f"set replicas of {item.name} from {current} to {wanted}"
        if shared:
            own = Spot(own_kustomization(target, variant), 0, ("replicas",), None)
            book.append(
                own, {"name": item.name, "count": wanted}, f"{note} for {variant.label} alone"
            )
        else:
            book.assign(spot, wanted, note)
        book.say(f"replicas {current} to {wanted}{target.where}")
        _scaling_risks(book, target, wanted)


def _scaling_risks(book: Book, target: Target, wanted: int) -> None:
    if wanted == 0:
        book.warn(f"With 0 replicas {target.name} serves nobody.")
    if workloads.of_kind(target.found, "HorizontalPodAutoscaler"):
        book.warn("An autoscaler is among the manifests: it may set another number of replicas.")


def release(book: Book, target: Target, intent: Intent, wanted: Callable[[Image], Image]) -> None:
    """The image; `wanted` tells the new one from the one in force."""
    index = container(target, intent)
    places = governed(
        target, intent, lambda v: workloads.image(book.repository, target.workload, index, v)
    )
    for variant, found, shared in places:
        new = wanted(found.image)
        if new == found.image:
            continue
        note = f"change the image from {found.image} to {new}"
        if shared:
            _override_image(
                book,
                own_kustomization(target, variant),
                found.image,
                new,
                f"{note} for {variant.label} alone",
            )
        elif found.transformer:
            _transform_image(book, found, new, note)
        else:
            book.assign(found.spot, str(new), note)
        book.say(f"image {found.image} to {new}{target.where}")
        if new.repository != found.image.repository:
            book.warn(f"{new.repository} is another repository than {found.image.repository}.")


def _override_image(book: Book, path: str, old: Image, new: Image, note: str) -> None:
    entry = {"name": old.repository}
    if new.repository != old.repository:
        entry["newName"] = new.repository
    if new.tag:
        entry["newTag"] = new.tag
    if new.digest:
        entry["digest"] = new.digest
    book.append(Spot(path, 0, ("images",), None), entry, note)


def _transform_image(book: Book, found: ImageSpot, new: Image, note: str) -> None:
    """Only the keys that differ; what contradicts the new reference goes."""
    path, index, at = place(found)
    entry = found.spot.value
    if new.repository != found.image.repository:
        book.assign(Spot(path, index, (*at, "newName"), None), new.repository, note)
    for key, value in (("newTag", new.tag), ("digest", new.digest)):
        spot = Spot(path, index, (*at, key), None)
        if value and dig(entry, key) != value:
            book.assign(spot, value, note)
        elif not value and key in entry:
            book.remove(spot, note)
