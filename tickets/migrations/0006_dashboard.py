from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tickets", "0005_preview")]

    operations = [
        migrations.CreateModel(
            name="DailyUse",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("counted_at", models.DateTimeField()),
                ("tools", models.JSONField(default=list)),
                ("usage", models.JSONField(default=list)),
            ],
            options={"default_permissions": ()},
        ),
    ]
