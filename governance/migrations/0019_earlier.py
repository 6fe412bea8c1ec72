"""What was decided on one thing earlier is found without looking through all approvals."""

from django.db import migrations, models

INDEX = models.Index(
    fields=["resource_name", "tool_name", "-requested_at"],
    name="approval_earlier",
    condition=models.Q(decided_at__isnull=False),
)


class Migration(migrations.Migration):
    dependencies = [("governance", "0018_incident_closing")]

    operations = [migrations.AddIndex(model_name="approval", index=INDEX)]
