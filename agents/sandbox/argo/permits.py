"""What a project permits its applications: repositories and destinations."""

from __future__ import annotations

import fnmatch

from agents.sandbox.objects import Object, at, spec_of


def refusal(app: Object, project: Object) -> str:
    """Why the project does not permit the application; "" when it does."""
    spec, named = spec_of(app), str(at(project, "metadata", "name"))
    source = spec.get("source") or at(spec, "sources", 0, default={})
    url = str(source.get("repoURL", ""))
    if not any(_fits(url, pattern) for pattern in spec_of(project).get("sourceRepos") or ()):
        return f"application repo {url} is not permitted in project '{named}'"
    destination = spec.get("destination") or {}
    if not any(_reaches(destination, each) for each in spec_of(project).get("destinations") or ()):
        server = destination.get("server") or destination.get("name") or ""
        namespace = destination.get("namespace", "")
        return (
            f"application destination server '{server}' and namespace '{namespace}' do not match"
            f" any of the allowed destinations in project '{named}'"
        )
    return ""


def _reaches(destination: Object, allowed: Object) -> bool:
    server = str(destination.get("server") or "")
    name = str(destination.get("name") or "")
    by_server = bool(allowed.get("server")) and _fits(server, str(allowed["server"]))
    by_name = bool(allowed.get("name")) and _fits(name, str(allowed["name"]))
    namespace = str(destination.get("namespace") or "")
    return (by_server or by_name) and _fits(namespace, str(allowed.get("namespace") or ""))


def _fits(value: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(value, pattern)
