"""What agents do, told to logs, metrics and spans: names, kinds and durations, never texts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agents.models import Run
from agents.runtime import claims
from agents.runtime.llm import LanguageModel, ModelFailure, Reply, Request, Usage
from agents.runtime.tool import Toolset
from aura.kernel.telemetry import context, logs, metrics, tracing
from governance.types import ActionClass

logger = logging.getLogger(__name__)

TRACE = "traceparent"  # in Run.context: of the request that began the run


def carried() -> dict[str, str]:
    """What a new run keeps of the request that begins it."""
    sent = context.outgoing(tracing.span_id())
    return {TRACE: sent[context.TRACEPARENT]} if sent else {}


@contextmanager
def segment(run: Run) -> Iterator[None]:
    """A worker's stretch of work on a run. Found by the sweep, it belongs to the run's request."""
    trace = context.current()
    if trace is None or trace.local:
        trace = context.received(run.context) or context.incoming()
    metrics.CLAIMS.labels("again" if run.attempts > 1 else "first").inc()
    about = {"ticket": run.trace_id, "run": str(run.pk)}
    with (
        context.using(trace),
        logs.about(**about),
        tracing.span("segment", kind="consumer", parent=trace, agent=run.agent, **about),
    ):
        began = time.perf_counter()
        try:
            yield
        except claims.LeaseLost:
            metrics.LEASES_LOST.labels(run.agent).inc()
            raise
        finally:
            duration_ms = round((time.perf_counter() - began) * 1000, 1)
            logger.info("worked on", extra={"agent": run.agent, "duration_ms": duration_ms})


@contextmanager
def turn(run: Run) -> Iterator[None]:
    """Pending calls, then one model request."""
    with tracing.span("turn", ticket=run.trace_id):
        yield


def ask(model: LanguageModel, request: Request, *, phase: str) -> Reply:
    """The model's answer. Raises `ModelFailure`."""
    provider = model.name.partition("/")[0] if "/" in model.name else _bare(model.name)
    outcome, began = "error", time.perf_counter()
    with tracing.span("model request", kind="client", model=model.name, phase=phase) as span:
        try:
            reply = model.complete(request)
            outcome = "ok"
        except ModelFailure as failure:
            outcome = failure.kind.value
            span.fail(outcome)
            _used(provider, failure.usage)
            raise
        finally:
            metrics.MODEL_SECONDS.labels(provider, outcome).observe(time.perf_counter() - began)
        span.set("input_tokens", reply.usage.prompt_tokens)
        span.set("output_tokens", reply.usage.completion_tokens)
    metrics.TURNS.labels(phase).inc()
    _used(provider, reply.usage)
    return reply


def _bare(name: str) -> str:
    """litellm takes a name without a provider for one of OpenAI's."""
    return name if name == "offline" else "openai"


def _used(provider: str, usage: Usage) -> None:
    if usage.prompt_tokens or usage.completion_tokens:
        metrics.MODEL_TOKENS.labels(provider, "prompt").inc(usage.prompt_tokens)
        metrics.MODEL_TOKENS.labels(provider, "completion").inc(usage.completion_tokens)
    if usage.cost:
        metrics.MODEL_COST.labels(provider).inc(float(usage.cost))


@contextmanager
def tool_call(tool: str, action_class: ActionClass) -> Iterator[Callable[[str], None]]:
    """One execution of a registered tool; the block says what came of it."""
    said, began = ["error"], time.perf_counter()
    with (
        logs.about(tool=tool),
        tracing.span("tool call", tool=tool, action_class=action_class) as s,
    ):
        try:
            yield said.append
        finally:
            outcome = said[-1]
            if outcome not in {"ok", "waits"}:
                s.fail(outcome)
            seconds = time.perf_counter() - began
            metrics.TOOL_SECONDS.labels(tool, action_class, outcome).observe(seconds)


def refused(tool: str, known: Toolset) -> None:
    """A call that did not run: denied, ill-formed, or of a tool the model made up."""
    metrics.TOOLS_REFUSED.labels(tool if known.get(tool) else "unknown").inc()
