"""The names the console has for these rows."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0009_sync"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="helpdesktask",
            options={
                "ordering": ["-created_at"],
                "permissions": [
                    ("ask_agents", "Can ask the helpdesk's agents and call their tools")
                ],
                "verbose_name": "question to agents",
                "verbose_name_plural": "questions to agents",
            },
        ),
        migrations.AlterModelOptions(
            name="incident",
            options={
                "default_permissions": ("view",),
                "ordering": ["-created_at", "-pk"],
                "verbose_name": "incident bundle",
            },
        ),
    ]
