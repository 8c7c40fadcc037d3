import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

import chat.models.money


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0010_notices'),
    ]

    operations = [
        migrations.CreateModel(
            name='Bill',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('entered_at', models.DateTimeField(editable=False, null=True, verbose_name='entered')),
                ('file_name', models.CharField(blank=True, max_length=200, verbose_name='file')),
                ('entered_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bills', to=settings.AUTH_USER_MODEL, verbose_name='entered by')),
            ],
            options={
                'verbose_name': 'bill',
                'verbose_name_plural': 'bills',
            },
        ),
        migrations.CreateModel(
            name='BilledDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day')),
                ('model', models.CharField(max_length=200, verbose_name='model')),
                ('prompt_tokens', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='tokens in')),
                ('completion_tokens', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='tokens out')),
                ('total_tokens', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='tokens in all')),
                ('amount', chat.models.money.MoneyField(blank=True, null=True, verbose_name='amount')),
                ('currency', models.CharField(blank=True, max_length=3, verbose_name='currency')),
                ('note', models.CharField(blank=True, max_length=300, verbose_name='note')),
                ('bill', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='days', to='chat.bill', verbose_name='bill')),
            ],
            options={
                'verbose_name': 'billed day',
                'verbose_name_plural': 'billed days',
                'indexes': [models.Index(fields=['day', 'model'], name='billed_day_by_day')],
                'constraints': [
                    models.UniqueConstraint(fields=('bill', 'day', 'model'), name='billed_day_once_a_bill'),
                    models.CheckConstraint(
                        condition=Q(Q(('amount', None), ('currency', '')), Q(Q(('amount__gte', 0), ('amount__isnull', False)), Q(('currency', ''), _negated=True)), _connector='OR'),
                        name='billed_day_amount_has_a_currency',
                    ),
                    models.CheckConstraint(
                        condition=Q(('amount__isnull', False), ('prompt_tokens__isnull', False), ('completion_tokens__isnull', False), ('total_tokens__isnull', False), _connector='OR'),
                        name='billed_day_says_something',
                    ),
                ],
            },
        ),
    ]
