"""Counts of several processes, added up."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.metrics import MetricWrapperBase

from aura.kernel.telemetry import metrics, shared

COUNT = """
import sys
from pathlib import Path
from aura.kernel.telemetry import metrics, shared
print(shared.enable(Path(sys.argv[1]), sys.argv[2]))
metrics.TURNS.labels("planning").inc(int(sys.argv[3]))
metrics.TOOL_SECONDS.labels("git_push", "write", "ok").observe(0.2)
metrics.STREAMS_OPEN.labels("api").inc()
print("counted", flush=True)
sys.stdin.read()
"""


class Counting:
    """A process that counts `amount` turns and then stays."""

    def __init__(self, data: Path, role: str, amount: int) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-c", COUNT, str(data), role, str(amount)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.place = self.process.stdout.readline().strip()
        assert self.process.stdout.readline() == "counted\n"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def value(data: Path, sample: str) -> float | None:
    """Of one sample of the page."""
    page = generate_latest(shared.registry(data)).decode()
    found = re.search(rf"^{re.escape(sample)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else None


TURNS = 'aura_turns_total{phase="planning"}'
OPEN = 'aura_streams_open{surface="api"}'


def test_one_page_shows_the_sum_of_all_processes_and_survives_their_death(tmp_path: Path) -> None:
    first, second = Counting(tmp_path, "worker", 2), Counting(tmp_path, "worker", 3)
    try:
        assert {first.place, second.place} == {"worker-0", "worker-1"}
        assert value(tmp_path, TURNS) == 5
        assert value(tmp_path, OPEN) == 2
        assert value(tmp_path, 'aura_process_open_fds{process="worker-1"}')
        calls = 'aura_tool_call_duration_seconds_bucket{action_class="write",le="0.25",outcome="ok"'
        assert value(tmp_path, calls + ',tool="git_push"}') == 2
        first.kill()
        assert value(tmp_path, TURNS) == 5, "a total never falls"
        assert value(tmp_path, OPEN) == 1, "what a dead process held open is closed"
        assert value(tmp_path, 'aura_process_open_fds{process="worker-0"}') is None
        first = Counting(tmp_path, "worker", 10)
        assert first.place == "worker-0", "the successor takes the place"
        assert value(tmp_path, TURNS) == 15
        assert value(tmp_path, OPEN) == 2
    finally:
        first.kill()
        second.kill()


def test_a_page_without_anybody_counting_is_empty_and_no_failure(tmp_path: Path) -> None:
    assert value(tmp_path, TURNS) is None


def test_no_label_can_hold_an_id() -> None:
    unbounded = {"ticket", "ticket_id", "id", "run", "path", "user", "trace_id", "client", "model"}
    for metric in metrics.REGISTRY._collector_to_names:
        assert isinstance(metric, MetricWrapperBase)
        assert metric._labelnames, f"{metric} would exist before it is known where values live"
        assert not set(metric._labelnames) & unbounded
