"""The panels that say whether what the desk stands on is well, and the one sentence of it. Pure."""

from __future__ import annotations

from typing import Final

from agents.probes import BEAT, LLM
from aura.kernel.unseen import visible
from tickets.admin.dashboard.panel import Panel
from tickets.admin.dashboard.shapes import AgentHealth, Facts, Seen
from tickets.admin.dashboard.wording import MINUTE, moment, span
from tickets.models import Status

AT_WORK: Final = (Status.PLANNING, Status.EXECUTING, Status.OBSERVING)
WITH_PEOPLE: Final = (
    Status.PENDING_PLAN_APPROVAL,
    Status.PENDING_APPROVAL,
    Status.PENDING_INPUT,
    Status.PAUSED,
)
NAMES: Final = {"git": "Git", LLM: "The language model", BEAT: "The scheduler (beat)"}
NOBODY: Final = "No worker has looked yet: is one running?"


def faults(facts: Facts) -> list[str]:
    """What is wrong, a sentence each; none: the desk works."""
    found = of_agents(facts.agents)
    if facts.log.broken:
        found.append(f"The log is broken: {visible(facts.log.broken)}.")
    if facts.queue.oldest_s > MINUTE:
        found.append(f"A run has waited for a worker for {span(facts.queue.oldest_s)}.")
    return found


def of_agents(health: AgentHealth) -> list[str]:
    """The same of agents alone."""
    found = ["The stop switch is on: no agent does anything."] if health.stopped else []
    if not any(seen.fresh for seen in health.outside):
        return [*found, NOBODY if not health.outside else "No worker has looked lately."]
    return found + [
        f"{_name(seen)} is {_state(seen, health.model)}."
        for seen in health.outside
        if not (seen.fresh and seen.available)
    ]


def at_work(facts: Facts) -> str:
    """How many tickets are with agents, and with people."""
    ours, theirs = (
        sum(facts.by_status.get(status, 0) for status in statuses)
        for statuses in (AT_WORK, WITH_PEOPLE)
    )
    return f"{ours:,} tickets at work, {theirs:,} with people."


def agents(health: AgentHealth) -> Panel:
    """What agents need: Git, the model, beat."""
    state = "STOPPED by the stop switch. " if health.stopped else ""
    return Panel(
        key="agents",
        title="Agents and what they need",
        note=f"{state}What a worker saw when it last looked.",
        head=("what", "state", "looked at (UTC)"),
        rows=[
            (_name(seen), _state(seen, health.model), moment(seen.checked_at))
            for seen in health.outside
        ],
        empty=NOBODY,
    )


def chain(facts: Facts) -> Panel:
    """Whether the log can be trusted, and up to where that was looked at."""
    log, stands = facts.log, facts.log.standing
    holds = f"BROKEN: {visible(log.broken)}" if log.broken else "nothing wrong was found"
    checked = f"{moment(log.verified_at)}: {holds}" if log.verified_at else "not yet"
    at, number = stands.signed_at, stands.signed
    signed = f"{moment(at)}, {number:,} events" if at else "none yet"
    return Panel(
        key="log",
        title="Log",
        note="The chain of everything that happened.",
        head=("what", "state"),
        rows=[
            ("Events in the chain", f"{stands.linked:,}"),
            ("Not in the chain yet", f"{stands.waiting:,}"),
            ("Last signed checkpoint", signed),
            ("Read by secbot up to", f"place {log.read_to:,}"),
            ("Last verified", checked),
        ],
    )


def _name(seen: Seen) -> str:
    return NAMES.get(seen.name) or visible(seen.name)


def _state(seen: Seen, model: str) -> str:
    if not seen.fresh:
        return "unknown: no worker has looked lately"
    if not seen.available:
        return f"not available: {visible(seen.detail)}"
    if seen.name != LLM:
        return "available"
    return f"available: {visible(model)}" if model else "none is configured: rules answer"
