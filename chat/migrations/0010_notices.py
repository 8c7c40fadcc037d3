import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0009_requests_for_more'),
    ]

    operations = [
        migrations.AddField(
            model_name='allowance',
            name='told',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('budget_low', 'Little of a budget is left'), ('budget_reached', 'A budget is used up'), ('more_asked', 'Somebody asks for more'), ('more_granted', 'You have more'), ('more_declined', 'You do not get more'), ('spike', 'Somebody uses much more than usual'), ('failing', 'A model fails often'), ('meter_differs', 'Meter and ledger differ'), ('balance_low', 'The balance is low'), ('unpriced', 'A model has no price')], max_length=20)),
                ('subject', models.CharField(max_length=60)),
                ('figures', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('read_at', models.DateTimeField(null=True)),
                ('mail_at', models.DateTimeField(null=True)),
                ('mailed_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('read_at', None)), fields=['user'], name='notice_unread'), models.Index(condition=models.Q(('mail_at__isnull', False)), fields=['mail_at'], name='notice_to_mail')],
            },
        ),
    ]
