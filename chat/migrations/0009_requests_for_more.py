import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0008_what_estimates_rest_on'),
    ]

    operations = [
        migrations.CreateModel(
            name='BudgetRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('state', models.CharField(choices=[('open', 'Open'), ('granted', 'Granted'), ('declined', 'Declined')], default='open', max_length=8, verbose_name='state')),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='asked')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
                ('words', models.CharField(blank=True, max_length=500, verbose_name='words')),
                ('granted', models.BigIntegerField(blank=True, null=True, verbose_name='granted')),
                ('until', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='requests', to='chat.budget', verbose_name='budget')),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='budget_requests', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'request for more',
                'verbose_name_plural': 'requests for more',
                'indexes': [models.Index(fields=['user', 'asked_at'], name='budget_request_of_user')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('budget', 'user'), name='budget_request_one_open'), models.CheckConstraint(condition=models.Q(models.Q(('granted__gt', 0), ('granted__isnull', False), ('state', 'granted'), ('until__isnull', False)), models.Q(models.Q(('state', 'granted'), _negated=True), ('granted', None), ('until', None)), _connector='OR'), name='budget_request_grants_something_until'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='budget_request_decided_iff_not_open')],
            },
        ),
    ]
