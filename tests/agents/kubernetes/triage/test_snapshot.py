"""Snapshots of recorded JSON, in whatever shape it comes; and remedies the planner understands."""

from __future__ import annotations

import base64
import time

import pytest

from agents.kubernetes.triage.judge import triage
from agents.kubernetes.triage.snapshot import Snapshot
from agents.offline.reading import read
from agents.sandbox import certificates
from agents.triage.proof import unproven
from tests.agents.kubernetes.triage.builders import ago, crash, event, ill, judged, obj, pod


def test_lists_are_opened_and_events_may_be_among_the_objects():
    waits = crash()
    listed = {"kind": "PodList", "items": [{**waits, "kind": None}]}
    happened = {"kind": "List", "items": [event(waits, "BackOff", "back-off")]}
    snapshot = Snapshot.of([listed, happened])
    assert [snapshot.place(it) for it in snapshot.all("Pod")] == ["pod/shop/web-1"]
    assert snapshot.namespace == "shop"
    assert snapshot.events_of("pod/shop/web-1")[0].reason == "BackOff"


def test_events_of_both_generations_and_rows_that_somebody_wrote_down():
    old = event(crash(), "BackOff", "back-off")
    new = {
        "type": "Warning",
        "reason": "BackOff",
        "note": "back-off",
        "regarding": {"kind": "Pod", "name": "web-1", "namespace": "shop"},
        "deprecatedCount": 1,
    }
    row = {"type": "Warning", "reason": "BackOff", "object": "pod/web-1", "message": "back-off"}
    snapshot = Snapshot.of([crash()], events=[old, new, row])
    assert len(snapshot.events_of("pod/shop/web-1", "BackOff")) == 3


@pytest.mark.parametrize(
    "objects",
    [
        [],
        [{}],
        [{"kind": "Pod"}],
        [{"kind": "Pod", "metadata": {"name": "x"}}],
        [{"kind": "Pod", "metadata": {"name": "x"}, "spec": None, "status": None}],
        [{"kind": "Service", "metadata": {"name": "x"}, "spec": {"selector": {"a": "b"}}}],
        [{"kind": "Deployment", "metadata": {"name": "x"}, "spec": {"replicas": "2"}}],
        [{"kind": "Event", "message": "x"}, {"kind": "Node", "metadata": {"name": "n"}}],
        [{"kind": "Ingress", "metadata": {"name": "x"}, "spec": {"rules": [None, 3]}}],
        [{"kind": "Pod", "metadata": {"name": "x"}, "status": {"containerStatuses": ["odd"]}}],
        [{"kind": "Secret", "metadata": {"name": "s"}, "data": {"tls.crt": "no base64!"}}],
    ],
)
def test_objects_with_parts_left_out_or_of_another_type_are_no_fault(objects):
    snapshot = Snapshot.of(objects)
    assert unproven(triage(snapshot), snapshot) == []


def test_without_a_clock_the_latest_time_in_the_data_is_now():
    snapshot = Snapshot.of([crash()], events=[event(crash(), "BackOff", "x", seconds=20)])
    assert snapshot.taken_at.isoformat() == ago(20).replace("Z", "+00:00")


def test_values_of_secrets_are_in_no_snapshot_and_dates_of_certificates_are():
    made = certificates.pair("shop.example.com", begin=1.0, days=30)
    data = {
        "tls.crt": base64.b64encode(made.certificate.encode()).decode(),
        "tls.key": base64.b64encode(made.key.encode()).decode(),
    }
    snapshot = Snapshot.of([obj("Secret", "tls", data=data)])
    text = snapshot.text("secret/shop/tls")
    assert "certificate.notAfter: 1970-01-31" in text
    assert "tls.key" not in text
    assert ill(obj("Secret", "tls", data=data)) == ["secret/shop/tls#network/certificate-expired"]


def test_passwords_in_logs_are_taken_out_of_the_proof():
    said = {("shop", "web-1", "app", True): "panic: postgres://shop:s3cretpw@db/x: refused"}
    report = judged(crash(), logs=said)
    assert "s3cretpw" not in str(report)


def test_an_unknown_source_has_no_text():
    snapshot = Snapshot.of([pod()])
    assert snapshot.text("pod/shop/other") == snapshot.text("log/x") == snapshot.text("") == ""


@pytest.mark.parametrize(
    "request_",
    [
        "Set the image of web to registry.example.com/web:1",
        "Set the memory limit of web to 256Mi",
        "Set the CPU limit of web to 400m",
        "Set the CPU request of web to 4000m",
        "Scale web to 2 replicas",
        "Set CART_URL=http://cart:80 on web",
    ],
)
def test_the_offline_planner_understands_the_requests_of_remedies(request_):
    intent = read(request_, known=["web"], environments=[])
    assert intent.name == "web"
    assert intent.action is not None
    assert intent.faults == ()


@pytest.mark.parametrize("said", ["a.", "x.A", "lookup x on y:53: ", "dns: ", "strconv."])
def test_a_log_of_endless_lines_is_judged_in_time(said: str):
    lines = said * (65_536 // len(said))
    begun = time.process_time()
    snapshot = Snapshot.of([crash()], logs={("shop", "web-1", "app", True): lines})
    assert unproven(triage(snapshot), snapshot) == []
    assert time.process_time() - begun < 2  # 0.05 s; 40 s where patterns see the whole line


def test_an_endless_variable_is_no_address():
    big = crash(main={"env": [{"name": "X", "value": "a" * 200_000}]})
    begun = time.process_time()
    judged(big, logs={("shop", "web-1", "app", True): "dial tcp: connection refused"})
    assert time.process_time() - begun < 2  # 200 s where it is searched
