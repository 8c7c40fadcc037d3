import chat.models.money
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0013_erased_people'),
    ]

    operations = [
        migrations.CreateModel(
            name='Revaluation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model', models.CharField(max_length=200, verbose_name='model')),
                ('includes_priced', models.BooleanField(default=False, verbose_name='those with a cost too')),
                ('reason', models.CharField(max_length=300, verbose_name='reason')),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='made')),
                ('reached', models.BigIntegerField(default=0)),
                ('last', models.BigIntegerField()),
                ('finished_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='made by')),
            ],
            options={
                'verbose_name': 'revaluation',
                'verbose_name_plural': 'revaluations',
                'constraints': [models.UniqueConstraint(condition=models.Q(('finished_at', None)), fields=('model',), name='revaluation_one_at_a_time_of_a_model')],
            },
        ),
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cost', chat.models.money.MoneyField(verbose_name='cost')),
                ('cost_low', chat.models.money.MoneyField(verbose_name='cost, at least')),
                ('cost_high', chat.models.money.MoneyField(verbose_name='cost, at most')),
                ('completion', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='chat.completion', verbose_name='completion')),
                ('price', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='chat.price', verbose_name='price')),
                ('replaces', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaced_by', to='chat.correction', verbose_name='replaces')),
                ('revaluation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='chat.revaluation', verbose_name='revaluation')),
            ],
            options={
                'verbose_name': 'correction',
                'verbose_name_plural': 'corrections',
                'constraints': [
                    models.UniqueConstraint(fields=('completion', 'price'), name='correction_one_a_row_and_price'),
                    models.UniqueConstraint(condition=models.Q(('replaces', None)), fields=('completion',), name='correction_one_first_of_a_row'),
                    models.CheckConstraint(condition=models.Q(('cost__gte', models.F('cost_low')), ('cost__lte', models.F('cost_high'))), name='correction_lies_in_its_bounds'),
                ],
            },
        ),
    ]
