from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0012_meter_readings'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='erased_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='erased'),
        ),
    ]
