"""What is counted: the one list of names, labels and buckets.

Every label is bounded: routes, statuses, names of registered tools; never an id, never text from
outside. All have labels, so that no value exists before `shared.enable` says where values live.
Read from the database at the scrape, hence not here: tickets, due runs, approvals that wait
(`aura.surfaces.metrics`).
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
CALL_S = (0.01, 0.05, 0.25, 1, 5, 15, 60, 300)
LAG_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1, 5)


def _counter(name: str, what: str, *labels: str) -> Counter:
    return Counter(name, what, labels, registry=REGISTRY)


def _histogram(name: str, what: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(name, what, labels, buckets=buckets, registry=REGISTRY)


def _gauge(name: str, what: str, *labels: str, mode: str) -> Gauge:
    return Gauge(name, what, labels, multiprocess_mode=mode, registry=REGISTRY)  # type: ignore[arg-type] # a Literal of ten


# --- HTTP ---
# What was refused or throttled is found here too, by its status (401, 403, 429).
HTTP_REQUESTS = _counter(
    "aura_http_requests_total", "Requests answered", "surface", "route", "method", "status"
)
HTTP_SECONDS = _histogram(
    "aura_http_request_duration_seconds",
    "From the request's head to the answer's end, event streams excluded",
    "surface",
    "route",
    "method",
    buckets=REQUEST_S,
)

# --- event streams ---
STREAMS_OPEN = _gauge("aura_streams_open", "Event streams open now", "surface", mode="livesum")
STREAM_LAG_S = _histogram(
    "aura_stream_lag_seconds",
    "From an event's being recorded to its being handed to the streams of a process",
    "process",
    buckets=LAG_S,
)

# --- agents ---
TURNS = _counter("aura_turns_total", "Turns taken", "phase")
MODEL_SECONDS = _histogram(
    "aura_model_request_duration_seconds", "Model requests", "provider", "outcome", buckets=CALL_S
)
MODEL_TOKENS = _counter("aura_model_tokens_total", "Tokens", "provider", "direction")
MODEL_COST = _counter("aura_model_cost_usd_total", "Known cost, in USD", "provider")
BREAKER = _gauge(
    "aura_model_breaker_open",
    "1 while the circuit breaker of a provider lets no request through",
    "provider",
    mode="livemax",
)
TOOL_SECONDS = _histogram(
    "aura_tool_call_duration_seconds",
    "Tool calls that ran",
    "tool",
    "action_class",
    "outcome",
    buckets=CALL_S,
)
TOOLS_REFUSED = _counter("aura_tool_calls_refused_total", "Tool calls that did not run", "tool")
UNVERIFIED = _counter(
    "aura_answers_unverified_total",
    "Answers of a model that say what no record of their task shows",
    "agent",
    "kind",
)
BUDGETS = _counter("aura_budget_exceeded_total", "Runs paused by a budget", "before")
CLAIMS = _counter("aura_claims_total", "Runs claimed by a worker", "kind")
LEASES_LOST = _counter("aura_leases_lost_total", "Runs taken from a worker that held them", "agent")
RECOVERIES = _counter(
    "aura_recoveries_total", "Calls that a dead worker had begun, by what was found", "outcome"
)
WAKEUPS_LOST = _counter(
    "aura_wakeups_lost_total", "Wake-ups that could not be sent; the sweep finds the work", "task"
)

# --- governance ---
POLICY_DIVERGENCES = _counter(
    "aura_policy_divergences_total",
    "Decisions of the shadow policy that differ from those of the policy in force",
    "effect",
    "shadow_effect",
)
APPROVALS_REQUESTED = _counter(
    "aura_approvals_requested_total", "Approvals asked for", "action_class"
)
APPROVALS_DECIDED = _counter(
    "aura_approvals_decided_total", "Approvals decided", "action_class", "decision"
)
BREAK_GLASS = _counter(
    "aura_break_glass_total", "Actions that one person released alone", "action_class"
)
EVENTS_LINKED = _counter("aura_audit_events_linked_total", "Events put into the chain", "process")

# --- webhooks ---
WEBHOOK_SECONDS = _histogram(
    "aura_webhook_duration_seconds", "Attempts to deliver a webhook", "outcome", buckets=CALL_S
)
