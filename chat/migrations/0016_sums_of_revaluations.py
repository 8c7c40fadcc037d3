from collections import Counter

from django.db import migrations, models
from django.db.models.functions import Coalesce

DECIMALS = 12


def sum_up(apps, schema_editor):
    """What those have changed that were made before."""
    for revaluation in apps.get_model('chat', 'Revaluation').objects.all():
        before, after = Counter(), Counter()
        lines = revaluation.corrections.values_list(
            Coalesce('replaces__price__currency', 'completion__price__currency'),
            Coalesce('replaces__cost', 'completion__cost'),
            'price__currency',
            'cost',
        )
        for was, cost_before, now, cost in lines.iterator():
            revaluation.rows += 1
            revaluation.unpriced += was is None
            if was is not None:
                before[was] += int(cost_before.scaleb(DECIMALS))
            after[now] += int(cost.scaleb(DECIMALS))
        revaluation.before, revaluation.after = before, after
        revaluation.save()


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0015_rows_without_cost'),
    ]

    operations = [
        migrations.AddField(
            model_name='revaluation',
            name='after',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='revaluation',
            name='before',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='revaluation',
            name='rows',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='revaluation',
            name='unpriced',
            field=models.BigIntegerField(default=0),
        ),
        migrations.RunPython(sum_up, migrations.RunPython.noop),
    ]
