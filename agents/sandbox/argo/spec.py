"""What an application says of itself."""

from __future__ import annotations

from agents.sandbox.objects import Object, at, spec_of

IN_CLUSTER = "https://kubernetes.default.svc"


def source_of(app: Object) -> Object:
    """spec.source, or the first of spec.sources."""
    found: Object = spec_of(app).get("source") or at(spec_of(app), "sources", 0, default={})
    return found


def project_of(app: Object) -> str:
    return str(spec_of(app).get("project") or "default")


def operation_source(app: Object) -> tuple[Object, str]:
    """(source, revision) that the operation is about."""
    sync = at(app, "operation", "sync", default={})
    source = sync.get("source") or source_of(app)
    return source, str(sync.get("revision") or source.get("targetRevision") or "HEAD")
