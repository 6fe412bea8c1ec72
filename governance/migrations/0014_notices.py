"""Requests for approval are told to a webhook and by mail: messages have a channel."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("governance", "0013_search_path")]
    operations = [
        migrations.AddField(
            model_name="approvalcallback",
            name="channel",
            field=models.CharField(
                choices=[("callback", "Callback"), ("webhook", "Webhook"), ("email", "Email")],
                db_default="callback",
                default="callback",
                max_length=16,
            ),
        ),
    ]
