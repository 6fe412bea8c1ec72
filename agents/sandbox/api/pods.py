"""The subresources of pods: log, eviction, binding, and exec, which is refused."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from agents.sandbox import clock, errors, kinds
from agents.sandbox.api.message import Request, Response, as_json, success
from agents.sandbox.api.resources import Target
from agents.sandbox.cluster import Cluster
from agents.sandbox.computed import is_ready
from agents.sandbox.deletion import Deleting, delete
from agents.sandbox.logs import Line
from agents.sandbox.objects import Object, annotations_of, at, name_of, spec_of, status_of, uid_of
from agents.sandbox.selectors import selects

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_FOLLOW_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What of a log is asked for."""

    container: str
    previous: bool
    tail: int | None
    since: float  # seconds since the epoch
    stamps: bool
    limit: int | None  # bytes


def log(cluster: Cluster, request: Request, target: Target) -> Response:
    """GET …/log. Words and codes are those of a real server and its kubelet."""
    pod = cluster.store.get(kinds.POD, target.namespace, target.name)
    wanted = _wanted(request, _container(pod, request.one("container")))
    if not spec_of(pod).get("nodeName"):
        return Response(code=204)
    _reach(cluster, pod, wanted)
    _started(pod, wanted)
    kept = cluster.logs.of(uid_of(pod), wanted.container)
    lines = (kept.previous if wanted.previous else kept.current) or deque()
    if wanted.previous and kept.previous is None:
        raise errors.bad_request(
            f'previous terminated container "{wanted.container}" in pod "{name_of(pod)}" not found'
        )
    text = _text(list(lines), wanted)
    if request.flag("follow") and not wanted.previous:
        return Response(media_type="text/plain", stream=_follow(cluster, pod, wanted, text))
    return Response(media_type="text/plain", body=text)


def _wanted(request: Request, container: str) -> _Wanted:
    tail, seconds = request.number("tailLines"), request.number("sinceSeconds")
    for name, value, least in (("tailLines", tail, 0), ("sinceSeconds", seconds, 1)):
        if value is not None and value < least:
            cause = errors.Cause(
                field=name, message=f"Invalid value: {value}: must be at least {least}"
            )
            raise errors.ApiError(
                422, "Invalid", f'PodLogOptions "" is invalid: {cause}', {"causes": []}
            )
    since = clock.now() - seconds if seconds is not None else 0.0
    if request.one("sinceTime"):
        try:
            since = clock.seconds_of(request.one("sinceTime"))
        except ValueError:
            raise errors.bad_request("unable to parse sinceTime") from None
    return _Wanted(
        container=container,
        previous=request.flag("previous"),
        tail=tail,
        since=since,
        stamps=request.flag("timestamps"),
        limit=request.number("limitBytes"),
    )


def _container(pod: Object, asked: str) -> str:
    spec = spec_of(pod)
    mains = [each["name"] for each in spec.get("containers") or ()]
    inits = [each["name"] for each in spec.get("initContainers") or ()]
    if not asked:
        asked = annotations_of(pod).get(DEFAULT_CONTAINER, "")
    if asked:
        if asked not in [*mains, *inits]:
            raise errors.bad_request(f"container {asked} is not valid for pod {name_of(pod)}")
        return asked
    if len(mains) == 1:
        return str(mains[0])
    also = f" or one of the init containers: [{' '.join(inits)}]" if inits else ""
    raise errors.bad_request(
        f"a container name must be specified for pod {name_of(pod)}, choose one of:"
        f" [{' '.join(mains)}]{also}"
    )


def _reach(cluster: Cluster, pod: Object, wanted: _Wanted) -> None:
    """500 when the node of the pod does not answer."""
    node = cluster.store.find(kinds.NODE, "", spec_of(pod)["nodeName"])
    if node is None or is_ready(node):
        return
    addresses = at(node, "status", "addresses", default=[])
    address = next((a["address"] for a in addresses if a["type"] == "InternalIP"), "10.0.0.1")
    where = f"{target_path(pod)}/{wanted.container}"
    raise errors.internal(
        f'Get "https://{address}:10250/containerLogs/{where}": dial tcp {address}:10250: connect:'
        " connection refused"
    )


def target_path(pod: Object) -> str:
    return f"{pod['metadata'].get('namespace', '')}/{name_of(pod)}"


def _started(pod: Object, wanted: _Wanted) -> None:
    """400 while the container waits for something and has never run."""
    status = status_of(pod)
    every = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    found = next((each for each in every if each["name"] == wanted.container), None)
    waiting = at(found, "state", "waiting")
    never = found is None or (waiting is not None and not found.get("lastState"))
    if not never or (wanted.previous and found is not None and found.get("lastState")):
        return
    why = at(waiting, "reason", default="ContainerCreating")
    said = {
        "ErrImagePull": "trying and failing to pull image",
        "ImagePullBackOff": "trying and failing to pull image",
    }.get(why, f"waiting to start: {why}")
    tail = said if said.startswith("waiting") else f"waiting to start: {said}"
    raise errors.bad_request(f'container "{wanted.container}" in pod "{name_of(pod)}" is {tail}')


def _text(lines: list[Line], wanted: _Wanted) -> bytes:
    chosen = [line for line in lines if line[0] >= wanted.since]
    if wanted.tail is not None:
        chosen = chosen[-wanted.tail :] if wanted.tail else []
    text = "".join(_shown(line, wanted) for line in chosen).encode()
    return text if wanted.limit is None else text[: wanted.limit]


def _shown(line: Line, wanted: _Wanted) -> str:
    return f"{clock.micro_stamp(line[0])} {line[1]}\n" if wanted.stamps else f"{line[1]}\n"


async def _follow(
    cluster: Cluster, pod: Object, wanted: _Wanted, first: bytes
) -> AsyncIterator[bytes]:
    """Until the container ends or the pod is gone."""
    kept = cluster.logs.of(uid_of(pod), wanted.container)
    written, lines = kept.written, kept.current
    if first:
        yield first
    while True:
        news = kept.written - written
        if news and kept.current is lines:
            written = kept.written
            yield "".join(_shown(line, wanted) for line in list(lines)[-news:]).encode()
        if kept.current is not lines or not _runs(cluster, pod, wanted.container):
            return
        await asyncio.sleep(_FOLLOW_S)


def _runs(cluster: Cluster, pod: Object, container: str) -> bool:
    now = cluster.store.find(kinds.POD, pod["metadata"]["namespace"], name_of(pod))
    if now is None or uid_of(now) != uid_of(pod):
        return False
    statuses = status_of(now).get("containerStatuses") or ()
    return any(s["name"] == container and "running" in (s.get("state") or {}) for s in statuses)


def evict(cluster: Cluster, request: Request, target: Target) -> Response:
    """POST …/eviction: 429 where a disruption budget does not allow it."""
    pod = cluster.store.get(kinds.POD, target.namespace, target.name)
    for budget in cluster.store.all(kinds.PDB, target.namespace):
        if not selects(spec_of(budget).get("selector"), pod["metadata"].get("labels") or {}):
            continue
        if is_ready(pod) and status_of(budget).get("disruptionsAllowed", 0) < 1:
            needs = status_of(budget).get("desiredHealthy", 0)
            has = status_of(budget).get("currentHealthy", 0)
            raise errors.too_many_requests(
                "Cannot evict pod as it would violate the pod's disruption budget.",
                f"The disruption budget {name_of(budget)} needs {needs} healthy pods and has"
                f" {has} currently",
            )
    body = request.decoded() or {}
    options = body.get("deleteOptions") or {}
    grace = options.get("gracePeriodSeconds")
    dry = "All" in (options.get("dryRun") or request.query.get("dryRun", []))
    delete(cluster, kinds.POD, target.namespace, target.name, Deleting(grace_s=grace, dry_run=dry))
    return as_json(success(), 201)


def refuse_stream(target: Target) -> Response:
    """exec, attach and port-forward need a container that runs; there is none here."""
    raise errors.ApiError(
        501,
        "NotImplemented",
        f"pods/{target.sub} is not supported by the Aura sandbox: its containers are simulated and"
        " run no processes",
        {"name": target.name, "kind": "pods"},
    )
