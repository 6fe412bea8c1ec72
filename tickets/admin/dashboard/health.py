"""The panels that say whether what the desk stands on is well. Pure."""

from __future__ import annotations

from aura.kernel.unseen import visible
from tickets.admin.dashboard.panel import Panel
from tickets.admin.dashboard.shapes import Facts, Seen
from tickets.admin.dashboard.wording import moment


def agents(facts: Facts) -> Panel:
    """What agents need: Git, the model, beat."""
    state = "STOPPED by the stop switch. " if facts.stopped else ""
    return Panel(
        key="agents",
        title="Agents and what they need",
        note=f"{state}What a worker saw when it last looked.",
        head=("what", "state", "looked at (UTC)"),
        rows=[
            (visible(seen.name), _state(seen), moment(seen.checked_at)) for seen in facts.outside
        ],
        empty="No worker has looked yet: is one running?",
    )


def chain(facts: Facts) -> Panel:
    """Whether the log can be trusted, and up to where that was looked at."""
    log = facts.log
    holds = f"BROKEN: {visible(log.broken)}" if log.broken else "nothing wrong was found"
    checked = f"{moment(log.verified_at)}: {holds}" if log.verified_at else "not yet"
    signed = f"{moment(log.signed_at)}, {log.signed_size:,} events" if log.signed_at else "none yet"
    return Panel(
        key="log",
        title="Log",
        note="The chain of everything that happened.",
        head=("what", "state"),
        rows=[
            ("Events in the chain", f"{log.places:,}"),
            ("Not in the chain yet", f"{log.unlinked:,}"),
            ("Last signed checkpoint", signed),
            ("Read by secbot up to", f"place {log.read_to:,}"),
            ("Last verified", checked),
        ],
    )


def _state(seen: Seen) -> str:
    if not seen.fresh:
        return "unknown: no worker has looked lately"
    return "available" if seen.available else f"not available: {visible(seen.detail)}"
