"""What attempts are worth, and what counts as worse."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from agents.evaluation import chart, scores
from agents.evaluation.case import Case, Target, nothing
from agents.evaluation.running import NotForTests, judged, run
from agents.evaluation.scores import Attempt
from agents.triage.findings import Finding, Remedy, RemedyKind, Report, Severity


def attempt(case: str = "a/one", place: int = 1, **more: Any) -> Attempt:
    return Attempt(case=case, category=case.partition("/")[0], place=place, **more)


def finding(cause: str, severity: Severity = Severity.CRITICAL, **more: Any) -> Finding:
    return Finding(
        cause=cause,
        object="deployment/shop/web",
        severity=severity,
        confidence=1.0,
        summary="It is so.",
        evidence=(),
        **more,
    )


def case(**more: Any) -> Case[Target]:
    kept = {"name": "a/one", "category": "a", "expected": ("run/panic",), "inject": nothing}
    return Case(**{**kept, **more})


class Untagged:
    tags = frozenset({"production"})

    def triage(self, question: str) -> Report:
        raise AssertionError("nobody may look at it, and nothing may be broken")


class Broken:
    tags = frozenset({"test"})

    def triage(self, question: str) -> Report:
        raise ConnectionError("the server\nis away")


def test_nothing_is_broken_on_what_is_not_tagged_for_it() -> None:
    with pytest.raises(NotForTests, match="'test'"):
        list(run([case()], Untagged(), runs=1))


def test_a_case_that_fails_is_an_attempt_with_its_error() -> None:
    (told,) = run([case()], Broken(), runs=1)
    assert (told.place, told.error) == (0, "ConnectionError: the server is away")


def test_a_case_that_needs_what_the_target_lacks_is_left_out() -> None:
    needy = case(needs=frozenset({"standby"}))
    assert list(run([needy], Broken(), runs=1)) == []
    assert len(list(run([needy], Broken(), runs=2, abilities=frozenset({"standby"})))) == 2


def test_the_place_of_the_right_cause_counts_to_three() -> None:
    wrong = finding("run/crash")
    for before, place in ((0, 1), (1, 2), (2, 3), (3, 0)):
        roots = (*[wrong] * before, finding("run/panic"))
        assert judged(case(), Report(about="x", roots=roots)).place == place


def test_the_right_cause_at_the_wrong_object_is_wrong() -> None:
    report = Report(about="x", roots=(finding("run/panic"),))
    assert judged(case(about="web"), report).place == 1
    assert judged(case(about="api"), report).place == 0


def test_worth_knowing_is_no_alarm() -> None:
    healthy = Report(about="x", roots=(finding("run/panic", Severity.INFO),))
    assert judged(case(), healthy, healthy=healthy).false_alarms == ()
    alarmed = Report(about="x", roots=(finding("run/panic", Severity.WARNING),))
    assert judged(case(), healthy, healthy=alarmed).false_alarms == ("run/panic",)


def test_a_call_that_does_not_mend_is_a_wrong_remedy() -> None:
    remedy = Remedy(kind=RemedyKind.TOOL, text="Do it.", tool="delete_pod")
    report = Report(about="x", roots=(finding("run/panic", remedy=remedy),))
    assert judged(case(), report).wrong_remedy == "delete_pod"
    assert judged(case(remedies=("delete_pod",)), report).wrong_remedy == ""
    assert judged(case(expected=("run/crash",), remedies=("delete_pod",)), report).wrong_remedy


def test_pass_k_asks_for_every_run() -> None:
    told = scores.score([attempt(), attempt(place=2), attempt("a/two"), attempt("a/two")])
    assert (told.cases, told.attempts) == (2, 4)
    assert (told.at_1, told.at_3, told.passed_all) == (0.75, 1.0, 0.5)


def test_of_nothing_there_is_no_score() -> None:
    with pytest.raises(ValueError, match="no attempt"):
        scores.score([])


def test_what_is_written_can_be_read() -> None:
    told = [attempt(found=("run/panic",)), attempt("b/x", 0, false_alarms=("run/crash",))]
    text = json.dumps(scores.as_json(told, runs=1))
    assert scores.read(json.loads(text)) == told


@pytest.mark.parametrize("said", [{}, [], {"version": 9}, {"version": 1, "attempts": [{"a": 1}]}])
def test_anything_else_is_no_evaluation(said: Any) -> None:
    with pytest.raises(ValueError, match=r"no evaluation|unknown"):
        scores.read(said)


def test_worse_is_what_was_right_before() -> None:
    before = [attempt("a/one"), attempt("a/two", 0), attempt("a/gone")]
    after = [
        attempt("a/one", 0, found=("run/crash",)),
        attempt("a/two", 0),
        attempt("a/new", 0),
    ]
    assert scores.regressions(before, after) == ["a/one: missed in 1 of 1 runs: run/crash"]
    alarmed = [attempt("a/one", false_alarms=("run/panic",))]
    (worse,) = scores.regressions(before, alarmed)
    assert worse == "a/one: false alarm in 1 of 1 runs: run/panic"
    assert scores.regressions(before, before) == []


def test_the_chart_is_a_picture_that_can_be_read_aloud() -> None:
    told = scores.by_category([attempt("a<b/one"), attempt("c/x", 0)])
    root = ElementTree.fromstring(chart.svg("Right & first", told))  # noqa: S314 - our own
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[1:] == ["a<b", "1.00 of 1 (1 cases)", "c", "0.00 of 1 (1 cases)"]
    widths = [
        float(node.attrib["width"]) for node in root.iter() if node.attrib.get("class") == "bar"
    ]
    assert widths == [380.0, 0.0]
