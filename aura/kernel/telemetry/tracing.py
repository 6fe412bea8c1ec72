"""OpenTelemetry spans. Off, and nothing of it imported, until `start` is given an endpoint.

Spans carry names and ids, never texts. Exporting happens in a thread of its own: a collector that
is away costs spans, never work.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal, Protocol

from aura.kernel.telemetry import context

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.trace import Span as OtelSpan

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | int | float | bool

HIDDEN = ("opentelemetry.metrics", "opentelemetry.sdk.metrics")  # by `aura/__init__.py`
EXPORT_TIMEOUT_S = 5.0
LEAVE_WITHIN_S = 2.0
QUEUE = 2048
EVERY_S = 2.0


# Names of OpenTelemetry's semantic conventions.
_CONVENTIONAL = {
    "http_request_method": "http.request.method",
    "http_response_status_code": "http.response.status_code",
    "model": "gen_ai.request.model",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "tool": "gen_ai.tool.name",
    "task": "messaging.destination.name",
}


class Span(Protocol):
    """What callers may do with a span."""

    def set(self, name: str, value: Value) -> None:
        """Add an attribute."""

    def rename(self, name: str) -> None:
        """A better name, known only later."""

    def fail(self, reason: str) -> None:
        """What the span stands for did not succeed; `reason` is a kind, no text from outside."""


class _NoSpan:
    def set(self, name: str, value: Value) -> None:
        pass

    def rename(self, name: str) -> None:
        pass

    def fail(self, reason: str) -> None:
        pass


_NONE = nullcontext(_NoSpan())
_provider: TracerProvider | None = None


def span(
    name: str, *, kind: Kind = "internal", parent: context.Trace | None = None, **attributes: Value
) -> AbstractContextManager[Span]:
    """A span around the block, below the current one, else below `parent`; none for clockwork.

    Attributes are named `aura.<name>` unless OpenTelemetry has a name for them.
    """
    trace = context.current()
    if _provider is None or (trace is not None and trace.local):
        return _NONE
    return _span(_provider, name, kind, parent, attributes)


def span_id() -> str:
    """16 hex digits of the current span; empty when there is none."""
    if _provider is None:
        return ""
    from opentelemetry import trace  # noqa: PLC0415 - on means imported

    here = trace.get_current_span().get_span_context()
    return f"{here.span_id:016x}" if here.is_valid and not here.is_remote else ""


def started() -> bool:
    """Are spans made?"""
    return _provider is not None


def start(endpoint: str, *, role: str, version: str) -> None:
    """Export spans to `endpoint` (OTLP over HTTP; `/v1/traces` is added) from now on."""
    for name in HIDDEN:
        if sys.modules.get(name, ...) is None:
            del sys.modules[name]
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - see top
        OTLPSpanExporter,
    )

    url = endpoint.rstrip("/")
    url = url if url.endswith("/v1/traces") else f"{url}/v1/traces"
    export_to(OTLPSpanExporter(endpoint=url, timeout=EXPORT_TIMEOUT_S), role=role, version=version)


def export_to(exporter: SpanExporter, *, role: str, version: str) -> None:
    """Make spans and hand them to `exporter` in batches. A second call changes nothing."""
    global _provider  # noqa: PLW0603 - one a process, as in OpenTelemetry itself
    if _provider is not None:
        return
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - see top
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - see top
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - see top

    attributes = {"service.name": f"aura-{role}", "service.namespace": "aura"}
    _provider = TracerProvider(
        resource=Resource.create(attributes | {"service.version": version}),
        id_generator=_ids(),
        shutdown_on_exit=False,  # it would wait for a collector that is away
    )
    _provider.add_span_processor(
        BatchSpanProcessor(
            exporter, max_queue_size=QUEUE, schedule_delay_millis=round(EVERY_S * 1000)
        )
    )
    atexit.register(flush)


def flush() -> None:
    """Send what is left, but do not wait long for a collector that is away."""
    if _provider is not None:
        sending = threading.Thread(target=_provider.force_flush, daemon=True)
        sending.start()
        sending.join(LEAVE_WITHIN_S)


def _ids() -> IdGenerator:
    """A root span takes the id that the logs already show."""
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415 - see top

    class Ids(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            trace = context.current()
            return int(trace.w3c, 16) if trace else super().generate_trace_id()

    return Ids()


@contextmanager
def _span(
    provider: TracerProvider,
    name: str,
    kind: Kind,
    parent: context.Trace | None,
    attributes: dict[str, Value],
) -> Iterator[Span]:
    from opentelemetry import trace  # noqa: PLC0415 - see top

    tracer = provider.get_tracer("aura")
    above = trace.get_current_span().get_span_context().is_valid
    with tracer.start_as_current_span(
        name,
        context=None if above or parent is None else _remote(parent),
        kind=trace.SpanKind[kind.upper()],
        attributes={_attribute(key): value for key, value in attributes.items()},
        record_exception=False,  # its text may hold anything
        set_status_on_exception=False,
    ) as made:
        told = _Span(made)
        try:
            yield told
        except BaseException as raised:
            told.fail(type(raised).__name__)
            raise


def _remote(parent: context.Trace) -> Context | None:
    from opentelemetry import trace  # noqa: PLC0415 - see top

    if not parent.parent:
        return None
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if parent.sampled else 0)
    there = trace.SpanContext(
        trace_id=int(parent.w3c, 16),
        span_id=int(parent.parent, 16),
        is_remote=True,
        trace_flags=flags,
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(there))


def _attribute(key: str) -> str:
    return _CONVENTIONAL.get(key, f"aura.{key}")


class _Span:
    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def set(self, name: str, value: Value) -> None:
        self._span.set_attribute(_attribute(name), value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, reason: str) -> None:
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - see top

        self._span.set_status(Status(StatusCode.ERROR, reason))
