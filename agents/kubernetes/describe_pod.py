"""A pod in words: what each container does, and what it was given."""

from __future__ import annotations

from collections.abc import Iterator

from agents.kubernetes import podstate
from agents.kubernetes.describing import bullets, conditions_section, fields, head, joined
from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import at, number, part, parts, text
from agents.kubernetes.shown import environment
from agents.kubernetes.words import listed, pairs
from aura.kernel.secrets import redact

_PROBES = (
    ("Liveness", "livenessProbe"),
    ("Readiness", "readinessProbe"),
    ("Startup", "startupProbe"),
)


def describe(pod: Object) -> str:
    have, want = podstate.ready(pod)
    spec = part(pod, "spec")
    return joined(
        head(
            pod,
            ("Status", f"{podstate.status(pod)} (phase {text(pod, 'status', 'phase')})"),
            ("Why", text(pod, "status", "message")),
            ("Ready", f"{have}/{want}"),
            ("Restarts", podstate.restarts(pod)),
            ("Node", text(spec, "nodeName") or "not scheduled"),
            ("IP", text(pod, "status", "podIP")),
            ("QoS class", text(pod, "status", "qosClass")),
            ("Priority class", text(spec, "priorityClassName")),
            ("Service account", text(spec, "serviceAccountName")),
            ("Node selector", pairs(found) if (found := part(spec, "nodeSelector")) else ""),
            ("Tolerations", listed(tolerations(spec)) if spec.get("tolerations") else ""),
        ),
        containers(pod, "initContainers", "Init containers"),
        containers(pod, "containers", "Containers"),
        conditions_section(pod),
        bullets("Volumes", volumes(spec)),
    )


def containers(pod: Object, key: str, title: str) -> str:
    """A section for the containers of a pod, or of the template of a workload."""
    statuses = {
        text(it, "name"): it for it in parts(pod, "status", key.removesuffix("s") + "Statuses")
    }
    every = parts(pod, "spec", key)
    if not every:
        return ""
    shown = [_container(it, statuses.get(text(it, "name"), {})) for it in every]
    return "\n".join([f"{title}:", *shown])


def _container(container: Object, status: Object) -> str:
    rows: list[tuple[str, object]] = [
        ("Image", text(container, "image")),
        ("Command", " ".join(map(str, _command(container)))),
        ("State", podstate.state_words(part(status, "state")) if status else ""),
        ("Last state", podstate.state_words(last) if (last := part(status, "lastState")) else ""),
        ("Ready", str(bool(status.get("ready"))) if status else ""),
        ("Restarts", number(status, "restartCount") or ""),
        ("Ports", listed(_ports(container)) if container.get("ports") else ""),
        ("Requests", pairs(found) if (found := part(container, "resources", "requests")) else ""),
        ("Limits", pairs(found) if (found := part(container, "resources", "limits")) else ""),
        *((name, probe(part(container, key))) for name, key in _PROBES),
        ("Environment from", listed(_sources(container)) if container.get("envFrom") else ""),
        ("Mounts", listed(_mounts(container)) if container.get("volumeMounts") else ""),
    ]
    body = fields((key, redact(str(value))) for key, value in rows if value)
    env = [f"{name}={value}" for name, value in environment(container)]
    lines = [*body.splitlines(), *bullets("Environment", map(redact, env)).splitlines()]
    return "\n".join([f"  {text(container, 'name')}:", *(f"    {line}" for line in lines)])


def _command(container: Object) -> list[object]:
    return [*(container.get("command") or []), *(container.get("args") or [])]


def probe(said: Object) -> str:
    """`http-get :80/healthz delay=0s timeout=1s period=10s failures=3`; empty for none."""
    if not said:
        return ""
    how = "grpc"
    if get := part(said, "httpGet"):
        how = f"http-get :{text(get, 'port')}{text(get, 'path') or '/'}"
    elif tcp := part(said, "tcpSocket"):
        how = f"tcp :{text(tcp, 'port')}"
    elif run := part(said, "exec"):
        how = f"exec {' '.join(map(str, run.get('command') or []))}"
    return (
        f"{how} delay={number(said, 'initialDelaySeconds')}s"
        f" timeout={number(said, 'timeoutSeconds', usual=1)}s"
        f" period={number(said, 'periodSeconds', usual=10)}s"
        f" failures={number(said, 'failureThreshold', usual=3)}"
    )


def _ports(container: Object) -> Iterator[str]:
    for port in parts(container, "ports"):
        name = f" ({port['name']})" if port.get("name") else ""
        yield f"{number(port, 'containerPort')}/{text(port, 'protocol') or 'TCP'}{name}"


def _sources(container: Object) -> Iterator[str]:
    for source in parts(container, "envFrom"):
        for key, words in (("secretRef", "secret"), ("configMapRef", "config map")):
            if ref := part(source, key):
                optional = " (optional)" if ref.get("optional") else ""
                yield f"{words} {text(ref, 'name')}{optional}"


def _mounts(container: Object) -> Iterator[str]:
    for mount in parts(container, "volumeMounts"):
        mode = " (read-only)" if mount.get("readOnly") else ""
        yield f"{text(mount, 'mountPath')} from {text(mount, 'name')}{mode}"


def volumes(spec: Object) -> Iterator[str]:
    for volume in parts(spec, "volumes"):
        yield f"{text(volume, 'name')}: {_volume(volume)}"


def _volume(volume: Object) -> str:
    sources = (
        ("persistentVolumeClaim", "claim", "claimName"),
        ("configMap", "config map", "name"),
        ("secret", "secret", "secretName"),
        ("hostPath", "host path", "path"),
        ("nfs", "nfs", "server"),
    )
    for key, words, name in sources:
        if source := part(volume, key):
            return f"{words} {text(source, name)}"
    return next((key for key in volume if key != "name"), "unknown")


def tolerations(spec: Object) -> Iterator[str]:
    for it in parts(spec, "tolerations"):
        value = f"={it['value']}" if it.get("value") else ""
        seconds = at(it, "tolerationSeconds")
        lasting = f" for {seconds}s" if seconds is not None else ""
        yield f"{text(it, 'key') or '*'}{value}:{text(it, 'effect') or '*'}{lasting}"
