"""Approvals get a quorum, an end, uses and a public id; votes, emergency reviews and callbacks.

What waits already keeps waiting, for as long as a new request of a ticket does by default.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

import governance.models

ROLES = [(role, role) for role in ("viewer", "operator", "approver", "admin")]
STATUSES = [
    (status, status.capitalize())
    for status in (
        "pending",
        "approved",
        "denied",
        "cancelled",
        "expired",
        "revoked",
        "consumed",
    )
]

FILL = """
UPDATE governance_approval SET
    key = 'apr_' || left(replace(id::text, '-', ''), 12),
    kind = CASE tool_name WHEN 'submit_plan' THEN 'plan' ELSE '' END,
    expires_at = CASE status WHEN 'pending' THEN now() ELSE requested_at END + interval '7 days',
    use_by = CASE WHEN decided_at IS NOT NULL AND status IN ('approved', 'consumed')
        THEN now() + interval '7 days' END,
    uses = CASE status WHEN 'consumed' THEN 1 ELSE 0 END
"""


def added(name, field):
    return migrations.AddField(model_name="approval", name=name, field=field)


class Migration(migrations.Migration):
    dependencies = [("governance", "0005_log")]

    operations = [
        added("key", models.CharField(default="", editable=False, max_length=20)),
        added("kind", models.CharField(blank=True, db_default="", max_length=16)),
        added("requested_for", models.CharField(blank=True, db_default="", max_length=150)),
        added("agent_name", models.CharField(blank=True, db_default="", max_length=150)),
        added("event_key", models.CharField(blank=True, db_default="", max_length=64)),
        added(
            "context",
            models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        added("quorum", models.PositiveSmallIntegerField(db_default=1, default=1)),
        added(
            "approver_role",
            models.CharField(
                choices=ROLES, db_default="approver", default="approver", max_length=16
            ),
        ),
        added("four_eyes", models.BooleanField(db_default=True, default=True)),
        added("reason_required", models.BooleanField(db_default=False, default=False)),
        added("valid_minutes", models.PositiveIntegerField(null=True)),
        added("expires_at", models.DateTimeField(null=True)),
        added("broke_glass", models.BooleanField(db_default=False, default=False)),
        added("valid_until", models.DateTimeField(blank=True, null=True)),
        added("use_by", models.DateTimeField(blank=True, null=True)),
        added("uses", models.PositiveIntegerField(db_default=0, default=0)),
        added("callback_url", models.TextField(blank=True, db_default="")),
        added("callback_sent_at", models.DateTimeField(blank=True, null=True)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        # The rows just filled have pending trigger events, which the changes below do not allow.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="approval",
            name="key",
            field=models.CharField(
                db_default=governance.models.OLD_KEY,
                default=governance.models.approval_key,
                editable=False,
                max_length=20,
                unique=True,
            ),
        ),
        migrations.AlterField(
            model_name="approval",
            name="expires_at",
            field=models.DateTimeField(db_default=governance.models.OLD_EXPIRY),
        ),
        migrations.AlterField(
            model_name="approval",
            name="status",
            field=models.CharField(choices=STATUSES, default="pending", max_length=16),
        ),
        migrations.AlterModelOptions(
            name="approval",
            options={
                "ordering": ["-requested_at"],
                "permissions": [
                    ("decide_approval", "Can approve and deny requests"),
                    ("break_glass", "Can release an action alone in an emergency"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                condition=models.Q(status="pending"), fields=["expires_at"], name="approval_expiry"
            ),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                condition=models.Q(status="approved"), fields=["use_by"], name="approval_use_by"
            ),
        ),
        migrations.CreateModel(
            name="Vote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),  # fmt: skip
                ("voter", models.CharField(max_length=150)),
                ("verified", models.BooleanField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[("approve", "Approve"), ("deny", "Deny")], max_length=16
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("at", models.DateTimeField(db_default=Now())),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="votes",
                        to="governance.approval",
                    ),
                ),
            ],
            options={
                "ordering": ["at", "pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("approval", "voter"), name="one_vote_a_person")
                ],
            },
        ),
        migrations.CreateModel(
            name="EmergencyReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),  # fmt: skip
                ("opened_by", models.CharField(max_length=150)),
                ("opened_at", models.DateTimeField(db_default=Now())),
                ("reason", models.TextField()),
                ("closed_by", models.CharField(blank=True, db_default="", max_length=150)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("finding", models.TextField(blank=True, db_default="")),
                (
                    "approval",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="review",
                        to="governance.approval",
                    ),
                ),
            ],
            options={"ordering": ["-opened_at", "-pk"], "verbose_name": "emergency review"},
        ),
        migrations.CreateModel(
            name="ApprovalCallback",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),  # fmt: skip
                ("message_id", models.CharField(max_length=64, unique=True)),
                ("body", models.TextField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_at", models.DateTimeField(db_default=Now(), null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("status_code", models.PositiveSmallIntegerField(null=True)),
                ("error", models.TextField(blank=True)),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="callbacks",
                        to="governance.approval",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(next_at__isnull=False),
                        fields=["next_at"],
                        name="callback_due",
                    )
                ]
            },
        ),
    ]
