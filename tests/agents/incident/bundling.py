"""A bundle as a worker makes it, and what is in it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

from agents.helpdesk import drive, tasks
from agents.models import HelpdeskTask
from governance.types import ActorKind, Principal, Role

ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({Role.OPERATOR.value}))


def called(tool: str, by: Principal = ADA, **arguments: Any) -> HelpdeskTask:
    """A direct call of the incident agent, worked on to its end."""
    task = tasks.call("incident_agent", tool, arguments, by=by, trace_id="tr_bundle")
    drive.advance(task.run_id)
    found = tasks.find(task.key)
    assert found is not None
    return found


def result_of(task: HelpdeskTask) -> dict[str, Any]:
    """The structured result."""
    assert task.state == "completed", task.text
    data: dict[str, Any] = json.loads(task.artifacts[0]["parts"])
    return data


def bundled(by: Principal = ADA, **arguments: Any) -> dict[str, Any]:
    return result_of(called("create_incident_bundle", by, **arguments))


def unpacked(path: str) -> dict[str, str]:
    """Name in the archive -> text; every one lies under the folder of the archive's name."""
    folder = Path(path).name.removesuffix(".tar.gz")
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert all(member.name.split("/")[0] == folder for member in members)
        assert {member.mode for member in members if member.isfile()} == {0o600}
        return {
            member.name.removeprefix(f"{folder}/"): archive.extractfile(member).read().decode()
            for member in members
            if member.isfile()
        }
