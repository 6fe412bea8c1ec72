"""The events in the order of time, with their traces beside them: a common prefix is looked for
in the index alone, wherever in the log its events begin.
"""

from django.db import migrations, models

NAME = "audit_by_time"
INDEX = models.Index(fields=["-recorded_at", "-id"], include=["trace_id"], name=NAME)


class Migration(migrations.Migration):
    dependencies = [("governance", "0015_append")]

    operations = [
        migrations.RemoveIndex(model_name="auditevent", name=NAME),
        migrations.AddIndex(model_name="auditevent", index=INDEX),
    ]
