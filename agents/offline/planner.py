"""The language model without a model: rules decide the next step of a ticket's conversation.

It keeps no state. Every call reads the whole conversation, works out how far the work has come, and
answers with the next step: list, read, (ask), plan, write, stage, commit, push, resolve. The same
conversation gives the same answer. It always ends: questions, plans and replies are counted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal

from agents.offline import answers, diagnosis, steps
from agents.offline.diagnosis import TRIAGE, Diagnosis
from agents.offline.drafting import GIVE_UP, draft
from agents.offline.execution import WATCHING, Work, left_over, touched
from agents.offline.intent import Intent
from agents.offline.layout import Repository, survey
from agents.offline.outcome import Draft, Hopeless, Nothing, Question, Topic
from agents.offline.reading import read
from agents.offline.steps import (
    END,
    LIST,
    PLAN,
    PREVIEW,
    READ,
    RESOLVE,
    Call,
    Step,
    ask,
    attempt,
    give_up,
)
from agents.offline.transcript import Exchange, Transcript, listed, transcript
from agents.offline.values import shown
from agents.offline.wanted import wanted
from agents.runtime.llm import Reply, Request, Task, ToolCall, Usage

MAX_REPLIES = 36
MAX_PLANS = 6
MAX_STEPS = 20
APPROVED = "Plan approved"
# Where applications are looked for when the list of all files was cut.
USUAL = ("AGENTS.md", "apps", "clusters", "deploy", "k8s", "kubernetes", "manifests", "services")


class OfflinePlanner:
    """A `LanguageModel` of rules: no key, no tokens, no network."""

    name = "offline"

    def complete(self, request: Request) -> Reply:
        """The next step of the conversation. Raises nothing on purpose."""
        talk = transcript(request.messages)
        offered = {tool.name for tool in request.tools}
        cluster = frozenset(offered & {*WATCHING, PREVIEW, TRIAGE})
        step = _offered(_bounded(request.task, talk, cluster), offered)
        calls = tuple(
            ToolCall(
                id=f"call_{talk.replies}_{place}",
                name=tool,
                arguments=json.dumps(arguments, ensure_ascii=False),
            )
            for place, (tool, arguments) in enumerate(step.calls)
        )
        return Reply(text=step.why, tool_calls=calls, usage=Usage(cost=Decimal(0)), model=self.name)


def _offered(step: Step, tools: set[str]) -> Step:
    """Only tools that the request offers are called; without one the work cannot go on."""
    missing = next((tool for tool, _ in step.calls if tool not in tools), None)
    if missing is None:
        return step
    reason = f"I need the tool {missing} for the next step, and it is not offered."
    return give_up(reason) if END in tools else Step(reason)


def _bounded(task: Task, talk: Transcript, cluster: frozenset[str]) -> Step:
    if any(e.failed for e in talk.of(END)):
        return Step("The work has ended, and the ticket could not be closed.")
    if talk.spent >= MAX_REPLIES:
        return give_up(f"{MAX_REPLIES} steps were not enough: a person should look at this ticket.")
    wish = diagnosis.wish(task) if TRIAGE in cluster else None
    if wish is None:
        return _surveyed(diagnosis.without_alerts(task), talk, cluster)
    seen = next((e for e in talk.of(TRIAGE) if not e.failed), None)
    if seen is None:
        return attempt(talk, "I look for what is wrong first.", [(TRIAGE, wish)])
    found = diagnosis.told(seen)
    if found.healthy:
        return attempt(talk, "There is nothing to mend.", [(RESOLVE, {"summary": found.answer})])
    directed = replace(task, title=found.request, description="")
    return _surveyed(directed, talk, cluster, found)


def _surveyed(
    task: Task, talk: Transcript, cluster: frozenset[str], found: Diagnosis | None = None
) -> Step:
    """The next step once the repository's files are known; until then, to list them."""
    listings = [e for e in talk.of(LIST) if not e.failed]
    if not listings:
        return attempt(talk, "I look at what the repository holds.", [(LIST, {})])
    if not listings[0].whole and len(talk.of(LIST)) <= len(USUAL):
        calls = tuple((LIST, {"prefix": prefix}) for prefix in USUAL)
        return Step(
            "The repository is too large for one list; I look into the usual places.", calls
        )
    return _next(replace(_case(task, talk, listings, cluster), found=found))


@dataclass(frozen=True, slots=True)
class _Case:
    """Everything known about one ticket at one moment; `cluster`: tools of it that are offered."""

    task: Task
    talk: Transcript
    repository: Repository
    intent: Intent
    abandoned: bool
    cluster: frozenset[str]
    found: Diagnosis | None = None


def _case(task: Task, talk: Transcript, listings: list[Exchange], cluster: frozenset[str]) -> _Case:
    texts = {
        str(e.arguments.get("path")): e.result
        for e in reversed(talk.of(READ))
        if not e.failed and e.whole
    }
    repository = survey((path for listing in listings for path in listed(listing)), texts)
    intent, abandoned = _understood(task, talk, repository)
    return _Case(task, talk, repository, intent, abandoned, cluster)


def _understood(task: Task, talk: Transcript, repository: Repository) -> tuple[Intent, bool]:
    """The ticket with every answer and feedback in the order they were given; later ones win.

    The flag says that a person wants the present attempt to end.
    """
    known, places = tuple(repository.applications), repository.environments
    intent = read(f"{task.title}\n{task.description}", known=known, environments=places)
    abandoned = False
    for exchange in talk.exchanges:
        said = None
        topic = steps.about(exchange)
        if exchange.tool == PLAN and exchange.rejection is not None:
            said = exchange.rejection
            intent = answers.fed_back(intent, said, known=known, environments=places)
        elif topic is not None and not exchange.failed:
            said = exchange.result
            intent = answers.answered(
                intent, topic[0], topic[1], said, known=known, environments=places
            )
        if said is not None and exchange.number >= talk.since:
            abandoned = abandoned or answers.gives_up(said)
    return intent, abandoned


def _next(case: _Case) -> Step:
    if case.abandoned:
        return give_up(steps.ABANDONED)
    paths = _unread(case)
    if paths:
        calls: list[Call] = [(READ, {"path": path}) for path in paths]
        count = f"{len(paths)} file{'' if len(paths) == 1 else 's'}"
        return attempt(case.talk, f"I read {count} that this may touch.", calls)
    return _decide(case)


def _unread(case: _Case) -> list[str]:
    """Files to read: never tried, or of the application itself and failed so far."""
    tried = {e.arguments.get("path"): e for e in case.talk.of(READ)}
    application = case.repository.applications.get(case.intent.name or "")
    needed = application.files if application else ()
    paths = wanted(case.repository, case.intent.name)
    new = [path for path in paths if path not in tried]
    return new or [path for path in paths if path in needed and tried[path].failed]


def _decide(case: _Case) -> Step:
    if case.found and not case.found.request and case.intent.empty:
        return ask(case.talk, case.found.question)
    outcome = draft(case.intent, case.repository)
    if isinstance(outcome, Question):
        return ask(case.talk, outcome)
    if isinstance(outcome, Hopeless):
        return give_up(_with_unread(case, outcome.why))
    if isinstance(outcome, Nothing):
        return _nothing(case, outcome)
    return _planned(case, outcome)


def _with_unread(case: _Case, why: str) -> str:
    """A file that could not be read is the likely reason, so it is named."""
    failed = [e for e in case.talk.of(READ) if e.failed or not e.whole]
    names = ", ".join(shown(str(e.arguments.get("path"))) for e in failed[:3])
    return f"{why} These files could not be read in full: {names}." if names else why


def _nothing(case: _Case, outcome: Nothing) -> Step:
    if touched(case.talk) or left_over(case.talk):
        return give_up(
            "The work tree holds changes of an earlier attempt that were not pushed: look at the"
            " ticket's branch before going on."
        )
    call = (RESOLVE, {"summary": f"Nothing to change: {outcome.why}"})
    return attempt(case.talk, "The repository is as the ticket wants it.", [call])


def _planned(case: _Case, outcome: Draft) -> Step:
    """Submit the plan, or carry it out when exactly this plan is approved."""
    if case.found:
        outcome = replace(outcome, summary=f"{case.found.answer} {outcome.summary}")
    work = Work(
        case.talk,
        case.repository,
        outcome,
        watched=case.cluster >= {*WATCHING},
        tried=case.cluster >= {*WATCHING, PREVIEW},
        diagnosed=TRIAGE in case.cluster,
    )
    plan = work.plan()
    if len(plan["steps"]) > MAX_STEPS:
        files = len(work.target)
        return give_up(f"This touches {files} files: too many for one plan.")
    plans = case.talk.of(PLAN)
    if not plans and case.task.planned:
        return work.execute(after=-1)
    if plans and plans[-1].arguments == plan:
        verdict = _verdict(case, plans[-1], work)
        if verdict is not None:
            return verdict
    if len(plans) >= MAX_PLANS:
        return give_up(f"{MAX_PLANS} plans were not what was wanted: a person should take over.")
    why = "The ticket says enough for a plan; a person decides on it."
    return attempt(case.talk, why, [(PLAN, plan)])


def _verdict(case: _Case, last: Exchange, work: Work) -> Step | None:
    """What follows from the answer to the very plan that would be submitted now."""
    if not last.failed and (case.task.planned or last.result.startswith(APPROVED)):
        return work.execute(after=last.number)
    if last.rejection is not None or not last.failed:
        return ask(case.talk, _other_words(last))
    return None


def _other_words(rejected: Exchange) -> Question:
    """The feedback changed nothing, hence it was not understood."""
    feedback = shown(rejected.rejection or rejected.result, limit=200)
    said = f"{feedback!r} changes nothing that I understand." if feedback else "No reason is given."
    return Question(
        topic=Topic.FEEDBACK,
        text=f"{Topic.FEEDBACK.value} {said} Say what should be different, for example"
        " 'use 3 replicas' or 'put it into namespace web'.",
        options=(GIVE_UP,),
    )
