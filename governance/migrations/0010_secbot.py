"""secbot: its cursor in the log, its alerts and incidents.

It begins at the end of a log that is there already: what was recorded before it watched is history.
"""

import django.db.models.deletion
from django.db import migrations, models

import governance.models

BEGIN = """
INSERT INTO governance_secbotcursor (id, place, hash, state, counts, broken)
SELECT 1, coalesce(max(seq), 0),
    coalesce((SELECT hash FROM governance_auditlink ORDER BY seq DESC LIMIT 1), ''::bytea),
    '{}', '{}', ''
FROM governance_auditlink
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0007_token_role")]

    operations = [
        migrations.CreateModel(
            name="SecbotCursor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.BigIntegerField(default=0)),
                ("hash", models.BinaryField(default=bytes, max_length=32)),
                ("state", models.JSONField(default=dict)),
                ("counts", models.JSONField(default=dict)),
                ("last_event_at", models.DateTimeField(null=True)),
                ("looked_at", models.DateTimeField(null=True)),
                ("verified_at", models.DateTimeField(null=True)),
                ("walked_at", models.DateTimeField(null=True)),
                ("broken", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.CreateModel(
            name="SecurityIncident",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        default=governance.models.incident_key,
                        editable=False,
                        max_length=20,
                        unique=True,
                    ),
                ),
                ("type", models.CharField(max_length=32)),
                ("subject", models.CharField(max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[("recorded", "Recorded"), ("bundled", "Bundled")],
                        default="recorded",
                        max_length=16,
                    ),
                ),
                ("note", models.TextField(blank=True)),
                ("opened_at", models.DateTimeField()),
                ("bundle", models.JSONField(null=True)),
                ("bundled_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-opened_at", "-pk"],
                "indexes": [
                    models.Index(
                        fields=["type", "subject", "-opened_at"], name="incident_by_subject"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SecurityAlert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("type", models.CharField(max_length=32)),
                ("severity", models.CharField(max_length=16)),
                ("subject", models.CharField(max_length=200)),
                ("message", models.TextField()),
                ("event_key", models.CharField(blank=True, max_length=64)),
                ("trace_id", models.CharField(blank=True, max_length=64)),
                ("place", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "incident",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="governance.securityincident",
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "-pk"],
                "indexes": [
                    models.Index(fields=["-at", "-id"], name="alert_by_time"),
                    models.Index(fields=["type", "-at", "-id"], name="alert_by_type"),
                ],
            },
        ),
        migrations.RunSQL(BEGIN, migrations.RunSQL.noop),
    ]
