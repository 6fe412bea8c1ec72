"""Whether a run gets anywhere."""

from __future__ import annotations

from agents.runtime.progress import Did, judge


def did(tool: str, result: str = "ok", *, arguments: str = "{}", **more: bool) -> Did:
    flags = {"failed": False, "effect": False, "polls": False, **more}
    return Did(tool=tool, arguments=arguments, result=result, **flags)


def verdicts(*turns: list[Did]) -> list[str]:
    recent: list[str] = []
    told: list[str] = []
    for turn in turns:
        verdict, recent = judge("", turn, recent)
        told.append(verdict)
    return told


def test_the_same_look_with_the_same_answer_leads_nowhere():
    assert verdicts([did("a")], [did("a")]) == ["forward", "nowhere"]


def test_taking_turns_between_two_looks_leads_nowhere():
    one, other = [did("a")], [did("b")]
    assert verdicts(one, other, one, other, one) == ["forward"] * 2 + ["nowhere"] * 3


def test_taking_turns_between_two_effects_leads_nowhere():
    one = [did("write", arguments='{"x": 1}', effect=True)]
    other = [did("write", arguments='{"x": 2}', effect=True)]
    assert verdicts(one, other, one, other) == ["forward"] * 2 + ["nowhere"] * 2


def test_another_answer_to_the_same_question_is_news():
    assert verdicts([did("a", "1")], [did("a", "2")], [did("a", "3")]) == ["forward"] * 3


def test_looking_again_after_an_effect_is_no_repetition():
    look, effect = [did("status")], [did("commit", effect=True)]
    assert verdicts(look, effect, look) == ["forward"] * 3


def test_a_poll_that_answers_the_same_is_not_stopped_and_proves_nothing_either():
    poll = [did("wait", polls=True)]
    assert verdicts(poll, poll, poll) == ["polling"] * 3


def test_failed_calls_and_mere_words_lead_nowhere():
    assert verdicts([did("a", failed=True)], []) == ["nowhere", "nowhere"]


def test_what_is_remembered_does_not_grow():
    recent: list[str] = []
    for n in range(100):
        _, recent = judge("", [did("a", str(n))], recent)
    assert len(recent) == 12
