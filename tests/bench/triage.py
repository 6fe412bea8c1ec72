"""Triage: how long rules take over a namespace of many pods after its objects are read.

.venv/bin/python tests/bench/triage.py [--pods 500] [--rounds 7]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aura.settings")  # noqa: TID251 - Django's own

from agents.kubernetes.triage.judge import triage
from agents.kubernetes.triage.snapshot import Snapshot
from tests.agents.kubernetes.triage.builders import NOON, Obj, crash, event, obj, pod

OF_ONE = 10  # pods of a workload
ILL = 5  # one workload in so many crashes


def namespace(pods: int) -> tuple[list[Obj], dict[Any, str]]:
    """Workloads of ten pods with a service each; a fifth of them in a crash loop, with logs."""
    objects: list[Obj] = []
    logs: dict[Any, str] = {}
    for number in range(pods // OF_ONE):
        name, ill = f"web-{number}", number % ILL == 0
        labels, owner = {"app": name}, [{"kind": "StatefulSet", "name": name, "controller": True}]
        ports = [{"port": 80}]
        objects.append(obj("Service", name, spec={"selector": labels, "ports": ports}))
        template = {"metadata": {"labels": labels}}
        objects.append(obj("StatefulSet", name, spec={"replicas": OF_ONE, "template": template}))
        for place in range(OF_ONE):
            make = crash if ill else pod
            made = make(name=f"{name}-{place}", labels=labels)
            made["metadata"]["ownerReferences"] = owner
            objects += [made, event(made, "BackOff" if ill else "Pulled", "as it is", count=3)]
            if ill and place < 2:  # as many logs as are read of a workload
                lines = ["level=info msg=working"] * 190 + ["panic: runtime error: nil"]
                logs["shop", f"{name}-{place}", "app", True] = "\n".join(lines)
    return objects, logs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    objects, logs = namespace(asked.pods)
    made_ms, judged_ms, cpu_ms, causes = [], [], [], 0
    for _ in range(asked.rounds):
        begun = time.perf_counter()
        snapshot = Snapshot.of(objects, namespace="shop", logs=logs, taken_at=NOON)
        between, cpu = time.perf_counter(), time.process_time()
        causes = len(triage(snapshot).roots)
        judged_ms.append((time.perf_counter() - between) * 1000)
        cpu_ms.append((time.process_time() - cpu) * 1000)
        made_ms.append((between - begun) * 1000)
    print(f"{asked.pods} pods, {len(objects)} objects, {causes} causes")  # noqa: T201
    print(f"snapshot made in  {statistics.median(made_ms):7.1f} ms (median of {asked.rounds})")  # noqa: T201
    judged, worst = statistics.median(judged_ms), max(judged_ms)
    print(f"judged in         {judged:7.1f} ms, worst {worst:.1f}")  # noqa: T201
    print(f"of it CPU         {statistics.median(cpu_ms):7.1f} ms")  # noqa: T201


if __name__ == "__main__":
    main()
