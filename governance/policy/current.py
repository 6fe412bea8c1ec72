"""The policy in force: the active row, compiled, and read again soon after it changes.

Without an active row the built-in default counts. A row that is not what was activated (its text
was changed, or another was made active behind the product's back) denies everything; what was
activated is what an event with our seal says (`seals`).

Asks the database, hence not for the event loop's own thread.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from importlib import resources
from typing import Any

from django.conf import settings
from django.db.models import Q

from aura.config import Settings
from aura.kernel.telemetry import metrics
from governance.models import PolicyVersion
from governance.policy import seals, trace
from governance.policy.coverage import under_plan
from governance.policy.document import Document
from governance.policy.engine import CompiledPolicy, Options
from governance.policy.loader import load
from governance.policy.nodes import PolicyRefused
from governance.policy.types import Decision, Effect, PolicyRequest

BUILT_IN = "built-in"
NOT_ACTIVATED = "not what was activated"
STRANGER = (
    "no activation in the log is sealed with the AURA_SECRET_KEY of this process, which is another"
    " one, or they are forged"
)
CHECKED_EVERY_S = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """What was found at the last look: the digests of the active and the shadow row, compiled."""

    state: tuple[str, str]
    options: Options
    policy: CompiledPolicy
    shadow: CompiledPolicy | None
    looked_at: float


_lock = threading.Lock()
_loaded: _Loaded | None = None


def policy() -> CompiledPolicy:
    """The policy in force."""
    return _current().policy


def shadow() -> CompiledPolicy | None:
    """The candidate that is judged next to it; None: there is none."""
    return _current().shadow


def version() -> str:
    """The digest of the document in force: what an approval is bound to."""
    return _current().policy.version


def judge(request: PolicyRequest, *, destructive_approval: bool = True) -> Decision:
    """The decision, plan included. `destructive_approval` is about calls inside a plan."""
    now = _current()
    decision = now.policy.decide(request)
    if now.shadow is not None:
        _compare(decision, now.shadow.decide(request))
    return under_plan(decision, request, destructive_approval=destructive_approval)


def explain(policy: CompiledPolicy, request: PolicyRequest) -> dict[str, Any]:
    """The trace of a decision and its explanation in words (aiHelpDesk §3.4)."""
    return trace.explain(policy, request)


def forget(**_: Any) -> None:
    """Look again at the next question."""
    global _loaded  # noqa: PLW0603 - the one place of the process
    _loaded = None


def built_in_text() -> str:
    """The YAML of the built-in default."""
    return resources.files("governance.policy").joinpath("default.yaml").read_text("utf-8")


def text() -> str:
    """The YAML of the policy in force."""
    row = PolicyVersion.objects.filter(digest=version()).first()
    return row.text if row else built_in_text()


def _current() -> _Loaded:
    """What counts, looked up at most once a second."""
    global _loaded  # noqa: PLW0603 - the one place of the process
    loaded, moment = _loaded, time.monotonic()
    if loaded is not None and moment - loaded.looked_at < CHECKED_EVERY_S:
        return loaded
    with _lock:
        state, options = _state(), configured()
        if loaded is None or (loaded.state, loaded.options) != (state, options):
            policy = _active(state[0], options)
            other = _compiled(state[1], options) if state[1] else None
        else:
            policy, other = loaded.policy, loaded.shadow
        _loaded = _Loaded(
            state=state, options=options, policy=policy, shadow=other, looked_at=moment
        )
        return _loaded


def _state() -> tuple[str, str]:
    """The digests of the active row and of the shadow one; empty where there is none."""
    marked = PolicyVersion.objects.filter(Q(active=True) | Q(shadow=True)).order_by()
    rows = list(marked.values_list("digest", "active", "shadow"))
    active = next((digest for digest, is_active, _ in rows if is_active), "")
    return active, next((digest for digest, _, is_shadow in rows if is_shadow), "")


def configured() -> Options:
    """What the settings say beside the document."""
    config: Settings = settings.AURA
    return Options(
        default_effect=Effect(config.default_policy),
        dry_run=config.policy_dry_run,
        readonly=config.operating_mode != "fix",
    )


def _active(digest: str, options: Options) -> CompiledPolicy:
    """The row's document, when it is the one that the log says was activated."""
    told = promised()
    # What was activated between the two looks is no fault: then a second look finds it.
    if told != digest and _state()[0] != told:
        logger.critical(
            "the log says that policy %s is active and the database says %s; denying everything%s",
            told[:12] or "none",
            digest[:12] or "none",
            f": {STRANGER}" if seals.stranger() else "",
        )
        return _nothing(digest, options)
    if not told:
        return CompiledPolicy(load(built_in_text(), BUILT_IN), source=BUILT_IN, options=options)
    return _compiled(told, options)


def promised() -> str:
    """The digest of the last activation with our seal; empty when there was none."""
    last = seals.newest()
    return last.digest if last else ""


def in_force(version: PolicyVersion) -> bool:
    """Is its row the active one, and was it activated by us?"""
    return version.active and promised() == version.digest


def _compiled(digest: str, options: Options) -> CompiledPolicy:
    row = PolicyVersion.objects.get(digest=digest)
    try:
        document = load(row.text, row.source)
    except PolicyRefused:
        document = None
    if document is None or document.digest() != digest:
        logger.critical("the text of policy %s was changed; denying everything", digest[:12])
        return _nothing(digest, options)
    return CompiledPolicy(document, source=row.source, options=options)


def _nothing(digest: str, options: Options) -> CompiledPolicy:
    """A policy that denies everything, and says of which version it is the stand-in."""
    sealed = Options(readonly=options.readonly)
    broken = CompiledPolicy(Document(()), source=NOT_ACTIVATED, options=sealed)
    broken.version = digest
    return broken


def _compare(live: Decision, other: Decision) -> None:
    if live.effect is not other.effect:
        metrics.POLICY_DIVERGENCES.labels(live.effect, other.effect).inc()
