"""What people are told is rows of its own, over several channels; links of messages work once.

A mail that was not sent yet is taken along.
"""

import django.db.models.functions.datetime
from django.db import migrations, models

TAKE_ALONG = """
INSERT INTO governance_notice (key, channel, kind, body, attempts, error)
SELECT c.message_id, 'email', CASE a.status WHEN 'denied' THEN 'denied' ELSE 'action' END,
       jsonb_build_object(
           'key', c.message_id,
           'kind', CASE a.status WHEN 'denied' THEN 'denied' ELSE 'action' END,
           'head', 'APPROVAL', 'what', c.body::jsonb ->> 'subject',
           'lines', jsonb_build_array(c.body::jsonb ->> 'text'), 'how', '[]'::jsonb,
           'page', '/admin/governance/approval/' || a.id || '/change/',
           'call', 'Look at it', 'until', NULL, 'priority', 3, 'tags', '[]'::jsonb),
       0, ''
FROM governance_approvalcallback c JOIN governance_approval a ON a.id = c.approval_id
WHERE c.channel = 'email' AND c.next_at IS NOT NULL;
DELETE FROM governance_approvalcallback WHERE channel = 'email';
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0016_trace_prefix")]

    operations = [
        migrations.CreateModel(
            name="LinkUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("nonce", models.CharField(max_length=32)),
                ("person", models.CharField(max_length=150)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("until", models.DateTimeField(db_index=True)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("nonce", "person"), name="one_use_a_person")
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=150)),
                ("channel", models.CharField(max_length=16)),
                ("kind", models.CharField(max_length=16)),
                ("body", models.JSONField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                (
                    "next_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), null=True
                    ),
                ),
                ("sent_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
                "default_permissions": ("view", "add"),
                "indexes": [
                    models.Index(fields=["-created_at", "-id"], name="notice_newest"),
                    models.Index(
                        condition=models.Q(("next_at__isnull", False)),
                        fields=["next_at"],
                        name="notice_due",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("key", "channel"), name="one_notice_a_channel")
                ],
            },
        ),
        migrations.RunSQL(TAKE_ALONG, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="approvalcallback",
            name="channel",
            field=models.CharField(
                choices=[("callback", "Callback"), ("webhook", "Webhook")],
                db_default="callback",
                default="callback",
                max_length=16,
            ),
        ),
    ]
