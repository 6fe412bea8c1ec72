"""Sentences that ask why something fails: tickets and questions are read alike."""

from __future__ import annotations

from typing import Any

import pytest

from agents.kubernetes import questions
from agents.offline.diagnosis import wish
from agents.runtime.llm import Task
from governance.inventory import NOTHING


@pytest.fixture(autouse=True)
def no_inventory(monkeypatch: Any) -> None:
    monkeypatch.setattr(questions, "registered", lambda: NOTHING)


@pytest.mark.parametrize(
    ("sentence", "namespace", "workload"),
    [
        ("Find out what is wrong with hello in namespace demo, and mend it.", "demo", "hello"),
        ("why is checkout failing in shop?", "shop", "checkout"),
        ("What is wrong in namespace shop?", "shop", ""),
        ("Find out what is wrong with namespace shop, and mend it.", "shop", ""),
        ("Why is the shop namespace broken?", "shop", ""),
        ("Why are pods pending in shop?", "shop", ""),
        ("Why does the checkout service keep restarting in shop?", "shop", "checkout"),
        ("Why can't users reach the frontend? It is in shop", "shop", "frontend"),
        ("Why is pod web-7d4b9 in namespace shop not ready?", "shop", "web-7d4b9"),
        ("Why is deployment web slow in namespace shop?", "shop", "web"),
        ("Why is my app failing in shop?", "shop", ""),
        ("Why are our pods crashing in namespace shop?", "shop", ""),
        ("diagnose checkout in shop", "shop", "checkout"),
        ("Investigate why checkout is slow in namespace shop", "shop", "checkout"),
        ("Troubleshoot the checkout service in shop", "shop", "checkout"),
        ("Find the root cause of checkout failing in namespace shop", "shop", "checkout"),
        ("What is wrong with the deployment checkout in shop?", "shop", "checkout"),
        ("what is wrong with the cluster in namespace kube-system", "kube-system", ""),
        ('Why does "checkout" fail in -n shop', "shop", "checkout"),
        ("why is checkout failing?\n\nnamespace=shop", "shop", "checkout"),
    ],
)
def test_a_ticket_and_a_question_look_at_the_same(sentence, namespace, workload):
    expected = {"namespace": namespace} | ({"workload": workload} if workload else {})
    assert wish(Task(title="", description=sentence, planned=False)) == expected
    looks = [dict(asked) for tool, asked in questions.calls_for(sentence)]
    assert looks == [expected]


@pytest.mark.parametrize(
    "sentence", ["Why is checkout in crashloop?", "Why is it failing in general?", "Why?"]
)
def test_a_state_is_no_namespace(sentence):
    assert wish(Task(title="", description=sentence, planned=False)) is None
    assert not any(
        "namespace" in dict(asked)
        for _, asked in questions.calls_for(sentence)
        if dict(asked).get("namespace") != "all"
    )
