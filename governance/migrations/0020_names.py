"""The names the console has for these rows."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0019_earlier"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="auditevent",
            options={"ordering": ["-recorded_at", "-id"], "verbose_name": "event"},
        ),
        migrations.AlterModelOptions(
            name="emergencyreview",
            options={"ordering": ["-opened_at", "-pk"], "verbose_name": "break-glass review"},
        ),
    ]
