import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0007_a2a'),
    ]

    operations = [
        migrations.CreateModel(
            name='DatabaseSnapshot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target', models.CharField(max_length=200)),
                ('taken_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('taken_by', models.CharField(max_length=150)),
                ('figures', models.JSONField()),
            ],
            options={
                'ordering': ['-pk'],
                'default_permissions': (),
                'indexes': [models.Index(fields=['target', '-id'], name='snapshot_of_target')],
            },
        ),
    ]
