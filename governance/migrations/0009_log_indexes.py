"""One index of the events for a trace and for how one begins, in the order of time: it was two."""

from django.db import migrations, models

NAME = "audit_by_trace"
INDEX = models.Index(
    fields=["trace_id", "-recorded_at", "-id"],
    name=NAME,
    opclasses=["varchar_pattern_ops", "timestamptz_ops", "int8_ops"],
)


class Migration(migrations.Migration):
    dependencies = [("governance", "0010_secbot")]

    operations = [
        migrations.RemoveIndex(model_name="auditevent", name="audit_by_trace_prefix"),
        migrations.RemoveIndex(model_name="auditevent", name=NAME),
        migrations.AddIndex(model_name="auditevent", index=INDEX),
    ]
