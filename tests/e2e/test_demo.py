"""`make demo`, as CI runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from tests.fakes import git
from tests.processes import command_lines
from tests.serving.instance import ROOT, bare_environment, eventually


def demo(data, **more):
    environment = {**bare_environment(), "AURA_DATA_DIR": str(data), "CI": "", **more}
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_demo_goes_from_a_ticket_to_a_merged_file_and_can_be_run_again(tmp_path):
    for _ in range(2):
        process = demo(tmp_path, DEMO_APPROVE="1")
        output, _ = process.communicate(timeout=110)
        assert process.returncode == 0, output
        assert "Plan: " in output
        assert "/admin/tickets/ticket/" in output
        assert "  executing → resolved" in output
        assert "--- apps/nginx/deployment.yaml" in output
        assert "image: nginx:1.27" in output
    deployment = git(tmp_path / "gitops.git", "show", "main:apps/nginx/deployment.yaml")
    assert "replicas: 2" in deployment


def test_without_approval_the_demo_waits_and_ends_in_order_when_told_to(tmp_path):
    process = demo(tmp_path)
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if "#decide" in line:
            break
    assert any("prod-db" in line for line in lines), "".join(lines)
    token = (tmp_path / "first-token.txt").read_text().strip()
    assert any(token in line for line in lines)
    commands = [line.strip() for line in lines if line.startswith("  curl")]
    look, log, stream, approve, cluster, database = commands
    assert json.loads(shell(look))["plan"]["steps"]
    assert json.loads(shell(log))["entries"]
    streamed = ""
    for limit_s in (2, 20):  # a machine may stall
        if "event: connected" in (streamed := shell(f"timeout {limit_s} {stream} || true")):
            break
    assert "event: connected" in streamed
    assert "sandbox-control-plane" in json.loads(shell(cluster))["text"]
    assert "sessions" in json.loads(shell(database))["text"]
    assert json.loads(shell(approve))["status"] == "executing"
    second, _ = demo(tmp_path).communicate(timeout=40)
    assert second.startswith(f"Aura already runs on {tmp_path} (process ")
    assert len(second.splitlines()) == 1
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=40)
    assert "Traceback" not in output
    eventually(lambda: not command_lines(str(tmp_path)))


def shell(command: str) -> str:
    """What the command prints, pasted as it was printed."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    return done.stdout
