"""An incident stays open until a person closes it; a check of the log has a row of its own.

The inbox forgot an incident after seven days, or when its bundle was made. What it had forgotten is
closed here, by nobody in particular, so that it does not come back all at once.
"""

from django.db import migrations, models

CLOSE_FORGOTTEN = """
UPDATE governance_securityincident
SET closed_at = now(), closed_by = 'system',
    close_reason = 'Closed by an update of Aura: the inbox did not show it any more.'
WHERE closed_at IS NULL
  AND (status = 'bundled' OR opened_at <= now() - interval '7 days')
"""
OPEN = models.Index(
    fields=["opened_at"], name="incident_open", condition=models.Q(closed_at__isnull=True)
)


class Migration(migrations.Migration):
    dependencies = [("governance", "0017_notice")]

    operations = [
        migrations.AddField(
            model_name="securityincident",
            name="closed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="securityincident",
            name="closed_by",
            field=models.CharField(blank=True, db_default="", default="", max_length=150),
        ),
        migrations.AddField(
            model_name="securityincident",
            name="close_reason",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.RunSQL(CLOSE_FORGOTTEN, migrations.RunSQL.noop),
        migrations.AddIndex(model_name="securityincident", index=OPEN),
        migrations.CreateModel(
            name="LogCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.BigIntegerField(default=0)),
                ("asked_by", models.CharField(blank=True, max_length=150)),
                ("asked_at", models.DateTimeField(null=True)),
                ("begun_at", models.DateTimeField(null=True)),
                ("heard_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("checked", models.BigIntegerField(default=0)),
                ("events", models.BigIntegerField(default=0)),
                ("fault", models.TextField(blank=True, default="")),
                ("error", models.TextField(blank=True, default="")),
            ],
        ),
    ]
