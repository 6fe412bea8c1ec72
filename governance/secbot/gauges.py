"""What /metrics says of secbot: the counts of its row, exact over restarts and processes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils.timezone import now
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from governance.models import SecbotCursor
from governance.secbot.alerts import AlertType

SILENT = timedelta(seconds=45)


def families() -> Iterator[Metric]:
    """Read from one row."""
    cursor = SecbotCursor.objects.order_by("pk").first() or SecbotCursor()
    counts = cursor.counts
    yield CounterMetricFamily("secbot_events", "Events analysed", value=counts.get("events", 0))
    alerts = CounterMetricFamily("secbot_alerts", "Alerts raised", labels=["type"])
    for kind in AlertType:
        alerts.add_metric([kind], counts.get("alerts", {}).get(kind, 0))
    yield alerts
    # A bundle is what the reference calls an incident: one a cooldown, whatever stays open here.
    yield CounterMetricFamily(
        "secbot_incidents_created",
        "Incidents opened, or still open and due for a newer bundle",
        value=counts.get("created", 0),
    )
    skipped = CounterMetricFamily(
        "secbot_incidents_skipped", "Alerts that repeat one within the cooldown", labels=["reason"]
    )
    skipped.add_metric(["cooldown"], counts.get("skipped", {}).get("cooldown", 0))
    yield skipped
    yield GaugeMetricFamily(
        "secbot_last_event_timestamp_seconds",
        "When the last event that was analysed was recorded, Unix time",
        value=cursor.last_event_at.timestamp() if cursor.last_event_at else 0,
    )
    fresh = cursor.looked_at is not None and now() - cursor.looked_at < SILENT
    yield GaugeMetricFamily("secbot_connected", "1 while somebody reads the log", value=int(fresh))
