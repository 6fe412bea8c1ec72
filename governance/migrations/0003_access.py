"""Tokens get a role, an end, a last use and a revocation; the permission to manage those of others.

A token from before has no role of its own: it stays as good as its owner. One that never ended
ends in 90 days.
"""

from datetime import timedelta

from django.db import migrations, models
from django.utils.timezone import now

ROLES = [(role, role) for role in ("viewer", "operator", "approver", "admin")]


def end_the_endless(apps, schema_editor):
    tokens = apps.get_model("governance", "ApiToken").objects
    tokens.filter(expires_at__isnull=True).update(expires_at=now() + timedelta(days=90))


class Migration(migrations.Migration):
    dependencies = [("governance", "0002_append_only")]

    operations = [
        migrations.RunPython(end_the_endless, migrations.RunPython.noop),
        migrations.AlterModelOptions(
            name="apitoken",
            options={
                "permissions": [("manage_tokens", "Can see, make and revoke tokens of others")],
                "verbose_name": "API token",
            },
        ),
        migrations.AddField(
            model_name="apitoken",
            name="role",
            field=models.CharField(choices=ROLES, default="admin", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="revoked_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="expires_at",
            field=models.DateTimeField(),
        ),
    ]
