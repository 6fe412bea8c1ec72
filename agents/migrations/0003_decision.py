"""What the policy said to a call, as it was judged: evidence for the call's event."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "0002_budgets")]

    operations = [
        migrations.AddField(
            model_name="toolexecution",
            name="decision",
            field=models.JSONField(
                default=dict, db_default=models.Value({}, models.JSONField())
            ),
        ),
    ]
