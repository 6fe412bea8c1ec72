"""What a deployment was before: its earlier revisions, as its replica sets have them."""

from __future__ import annotations

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of, owner_of, part, parts, text
from agents.kubernetes.triage.pods import workload_of
from agents.kubernetes.triage.remedies import in_git
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Remedy

_REVISION = "deployment.kubernetes.io/revision"


def revisions(snapshot: Snapshot, deployment: str) -> list[Object]:
    """The replica sets of a deployment (`deployment/shop/web`), the newest first."""
    name = deployment.rpartition("/")[2]
    own = [it for it in snapshot.all("ReplicaSet") if owner_of(it) == ("Deployment", name)]
    return sorted(own, key=_revision, reverse=True)


def _revision(replica_set: Object) -> int:
    said = text(part(replica_set, "metadata", "annotations"), _REVISION)
    return int(said) if said.isdigit() else 0


def is_newest(snapshot: Snapshot, pod: Object) -> bool:
    """Whether a pod is of the newest revision, and there is an older one."""
    known = revisions(snapshot, workload_of(snapshot, pod))
    owner = owner_of(pod)
    return len(known) > 1 and owner is not None and owner[1] == name_of(known[0])


def image_before(snapshot: Snapshot, pod: Object, container: str) -> str:
    """The image that a container had in the revision before; "" where it was the same."""
    if not is_newest(snapshot, pod):
        return ""
    known = revisions(snapshot, workload_of(snapshot, pod))
    now, before = (_image(it, container) for it in known[:2])
    return before if before != now else ""


def _image(replica_set: Object, container: str) -> str:
    found = parts(replica_set, "spec", "template", "spec", "containers")
    return next((text(it, "image") for it in found if text(it, "name") == container), "")


def back(snapshot: Snapshot, pod: Object, container: str) -> Remedy | None:
    """Back to the image of the revision before, where that is another one."""
    image = image_before(snapshot, pod, container)
    name = workload_of(snapshot, pod).rpartition("/")[2]
    if image.split() != [image]:  # none, or one that would read as more than an image
        return None
    return in_git(
        f"Go back to {image}, which the revision before had.",
        f"Set the image of {name} to {image}",
    )
