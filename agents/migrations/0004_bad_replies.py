"""Replies that cannot be used are counted apart from outages; and a name for the console's menu."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "0003_decision")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="bad_replies",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AlterModelOptions(
            name="stopswitch",
            options={
                "default_permissions": (),
                "permissions": [("stop_everything", "Can stop all agents and start them again")],
                "verbose_name_plural": "stop switch",
            },
        ),
    ]
