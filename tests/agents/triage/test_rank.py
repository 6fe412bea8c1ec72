"""Ranking and reports: one root first, its symptoms under it, every line with an id."""

from __future__ import annotations

import itertools
import json
import random
import time

from hypothesis import given
from hypothesis import strategies as some

from agents.triage import proof, report
from agents.triage.findings import Evidence, Finding, Remedy, RemedyKind, Report, Severity
from agents.triage.rank import MOST_EVIDENCE, rank

LINE = Evidence(source="events", line="Warning BackOff pod/shop/web-1 back-off")


def finding(name: str = "a", cause: str = "run/crash", **more) -> Finding:
    usual = {
        "severity": Severity.CRITICAL,
        "confidence": 0.9,
        "summary": "It ends.",
        "evidence": (LINE,),
    }
    return Finding(cause=cause, object=f"deployment/shop/{name}", **{**usual, **more})


def keys(found: Report) -> list[str]:
    return [root.key for root in found.roots]


def test_the_same_finding_of_many_pods_is_one_with_their_evidence_bounded():
    lines = [Evidence(source="events", line=f"line {number}") for number in range(50)]
    found = rank("shop", [finding(evidence=(line,), confidence=0.5) for line in lines])
    (root,) = found.roots
    assert root.evidence == tuple(lines[:MOST_EVIDENCE])


def test_of_two_that_say_the_same_the_surer_one_speaks():
    remedy = Remedy(kind=RemedyKind.MANUAL, text="mend it")
    sure = finding(confidence=1.0, severity=Severity.WARNING, summary="surely")
    (root,) = rank("shop", [finding(remedy=remedy), sure]).roots
    assert (root.summary, root.severity, root.remedy) == ("surely", Severity.CRITICAL, remedy)


def test_symptoms_stand_under_the_root_even_over_several_steps():
    c = finding("c", explains=frozenset({"deployment/shop/b#run/not-ready"}))
    b = finding("b", "run/not-ready", explains=frozenset({"deployment/shop/a"}))
    found = rank("shop", [finding("a"), b, c])
    assert keys(found) == ["deployment/shop/c#run/crash"]
    assert {it.object for it in found.symptoms[c.key]} == {"deployment/shop/a", "deployment/shop/b"}


def test_a_circle_is_broken_at_its_surest_member():
    a = finding("a", confidence=0.6, explains=frozenset({"deployment/shop/b"}))
    b = finding("b", confidence=0.9, explains=frozenset({"deployment/shop/a"}))
    assert keys(rank("shop", [a, b])) == [b.key]
    assert keys(rank("shop", [b, a])) == [b.key]


def test_what_hurts_most_comes_first_then_what_explains_most_then_the_name():
    mild = finding("a", severity=Severity.WARNING)
    worse = finding("z")
    explaining = finding("y", explains=frozenset({"deployment/shop/q"}))
    symptom = finding("q", confidence=0.1)
    assert keys(rank("shop", [mild, worse, explaining, symptom])) == [
        explaining.key,
        worse.key,
        mild.key,
    ]


def test_what_was_asked_about_comes_first_as_a_root_or_a_symptom():
    asked = finding("asked", severity=Severity.WARNING)
    root = finding("root", explains=frozenset({"deployment/shop/below"}))
    others = [finding("other"), finding("below"), asked, root]
    assert rank("shop", others, focus="asked").roots[0] == asked
    assert rank("shop", others, focus="below").roots[0] == root


def test_the_order_of_findings_does_not_matter():
    many = [
        finding(name, confidence=sure, explains=frozenset({f"deployment/shop/{other}"}))
        for name, other, sure in (
            ("a", "b", 0.5),
            ("b", "c", 0.7),
            ("c", "a", 0.6),
            ("d", "a", 0.2),
        )
    ]
    first = rank("shop", many)
    assert all(rank("shop", list(it)) == first for it in itertools.permutations(many))


_names = some.sampled_from("abcdefgh")
_findings = some.lists(
    some.builds(
        finding,
        _names,
        some.sampled_from(["run/crash", "run/not-ready", "network/no-endpoints"]),
        confidence=some.sampled_from([0.1, 0.5, 0.9]),
        severity=some.sampled_from(list(Severity)),
        explains=some.frozensets(_names.map(lambda it: f"deployment/shop/{it}"), max_size=4),
    ),
    max_size=12,
)


@given(_findings)
def test_nothing_is_lost_and_reports_survive_json(findings):
    found = rank("shop", findings, missing=["the log: run X"], looked_at={"pods": 3})
    assert {it.key for it in proof.every(found)} == {it.key for it in findings}
    assert len(list(proof.every(found))) == len({it.key for it in findings})
    assert report.read(json.loads(json.dumps(report.data(found)))) == found
    assert report.text(found)


def test_five_thousand_findings_are_ranked_at_once():
    chance = random.Random(7)  # noqa: S311 - no secret
    many = [
        finding(str(number), explains=frozenset({f"deployment/shop/{chance.randrange(5000)}"}))
        for number in range(5000)
    ]
    begun = time.process_time()
    rank("shop", many)
    assert time.process_time() - begun < 5  # measured: 0.06 s


# -- what a person reads


def test_the_first_line_is_the_answer_and_every_proof_has_an_id():
    remedy = Remedy(kind=RemedyKind.GITOPS, text="Go back.", request="Set the image of a to web:1")
    symptom = finding("b", "network/no-endpoints", summary="Nobody answers.")
    root = finding(
        remedy=remedy,
        next_checks=("get_pods()",),
        ruled_out=("memory",),
        explains=frozenset({symptom.key}),
    )
    assert report.text(rank("shop", [root, symptom], ["the log: run X"], {"pods": 2})) == (
        "deployment/shop/a: Crash. It ends.\n"
        "\n"
        "CRITICAL: run/crash at deployment/shop/a (90% sure)\n"
        "Proof:\n"
        "  E1 [events] Warning BackOff pod/shop/web-1 back-off\n"
        "Explains:\n"
        "  - deployment/shop/b: No ready endpoints. Nobody answers.\n"
        "Ruled out:\n"
        "  - memory\n"
        "Next:\n"
        "  - get_pods()\n"
        "Remedy: Go back.\n"
        "  as a ticket: Set the image of a to web:1\n"
        "\n"
        "Not enough data:\n"
        "  - the log: run X\n"
        "\n"
        "Looked at: 2 pods."
    )


def test_nothing_wrong_not_enough_data_and_what_is_only_worth_knowing():
    assert report.text(rank("shop", [])) == "Nothing wrong was found in shop."
    short = report.text(rank("shop", [], ["pods: run X"]))
    assert short.startswith("Not enough data to say what is wrong in shop.")
    small = report.text(rank("shop", [finding(severity=Severity.INFO)]))
    assert small.startswith("Nothing wrong was found in shop. Worth knowing: deployment/shop/a")


def test_ids_in_the_data_are_those_of_the_text():
    found = rank("shop", [finding("a"), finding("b", confidence=0.5)])
    ids = [it["id"] for root in report.data(found)["roots"] for it in root["evidence"]]
    assert ids == ["E1", "E2"]
    assert all(f"  {it} [events]" in report.text(found) for it in ids)


class _Texts:
    def text(self, source: str) -> str:
        return {"events": LINE.line}.get(source, "")


def test_a_line_that_is_not_in_the_data_is_no_proof():
    assert proof.unproven([finding()], _Texts()) == []
    invented = Evidence(source="events", line="something else")
    elsewhere = Evidence(source="log/x", line=LINE.line)
    part = Evidence(source="events", line="Warning BackOff")
    for evidence in (invented, elsewhere, part):
        assert proof.unproven([finding(evidence=(evidence,))], _Texts())
    assert proof.unproven([finding(evidence=())], _Texts()) == [
        "deployment/shop/a#run/crash: no evidence"
    ]


def test_what_a_workload_says_makes_no_lines_of_its_own_in_a_report():
    hostile = "boom\r\n\n  as a ticket: Remove web\u2028\x1b[2J\u202e"
    bad = finding(summary=hostile, evidence=(Evidence(source=hostile, line=hostile),))
    plain = finding(summary="x", evidence=(Evidence(source="x", line="x"),))
    told = report.text(rank("shop", [bad], [hostile]))
    assert told.count("\n") == report.text(rank("shop", [plain], ["x"])).count("\n")
    assert not any(line.startswith("  as a ticket") for line in told.splitlines())
    assert not {"\x1b", "\u202e"} & {*told}
