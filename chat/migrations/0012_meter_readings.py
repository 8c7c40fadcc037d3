from django.db import migrations, models
from django.db.models import Q

import chat.models.money


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0011_bills'),
    ]

    operations = [
        migrations.CreateModel(
            name='MeterReading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField(unique=True, verbose_name='hour')),
                ('taken_at', models.DateTimeField(null=True, verbose_name='read')),
                ('used', chat.models.money.CreditField(null=True, verbose_name='credits used')),
                ('remaining', chat.models.money.CreditField(null=True, verbose_name='credits left')),
                ('raw', models.JSONField(null=True, verbose_name='as it came')),
                ('error', models.CharField(blank=True, max_length=32, verbose_name='error')),
            ],
            options={
                'verbose_name': 'meter reading',
                'verbose_name_plural': 'meter readings',
                'constraints': [
                    models.CheckConstraint(
                        condition=Q(Q(('remaining', None), ('taken_at', None), ('used', None)), Q(('taken_at__isnull', False), ('used__isnull', False)), _connector='OR'),
                        name='meter_reading_has_figures_once_taken',
                    ),
                ],
            },
        ),
    ]
