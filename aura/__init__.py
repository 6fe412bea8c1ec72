"""Aura: a governed AI operations desk."""

import sys
import time

BEGAN = time.monotonic()  # of this process, as good as: what takes long is imported from here on

# redis-py imports OpenTelemetry's metrics wherever they are installed, half a second of every
# start, for a feature nobody turns on. `None` is Python's way to say that a module is not there;
# `aura.kernel.telemetry.tracing` takes it back before it makes spans.
for name in ("opentelemetry.metrics", "opentelemetry.sdk.metrics"):
    if name not in sys.modules:
        sys.modules[name] = None  # type: ignore[assignment] # see above

from aura.celery import app as celery_app  # noqa: E402 - redis is imported by it

__all__ = ["BEGAN", "celery_app"]
