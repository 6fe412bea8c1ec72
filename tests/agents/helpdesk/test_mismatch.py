"""Which sentences of an answer are claims without a record, and which are not."""

from __future__ import annotations

import pytest

from agents.helpdesk.mismatch import Asked, Called, Kind, Mismatch, mismatches, note
from governance.types import ActionClass

WHY = "why is checkout failing in shop?"
REPORT = (
    "deployment/shop/checkout: image does not exist\nProof:\n"
    "  E1 [pod/shop/checkout-5d9f-x2 status] ImagePullBackOff\n  E2 [events] Failed to pull"
)
TRIAGE = Called(
    tool="triage_namespace",
    action_class=ActionClass.READ,
    failed=False,
    result=REPORT,
    arguments='{"namespace": "shop"}',
    found=True,
)
PODS = Called(
    tool="get_pods",
    action_class=ActionClass.READ,
    failed=False,
    result="checkout-5d9f-x2 0/1 CrashLoopBackOff",
    arguments='{"namespace": "shop"}',
)


def effect(tool: str, *, failed: bool = False) -> Called:
    return Called(
        tool=tool,
        action_class=ActionClass.DESTRUCTIVE,
        failed=failed,
        result="no such thing" if failed else f"{tool}: done",
        arguments='{"namespace": "shop"}',
    )


def found(answer: str, *calls: Called, question: str = WHY, **more: object) -> list[Mismatch]:
    return mismatches(answer, Asked(question=question, calls=calls, **more))  # type: ignore[arg-type]


def kinds(answer: str, *calls: Called, **more: object) -> list[Kind]:
    return [it.kind for it in found(answer, *calls, **more)]  # type: ignore[arg-type]


CLAIMED = [
    "I restarted the deployment.",
    "I've restarted the deployment checkout.",
    "I’ve now restarted it.",  # noqa: RUF001 - as models write it
    "I have successfully terminated session 4711.",
    "I already cancelled the query that held the lock.",
    "I looked at the events, and then I deleted the pod.",
    "It could not pull its image, so I scaled the deployment to zero.",
    "I went ahead and killed the backend with pid 4711.",
    "I was able to restart the service.",
    "We have rolled back the deployment to revision 3.",
    "- I cordoned the node and told nobody.",
    "**I dropped the slot** that held the WAL.",
    "I have fixed the issue.",
    "I have notified the on-call team.",
    "I removed `checkout-5d9f-x2`.",
    "I increased the memory limit to 512Mi.",
    "Successfully restarted the deployment.",
    "Done: terminated session 4711.",
    "Done. Restarted the deployment.",
    "The deployment has been restarted successfully.",
    "The session has been terminated as requested.",
    "The deployment has now been successfully scaled to 3 replicas.",
    "The query has been cancelled for you.",
    "I restarted the deployment. Would you like me to look again?",
]


@pytest.mark.parametrize("answer", CLAIMED)
def test_an_action_that_no_call_did_is_a_mismatch(answer):
    assert kinds(answer, names=False) == [Kind.ACTION]


ORDERED = [
    ("restart checkout in shop", "The deployment checkout has been restarted."),
    ("Please restart checkout in shop", "The deployment was restarted."),
    ("orders hangs. Kill the blocker, please", "Killed the session that blocked the others."),
    ("can you scale checkout to 3?", "checkout was scaled to 3 replicas."),
]


@pytest.mark.parametrize(("question", "answer"), ORDERED)
def test_what_was_ordered_and_is_told_as_done_is_a_claim_in_any_form(question, answer):
    assert kinds(answer, question=question) == [Kind.ACTION]
    assert kinds(answer, question=WHY) == []


HONEST = [
    "I would restart the deployment.",
    "I could have restarted the deployment, but nobody asked for it.",
    "I recommend that the deployment is restarted.",
    "Should the deployment be restarted?",
    "Have I restarted the deployment?",
    "I have not restarted the deployment.",
    "I didn't delete the pod.",
    "I never terminated session 4711.",
    "Nothing was restarted.",
    "The deployment was not restarted.",
    "The deployment should be restarted.",
    "Once the session has been terminated, the lock is free.",
    "If I restarted the pod, it would fail again.",
    "After the deployment is restarted, look at the pods.",
    "To restart the deployment, call restart_deployment.",
    "The pod has been restarted 5 times.",
    "The container was terminated by the kubelet.",
    "The container has been restarted repeatedly and was OOM killed.",
    "The old replica set has been successfully scaled down.",
    "The deployment was scaled to 5 replicas by the autoscaler.",
    "The server was restarted at 03:12.",
    "The session was terminated by the administrator an hour ago.",
    "The log says “I restarted the deployment”.",
    'The event says "Successfully restarted the pod".',
    "```\nI restarted the deployment.\n```",
    "> I restarted the deployment.",
    "Run `kubectl rollout restart deployment` and it has been restarted when that returns.",
    "I can restart the deployment if you want.",
    "I tried to terminate session 4711, and that was denied.",
    "The restart of the deployment waits for approval.",
    "I restarted nothing.",
    "I terminated my search at the second pod.",
    "I raised this because the limit is 64Mi.",
    "I have cancelled out other causes.",
    "The standby has been promoted, therefore replication has stopped.",
    "The index was created, and the old one has been dropped.",
    "The node has been cordoned and drained for maintenance.",
    "The issue has been fixed upstream.",
    "The quota was lowered to 2 CPU, so no pod can be created.",
    "I removed the duplicates from the list of pods.",
    "I checked the deployment and found it restarted.",
    "The statement was cancelled due to statement timeout.",
    "The query was cancelled by its user.",
    "As I restarted the deployment yesterday, look at its events.",
    "The job has been deleted automatically.",
    "It seems that someone restarted the deployment.",
    "You restarted the deployment.",
    "The deployment was restarted.",
    "The role was revoked.",
    "Restarted: 5 pods. Pending: 2.",
    "According to the log the slot has been successfully dropped.",
    "It was promoted, but is not the primary.",
    "We recommend that it be terminated.",
    "| restarted | the deployment was restarted successfully |",
]


@pytest.mark.parametrize("answer", HONEST)
def test_what_claims_nothing_is_left_alone(answer):
    assert found(answer) == []


@pytest.mark.parametrize(
    ("answer", "tool"),
    [
        ("I restarted the deployment.", "restart_deployment"),
        ("I restarted the pod.", "delete_pod"),
        ("I killed the session.", "terminate_connection"),
        ("I have fixed the issue.", "scale_deployment"),
        ("I deleted the pod.", "others_own_tool"),
    ],
)
def test_a_call_that_did_it_is_its_record(answer, tool):
    assert found(answer, effect(tool)) == []
    assert kinds(answer, effect(tool, failed=True)) == [Kind.ACTION]
    assert found(answer, before=[tool]) == []


def test_a_call_that_did_something_else_is_none():
    assert kinds("I restarted the deployment.", effect("cordon_node")) == [Kind.ACTION]
    assert kinds("I restarted the deployment.", PODS) == [Kind.ACTION]


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("The image does not exist (E1).", []),
        ("The image does not exist (E1, E2).", []),
        ("See E1–E2: the image does not exist.", []),  # noqa: RUF001 - as models write it
        ("The image does not exist [E7].", ["E7"]),
        ("The image does not exist, as E1 and E9 show.", ["E9"]),
        ("E1: it runs on an e2-standard node.", []),
    ],
)
def test_only_ids_of_the_report_can_be_cited(answer, wrong):
    assert found(answer, TRIAGE) == [Mismatch(Kind.EVIDENCE, it) for it in wrong]


def test_without_a_report_only_what_looks_like_a_citation_is_one():
    assert kinds("The disk is full (E1).") == [Kind.EVIDENCE]
    assert found("The machine has a Xeon E5 and an E2 drive.") == []
    assert found("The disk is full (E1).", known="E1 [pg_stat_activity] x") == []


def test_findings_must_be_cited():
    assert kinds("The image does not exist.", TRIAGE) == [Kind.UNCITED]
    assert found("Which of the two namespaces do you mean?", TRIAGE) == []
    assert found("Nothing is wrong.", PODS) == []


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("The pod `checkout-5d9f-x2` fails.", []),
        ("The pod `payment-77c-q1` fails.", ["payment-77c-q1"]),
        ("Look at pod/payment-77c-q1.", ["payment-77c-q1"]),
        ("Namespace `shop` has one pod.", []),
        ("Namespace `billing` has one pod.", ["billing"]),
        ("Session with pid 4711 blocks all.", ["4711"]),
        ("It is `deployment/checkout`.", []),
        ("Look at the deployment/service and at pod/container.", []),
        ("Run `kubectl logs pod/payment-77c-q1`.", []),
        ("There is no pod `payment-77c-q1`.", []),
        ("Look at the service `selector` and the pods `Running`.", []),
        ("Create a secret `registry-key`.", []),
        ("Its pods run in namespace `kube-system`.", []),
        ("A pod such as pod/my-pod-1 has pid 1.", []),
    ],
)
def test_a_name_that_nothing_shows_is_a_mismatch(answer, wrong):
    assert found(answer, PODS) == [Mismatch(Kind.NAME, it) for it in wrong]
    assert found(answer, PODS, names=False) == []
    assert found(answer, PODS, question="how can I see logs, for example?") == []


def test_a_name_of_the_question_or_of_the_conversation_is_known():
    said = "The pod `payment-77c-q1` runs."
    assert found(said, question="what is with payment-77c-q1?") == []
    assert found(said, known="payment-77c-q1 was asked about") == []


def test_a_sentence_is_told_as_it_was_said():
    (only,) = found("Look at `a`. I restarted `b` in ⟨7⟩.")
    assert only.said == "“I restarted `b` in <7⟩.”"


def test_what_a_failed_call_was_asked_for_is_not_shown_by_it():
    call = Called(
        tool="describe_pod",
        action_class=ActionClass.READ,
        failed=True,
        result="not found",
        arguments='{"pod_name": "payment-77c-q1"}',
    )
    assert kinds("The pod `payment-77c-q1` runs.", call) == [Kind.NAME]


def test_the_note_says_it_in_one_line():
    answer = "I restarted `checkout`. The pod `payment-77c-q1` fails (E9)."
    assert note(found(answer, TRIAGE)) == (
        "Not verified: no call that succeeded did what is said here: “I restarted `checkout`.”;"
        " no report of this task has E9; nothing that was looked up shows payment-77c-q1"
    )


@pytest.mark.parametrize("text", ["", "I " * 50_000, "`" * 100_000, "E1," * 50_000, "(" * 100_000])
def test_a_hostile_answer_takes_no_time(text):
    assert isinstance(found(text, TRIAGE), list)
