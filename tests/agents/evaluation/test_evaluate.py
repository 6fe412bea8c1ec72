"""`manage.py evaluate`: faults made for real on a sandbox, and recorded cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-1", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "web:1"}]},
    "status": {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": "app",
                "ready": False,
                "restartCount": 7,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {
                    "terminated": {
                        "reason": "Error",
                        "exitCode": 2,
                        "finishedAt": "2026-01-01T01:00:00Z",
                    }
                },
            }
        ],
    },
}
PANIC = "panic: runtime error: invalid memory address or nil pointer dereference\n"


def recorded(root: Path, name: str, **head: Any) -> Path:
    """A recording of a pod that panics."""
    folder = root / name
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "web-1_app.previous.log").write_text(f"starting\n{PANIC}")
    (folder / "objects.json").write_text(json.dumps({"kind": "List", "items": [POD]}))
    said = {"kind": "kubernetes", "namespace": "shop", "expected": ["run/panic"], **head}
    (folder / "case.yaml").write_text(yaml.safe_dump(said))
    return folder


def test_faults_are_made_found_written_down_and_compared_with(tmp_path: Path, capsys: Any) -> None:
    said, picture = tmp_path / "now.json", tmp_path / "now.svg"
    words = ["image-pull-tag", "scaled-to-zero", "dependency-down"]
    call_command("evaluate", suite="kubernetes", case=words, json=said, chart=picture)
    shown = capsys.readouterr().out
    assert shown.count("right ") == 3
    told = json.loads(said.read_text())
    assert (told["total"]["at_1"], told["total"]["false_alarms"]) == (1.0, 0)
    assert sorted(told["categories"]) == ["image", "rollout"]
    assert "image" in picture.read_text()


def test_recorded_cases_are_judged_without_a_cluster(tmp_path: Path, capsys: Any) -> None:
    recorded(tmp_path, "deep/one")
    recorded(tmp_path, "two", expected=["run/oom-killed"], category="memory")
    call_command("evaluate", recorded=tmp_path)
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("right")
    assert first.endswith("deep/one")
    assert second.startswith("WRONG")
    assert "found run/panic" in second


def test_what_got_worse_ends_with_a_failure(tmp_path: Path) -> None:
    folder = recorded(tmp_path, "one")
    before = tmp_path / "before.json"
    call_command("evaluate", recorded=tmp_path, json=before)
    (folder / "logs" / "web-1_app.previous.log").write_text("starting\n")
    with pytest.raises(CommandError, match="one: missed in 1 of 1 runs"):
        call_command("evaluate", recorded=tmp_path, compare=before)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ({"expected": ["run/imagined"]}, "no such cause: run/imagined"),
        ({"kind": "mainframe"}, "kind: Input should be"),
        ({"unheard": 1}, "unheard: Extra inputs"),
    ],
)
def test_a_recording_that_cannot_be_used_names_its_file(
    tmp_path: Path, head: dict[str, Any], says: str
) -> None:
    recorded(tmp_path, "one", **head)
    with pytest.raises(CommandError, match=says) as refused:
        call_command("evaluate", recorded=tmp_path)
    assert "case.yaml" in str(refused.value)


def test_an_empty_folder_a_broken_file_and_a_bad_comparison_are_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="holds no case"):
        call_command("evaluate", recorded=tmp_path)
    folder = recorded(tmp_path, "one")
    (folder / "objects.json").write_text("{")
    with pytest.raises(CommandError, match=r"objects\.json is not YAML"):
        call_command("evaluate", recorded=tmp_path)
    with pytest.raises(CommandError, match="cannot be compared with"):
        call_command("evaluate", recorded=tmp_path, compare=folder / "objects.json")
    with pytest.raises(CommandError, match="at least 1"):
        call_command("evaluate", runs=0)
