"""Policy documents become rows: hashed, versioned, one of them active."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("governance", "0003_access")]

    operations = [
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("text", models.TextField()),
                ("source", models.CharField(max_length=500)),
                ("loaded_at", models.DateTimeField(auto_now_add=True)),
                ("loaded_by", models.CharField(max_length=200)),
                ("active", models.BooleanField(default=False)),
                ("activated_at", models.DateTimeField(blank=True, null=True)),
                ("proposed_by", models.CharField(blank=True, max_length=200)),
                ("proposed_over", models.CharField(blank=True, max_length=64)),
                ("waiting", models.BooleanField(default=False)),
                ("confirmed_by", models.CharField(blank=True, max_length=200)),
                ("shadow", models.BooleanField(default=False)),
                ("shadow_since", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-loaded_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("active", True)),
                        fields=("active",),
                        name="one_active_policy",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("shadow", True)),
                        fields=("shadow",),
                        name="one_shadow_policy",
                    ),
                ],
            },
        ),
    ]
