"""Turns metrics and tracing on in a process that serves; commands leave them off."""

from __future__ import annotations

import logging

from django.conf import settings

from aura.config import VERSION, Settings
from aura.kernel.telemetry import shared, tracing


def see(role: str) -> None:
    """`role`: web, worker or beat. A second call changes nothing."""
    config: Settings = settings.AURA
    logging.captureWarnings(capture=True)
    shared.enable(config.data, role)
    if config.otel_endpoint:
        tracing.start(config.otel_endpoint, role=role, version=VERSION)


def see_alone(role: str) -> None:
    """The same for a process without a web server, which may have a port for its metrics."""
    see(role)
    config: Settings = settings.AURA
    if config.metrics_port:
        from aura.seeing.port import serve_metrics  # noqa: PLC0415 - rarely wanted
        from aura.surfaces.metrics import may_scrape  # noqa: PLC0415 - needs the models

        serve_metrics(config, may_scrape)
