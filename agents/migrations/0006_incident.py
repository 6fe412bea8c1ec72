from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "0005_helpdesk")]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=8, unique=True)),
                ("call", models.UUIDField(unique=True)),
                ("trace_id", models.CharField(db_index=True, max_length=64)),
                ("asked_by", models.CharField(max_length=200)),
                ("infra_key", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                ("layers", models.JSONField(default=list)),
                ("errors", models.JSONField(default=list)),
                ("host", models.CharField(max_length=255)),
                ("path", models.TextField()),
                ("size", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField()),
                ("callback_url", models.TextField(blank=True)),
                ("callback_attempts", models.PositiveIntegerField(default=0)),
                ("callback_next_at", models.DateTimeField(null=True)),
                ("callback_sent_at", models.DateTimeField(null=True)),
                ("callback_error", models.TextField(blank=True)),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-created_at", "-id"], name="incident_by_time"),
                    models.Index(
                        condition=models.Q(("callback_next_at__isnull", False)),
                        fields=["callback_next_at"],
                        name="incident_callback_due",
                    ),
                ],
            },
        ),
    ]
