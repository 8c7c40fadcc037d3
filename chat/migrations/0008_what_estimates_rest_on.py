from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0007_reviewers'),
    ]

    operations = [
        migrations.AddField(
            model_name='completion',
            name='first_text_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='first text'),
        ),
        migrations.AddField(
            model_name='completion',
            name='prompt_characters',
            field=models.PositiveBigIntegerField(blank=True, null=True, verbose_name='characters sent'),
        ),
        migrations.AddField(
            model_name='completion',
            name='prompt_messages',
            field=models.PositiveBigIntegerField(blank=True, null=True, verbose_name='messages sent'),
        ),
        migrations.AddField(
            model_name='completion',
            name='text_characters',
            field=models.PositiveBigIntegerField(blank=True, null=True, verbose_name='characters read'),
        ),
        migrations.AddIndex(
            model_name='completion',
            index=models.Index(condition=models.Q(('state', 'final')), fields=['model_asked', 'started_at'], name='completion_final_of_model'),
        ),
    ]
