"""A process of an older version, which knows of no roles, makes a token of the least."""

from django.db import migrations, models

ROLES = [(role, role) for role in ("viewer", "operator", "approver", "admin")]


class Migration(migrations.Migration):
    dependencies = [("governance", "0006_approvals")]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="role",
            field=models.CharField(choices=ROLES, db_default="viewer", max_length=16),
        ),
    ]
