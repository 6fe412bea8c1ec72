"""The words of failures: what kubelets, schedulers, registries and crashing programs say."""

from __future__ import annotations

from dataclasses import dataclass

from agents.sandbox import clock
from agents.sandbox.objects import Object, at

_EXPIRED_S = 172_800.0  # how long ago the certificate of a story ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """How a container ends. `after` is in paces since it started."""

    lines: tuple[str, ...]
    code: int
    reason: str = "Error"
    after: float = 0.4


_CRASHES = {
    "panic": (
        2,
        (
            'level=info msg="starting {name}"',
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x6a4f2c]",
            "",
            "goroutine 1 [running]:",
            "main.(*Server).configure(0x0)",
            "\t/src/cmd/{name}/server.go:84 +0x2c",
            "main.main()",
            "\t/src/cmd/{name}/main.go:31 +0x1d8",
        ),
    ),
    "missing-env": (
        1,
        (
            'level=info msg="starting {name}"',
            'level=fatal msg="required environment variable DATABASE_URL is not set"',
        ),
    ),
    "connection-refused": (
        1,
        (
            'level=info msg="starting {name}"',
            'level=info msg="connecting to database" host=postgres port=5432',
            'level=error msg="dial tcp 10.96.14.3:5432: connect: connection refused" attempt=1',
            'level=error msg="dial tcp 10.96.14.3:5432: connect: connection refused" attempt=2',
            'level=fatal msg="could not reach the database at postgres:5432, giving up"',
        ),
    ),
    "bad-config": (
        78,
        (
            'level=info msg="starting {name}"',
            (
                'level=fatal msg="cannot read configuration /etc/{name}/config.yaml: yaml: line 12:'
                ' mapping values are not allowed in this context"'
            ),
        ),
    ),
}


def crash(variant: str, name: str) -> Crash:
    code, lines = _CRASHES[variant]
    return Crash(lines=tuple(line.format(name=name) for line in lines), code=code)


def out_of_memory(name: str) -> Crash:
    lines = (f'level=info msg="starting {name}"', 'level=info msg="loading index into memory"')
    return Crash(lines=lines, code=137, reason="OOMKilled", after=0.6)


def pull(variant: str, image: str) -> str:
    """Why an image cannot be pulled, as containerd and the registry say it."""
    full = reference(image)
    host, repository, _ = parts(full)
    tried = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": '
    match variant:
        case "name":
            why = (
                "pull access denied, repository does not exist or may require authorization:"
                " server message: insufficient_scope: authorization failed"
            )
        case "registry":
            why = (
                f'failed to do request: Head "https://{host}/v2/{repository}/manifests/latest":'
                f" dial tcp: lookup {host} on 10.0.0.2:53: no such host"
            )
        case "credentials":
            why = (
                "failed to authorize: failed to fetch oauth token: unexpected status from GET"
                f" request to https://{host}/token: 401 Unauthorized"
            )
        case _:
            return f"rpc error: code = NotFound desc = {tried}{full}: not found"
    return f"rpc error: code = Unknown desc = {tried}{why}"


def reference(image: str) -> str:
    """The image with the registry and the tag that are understood when they are left out."""
    host, repository, tail = parts(image)
    return f"{host}/{repository}{tail or ':latest'}"


def parts(image: str) -> tuple[str, str, str]:
    """(registry, repository, ":tag" or "@digest" or "")"""
    first, slash, rest = image.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        first, rest = "docker.io", image if slash else f"library/{image}"
    name, mark, tail = rest.partition("@")
    if not mark:
        name, mark, tail = rest.partition(":")
    return first, name, mark + tail


def unschedulable(variant: str, nodes: int) -> str:
    control = "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"
    workers = nodes - 1
    reason = {
        "cpu": f"{workers} Insufficient cpu",
        "memory": f"{workers} Insufficient memory",
        "taint": f"{workers} node(s) had untolerated taint {{dedicated: gpu}}",
        "selector": f"{workers} node(s) didn't match Pod's node affinity/selector",
    }[variant]
    helpless = (
        f"1 Preemption is not helpful for scheduling, {workers} No preemption victims found for"
        " incoming pod"
    )
    if variant in ("taint", "selector"):
        helpless = f"{nodes} Preemption is not helpful for scheduling"
    return (
        f"0/{nodes} nodes are available: {control}, {reason}. preemption: 0/{nodes} nodes are"
        f" available: {helpless}."
    )


def probe_output(container: Object, which: str) -> str:
    """What a failing probe reports, after "Readiness probe failed: " and its like."""
    probe = container.get(which) or {}
    if "tcpSocket" in probe:
        return f"dial tcp {{ip}}:{at(probe, 'tcpSocket', 'port')}: connect: connection refused"
    if "exec" in probe:
        return "command returned non-zero exit code 1"
    return "HTTP probe failed with statuscode: 503"


def lines(fault: str, namespace: str) -> tuple[str, ...]:
    service = f"backend.{namespace}.svc.cluster.local"
    return {
        "dns": (
            (
                f'level=error msg="lookup {service} on 10.96.0.10:53: read udp'
                ' 10.244.1.7:43512->10.96.0.10:53: i/o timeout"'
            ),
            f'level=error msg="dial tcp: lookup {service} on 10.96.0.10:53: server misbehaving"',
        ),
        "network-policy": (
            f'level=error msg="dial tcp 10.96.20.8:80: i/o timeout" target=http://{service}',
            'level=warning msg="upstream unreachable, request not served" timeout=5s',
        ),
        "certificate-expired": (
            (
                f'level=error msg="Get \\"https://{service}/health\\": tls: failed to verify'
                " certificate: x509: certificate has expired or is not yet valid: current time"
                f' {clock.stamp()} is after {clock.stamp(clock.now() - _EXPIRED_S)}"'
            ),
        ),
    }[fault]
